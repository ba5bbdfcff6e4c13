import io
import re
from collections.abc import Callable
from typing import Any

from rich.console import Console

from labs_schema.models import Lab
from serving.engines.engine import EngineFailure
from serving.grading.rubric_table import rubric_table

MakeLab = Callable[..., Lab]


def shown(lab: Lab, grade: Any) -> str:
    console = Console(width=160, file=io.StringIO())
    console.print(rubric_table(grade, lab.criteria))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_every_criterion_has_a_row_with_rating_probability_marks_and_status(
    make_lab: MakeLab, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    lines = shown(lab, fake_grader.grade(lab, lab.submissions)[0]).splitlines()
    [row] = [line for line in lines if "Does it compile?" in line]
    assert re.split(" {2,}", row.replace("A  ", "A ").strip()) == [
        "Does it compile?", "A Without warnings", "0.89", "2 / 2", "accepted",
    ]  # fmt: skip
    [total] = [line for line in lines if "Total" in line]
    assert "3 / 3" in total


def test_an_ungraded_criterion_says_why_and_makes_the_total_a_range(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [EngineFailure("the engine gave no answer")]
    text = shown(lab, fake_grader.grade(lab, lab.submissions)[0])
    assert "ungraded: the engine gave no answer" in text
    assert "? / 2" in text
    assert "1-3 / 3" in text


def test_what_others_wrote_is_neither_markup_nor_obeyed_by_the_terminal(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    hostile = lab.criteria[0].model_copy(update={"title": "[bold red]x[/] \x1b[2J"})
    lab = lab.model_copy(update={"criteria": (hostile, lab.criteria[1])})
    fake_engine.text = "see [link=http://e.x]here[/link]"
    text = shown(lab, fake_grader.grade(lab, lab.submissions, reasoning=True)[0])
    assert "[bold red]x[/]" in text
    assert "[link=http://e.x]here[/link]" in text
    assert "\x1b" not in text
