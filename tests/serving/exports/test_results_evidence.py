"""Feedback lists the evidence that students may see, next to the model's own rating only."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.models import Lab
from labs_schema.observations import EvidenceLine, Outcome
from serving.exports.results import read_results
from tests.serving.exports.conftest import write_accepted


@pytest.mark.parametrize(("rated", "shown"), [("A", ["- build: passed"]), ("B", [])])
def test_visible_evidence_is_in_the_feedback(
    tmp_path: Path, make_lab: Callable[..., Lab], rated: str, shown: list[str]
) -> None:
    lab = make_lab(students=1)
    folder = write_accepted(lab, {"s000": {each.title: "A" for each in lab.criteria}}, tmp_path / "results")
    document = json.loads((folder / "grades.jsonl").read_text())
    lines = (
        EvidenceLine(check="build", outcome=Outcome.PASSED, visible=True),
        EvidenceLine(check="secret", outcome=Outcome.FAILED),
    )
    document["grade"]["criteria"][0]["evidence"] = [each.model_dump(mode="json") for each in lines]
    document["ratings"][lab.criteria[0].title] = rated
    (folder / "grades.jsonl").write_text(json.dumps(document) + "\n")
    [student] = read_results(folder).students
    assert [line for line in student.feedback.splitlines() if line.startswith("-")] == shown
