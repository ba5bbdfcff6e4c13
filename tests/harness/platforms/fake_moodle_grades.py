"""The rows of the fake Moodle's gradebook: what it stores of a request, and what it shows of that."""

import html
import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass
class Grade:
    """A row of Moodle's table of grades, with the parts that its plugins store."""

    id: int
    userid: int
    grade: float = -1.0
    grader: int = -1
    comment: str | None = None
    state: str = "notmarked"
    fillings: list[Json] | None = None


def fillings_of(new: Json) -> list[Json]:
    criteria = ((new.get("advancedgradingdata") or {}).get("rubric") or {}).get("criteria") or []
    return [
        {"criterionid": int(each["criterionid"]), "levelid": int(each["levelid"]), "remark": each["remark"]}
        for criterion in criteria
        for each in criterion["fillings"]
    ]


def known_fillings(fillings: list[Json], rubric: list[Json]) -> list[Json]:
    """Without the criteria of other rubrics, which Moodle ignores without a message."""
    return [each for each in fillings if each["criterionid"] in {criterion["id"] for criterion in rubric}]


def points_of(filling: Json, rubric: list[Json]) -> float:
    """0 for the level of another criterion, without a message."""
    levels = {
        level["id"]: level["score"]
        for each in rubric
        if each["id"] == filling["criterionid"]
        for level in each["levels"]
    }
    return float(levels.get(filling["levelid"], 0))


def shown_filling(filling: Json) -> Json:
    """A remark is returned as HTML: what looks like a tag is removed, and spaces between two tags."""
    text = re.sub(r">[ \t\n]+<", "><", filling["remark"])
    text = re.sub(r"<[A-Za-z/!?][^>]*(?:>|$)", "", text)
    text = html.escape(html.unescape(text), quote=False).replace("\n", "<br />\n")
    return filling | {"remark": text, "remarkformat": 1 if text else 0}
