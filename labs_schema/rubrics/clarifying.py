"""Adds a clarification to the text of a `rubrics.json`."""

import json
from typing import Any

from labs_schema.rubrics.json_text import parse_json
from labs_schema.rubrics.rubric_keys import criteria_of


def add_clarification(rubric: str, position: int, text: str) -> str:
    """The file with `text` in the criterion at `position`, from 0; everything else has the same meaning.

    Raises ValueError for a file with comments, which would be lost, and for one that is not a rubric.
    """
    try:
        json.loads(rubric)
    except json.JSONDecodeError:
        raise ValueError("the file has comments or trailing commas, which a program would remove") from None
    document: Any = parse_json(rubric)
    criteria = criteria_of(document)
    if not isinstance(criteria, list) or position >= len(criteria) or not isinstance(criteria[position], dict):
        raise ValueError("the file has no such criterion")
    criterion = criteria[position]
    key = next((each for each in criterion if each.lower() == "clarifications"), "clarifications")
    criterion[key] = [*(criterion.get(key) or []), text]
    return json.dumps(document, indent=_indent(rubric), ensure_ascii=False) + "\n"


def _indent(text: str) -> int | None:
    """The indentation of the file, so that a difference shows only what was added."""
    second = text.splitlines()[1:2]
    return len(second[0]) - len(second[0].lstrip()) if second else None
