"""The table that `grader grade` prints."""

import io
import re
from collections.abc import Callable

from rich.console import Console

from grader.tables.grade import grade_table
from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab

MakeLab = Callable[..., Lab]


def best(lab: Lab, index: int, reasoning: str | None = None) -> CriterionGrade:
    criterion = lab.criteria[index]
    return CriterionGrade(
        criterion=criterion.title,
        rating="A",
        confidence=0.894,
        marks=criterion.max_marks,
        max_marks=criterion.max_marks,
        status=Status.ACCEPTED,
        reasoning=reasoning,
    )


def printed(lab: Lab, *criteria: CriterionGrade) -> str:
    provenance = Provenance(**dict.fromkeys(Provenance.model_fields, ""))
    grade = Grade(lab=lab.name, student="s000", criteria=criteria, provenance=provenance)
    console = Console(width=160, file=io.StringIO())
    console.print(grade_table(grade, lab.criteria))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_each_criterion_has_a_row_with_rating_confidence_marks_and_status(make_lab: MakeLab) -> None:
    lab = make_lab(students=1)
    lines = printed(lab, best(lab, 0), best(lab, 1)).splitlines()
    [row] = [line for line in lines if "Does it compile?" in line]
    assert re.split(" {2,}", row.replace("A  ", "A ").strip()) == [
        "Does it compile?", "A Without warnings", "0.89", "2 / 2", "accepted",
    ]  # fmt: skip
    [total] = [line for line in lines if "Total" in line]
    assert "3 / 3" in total


def test_an_ungraded_criterion_shows_its_reason_and_turns_the_total_into_a_range(make_lab: MakeLab) -> None:
    lab = make_lab(students=1)
    failed = CriterionGrade(criterion=lab.criteria[0].title, ungraded="the engine gave no answer", max_marks=2)
    text = printed(lab, failed, best(lab, 1))
    assert "ungraded: the engine gave no answer" in text
    assert "? / 2" in text
    assert "1-3 / 3" in text


def test_markup_and_control_characters_in_labs_and_reasons_are_printed_literally(make_lab: MakeLab) -> None:
    lab = make_lab(students=1)
    hostile = lab.criteria[0].model_copy(update={"title": "[bold red]x[/] \x1b[2J"})
    lab = lab.model_copy(update={"criteria": (hostile, lab.criteria[1])})
    text = printed(lab, best(lab, 0, "see [link=http://e.x]here[/link]"), best(lab, 1))
    assert "[bold red]x[/]" in text
    assert "[link=http://e.x]here[/link]" in text
    assert "\x1b" not in text
