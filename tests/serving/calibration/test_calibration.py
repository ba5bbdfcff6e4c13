"""A calibration applied to grading, and its file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab
from serving.calibration.calibration import (
    Guarantee,
    LabCalibration,
    read_calibration,
    write_calibration,
)
from tests.harness.errors import raises_code

MakeLab = Callable[..., Lab]
GUARANTEE = Guarantee(max_error=0.05, confidence=0.9, threshold=0.7, accepted=0.5, disagreed=0.01, bound=0.04)


@pytest.fixture
def calibrated(make_lab: MakeLab, fake_grader: Any, calibration_of: Any) -> Any:
    """`fake_grader` with a calibration for make_lab's lab at temperature 2."""
    lab = make_lab()
    temperatures = {criterion.title: 2.0 for criterion in lab.criteria}
    fake_grader.calibration = calibration_of(
        fake_grader.graded_with,
        labs={lab.name: LabCalibration(rubric_hash=rubric_hash(lab), temperatures=temperatures)},
        guarantee=GUARANTEE,
        students=50,
        decisions=100,
        submissions=("0" * 16,),
    )
    return fake_grader


def reasons(grader: Any, lab: Lab) -> set[tuple[str, ...]]:
    [grade] = grader.grade(lab, lab.submissions[:1])
    return {criterion.review_reasons for criterion in grade.criteria}


def test_calibration_changes_only_the_confidence(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab(students=1)
    [grade] = calibrated.grade(lab, lab.submissions)
    three, two = grade.criteria  # probabilities 16:1:1 and 8:1; temperature 2 takes square roots
    assert three.confidence == pytest.approx(4 / 6)
    assert two.confidence == pytest.approx(8**0.5 / (8**0.5 + 1))
    assert three.probabilities == pytest.approx({"A": 16 / 18, "B": 1 / 18, "C": 1 / 18})
    assert (three.rating, two.rating) == ("A", "A")


def test_confidences_above_the_threshold_are_accepted(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab(students=1)
    [grade] = calibrated.grade(lab, lab.submissions)
    assert [c.status for c in grade.criteria] == [Status.NEEDS_REVIEW, Status.ACCEPTED]
    assert grade.criteria[0].review_reasons == ("low-confidence: 0.67 < 0.70",)


def test_lab_outside_the_calibration_needs_review(make_lab: MakeLab, calibrated: Any) -> None:
    assert reasons(calibrated, make_lab("another")) == {("not-calibrated: not for this lab",)}


def test_changed_rubric_needs_review(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab()
    renamed = lab.criteria[0].model_copy(update={"description": "now described"})
    changed = lab.model_copy(update={"criteria": (renamed, *lab.criteria[1:])})
    assert reasons(calibrated, changed) == {("not-calibrated: the rubric has changed since the calibration",)}


def test_criterion_without_ta_ratings_needs_review(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab()
    known = calibrated.calibration.labs[lab.name]
    part = known.model_copy(update={"temperatures": {lab.criteria[1].title: 1.0}})
    calibrated.calibration = calibrated.calibration.model_copy(update={"labs": {lab.name: part}})
    assert reasons(calibrated, lab) == {("not-calibrated: not for this criterion",), ()}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"weights": "other"}, "weights"),
        ({"orders": 3}, "orders"),
        ({"verification_pass": True}, "verification pass"),
        ({"injection_guards": 0}, "injection guards"),
        ({"prompts": "other", "tokenizer": "other"}, "tokenizer, prompts"),
    ],
)
def test_calibration_for_other_settings_is_not_applied(
    make_lab: MakeLab, calibrated: Any, change: dict[str, Any], expected: str
) -> None:
    lab, original = make_lab(students=1), calibrated.calibration
    calibrated.calibration = original.model_copy(update={"graded_with": original.graded_with.model_copy(update=change)})
    [grade] = calibrated.grade(lab, lab.submissions)
    for criterion in grade.criteria:
        assert criterion.review_reasons == (f"not-calibrated: the calibration was fitted with a different {expected}",)
        assert criterion.confidence == max(criterion.probabilities.values())


def test_calibration_without_guarantee_accepts_nothing(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab(students=1)
    update = {"guarantee": None, "refused": "2 students"}
    calibrated.calibration = calibrated.calibration.model_copy(update=update)
    [grade] = calibrated.grade(lab, lab.submissions)
    assert {c.review_reasons for c in grade.criteria} == {("not-calibrated: no guarantee could be given",)}
    assert grade.criteria[0].confidence == pytest.approx(4 / 6)


def test_calibration_is_part_of_the_provenance(make_lab: MakeLab, calibrated: Any) -> None:
    lab = make_lab(students=1)
    [before] = calibrated.grade(lab, lab.submissions)
    calibrated.calibration = None
    [after] = calibrated.grade(lab, lab.submissions)
    assert before.provenance.settings_hash != after.provenance.settings_hash


def test_calibration_file_round_trip(tmp_path: Path, calibrated: Any) -> None:
    assert read_calibration(tmp_path) is None
    path = write_calibration(calibrated.calibration, tmp_path)
    assert path == tmp_path / "calibration.json"
    assert read_calibration(tmp_path) == calibrated.calibration
    assert [each.name for each in tmp_path.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2}', "\xff"])
def test_damaged_calibration_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_bytes(text.encode("latin-1"))
    with raises_code("bad-calibration", r"calibration\.json"):
        read_calibration(tmp_path)
