"""Cross-fitting, the acceptance threshold and its refusals on simulated graded work."""

import numpy as np
import pytest

from serving.calibration.fitting import Temperatures, cross_fitted, fit, threshold
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision
from tests.harness.courses.decisions import decision

MAX_ERROR, CONFIDENCE = 0.1, 0.9


def graded(students: int, each: int, *, temperature: float = 1.0, seed: int = 0) -> list[Decision]:
    """Decisions of `students` students on `each` criteria with two ratings; see `drawn`."""
    rng = np.random.default_rng(seed)
    return drawn(rng.beta(6, 1, size=(students, each)), rng, temperature)


def drawn(probabilities: Floats, rng: np.random.Generator, temperature: float) -> list[Decision]:
    """The first rating is right with probability `probabilities`; the model's probabilities need `temperature`."""
    found = []
    for (student, criterion), true in np.ndenumerate(probabilities):
        odds = (true / (1 - true)) ** temperature
        first = float(odds / (1 + odds))
        found.append(
            decision(
                f"s{student}",
                int(rng.uniform() > true),
                int(first < 0.5),
                criterion=f"c{criterion % 4}",
                ratings=2,
                probabilities=(first, 1 - first),
                confidence=max(first, 1 - first),
            )
        )
    return found


def test_confidences_do_not_depend_on_the_students_own_ratings() -> None:
    decisions = graded(10, 8)
    turned = [d.model_copy(update={"human": 1 - d.human}) if d.student == "s3" else d for d in decisions]
    one = [d.confidence for d in cross_fitted(decisions) if d.student == "s3"]
    other = [d.confidence for d in cross_fitted(turned) if d.student == "s3"]
    assert one == other
    assert [d.confidence for d in cross_fitted(decisions)] != [d.confidence for d in cross_fitted(turned)]


def test_enough_graded_work_gives_a_guarantee() -> None:
    decisions = graded(60, 12)
    found = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert not isinstance(found, str)
    accepted = [d for d in decisions if d.confidence is not None and d.confidence >= found.threshold]
    assert found.accepted == pytest.approx(len(accepted) / len(decisions))
    assert found.disagreed == pytest.approx(np.mean([d.grader != d.human for d in accepted]))
    assert found.disagreed < found.bound <= MAX_ERROR


def test_decisions_with_review_reasons_do_not_affect_the_guarantee() -> None:
    decisions = graded(60, 12)
    doubted = [d.model_copy(update={"human": 1 - (d.grader or 0), "reasons": ("tied",)}) for d in graded(60, 4, seed=1)]
    alone = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    both = threshold([*decisions, *doubted], max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert not isinstance(alone, str) and not isinstance(both, str)
    assert both.threshold == alone.threshold
    assert both.accepted == pytest.approx(alone.accepted * 12 / 16)


def test_refusal_names_the_number_of_students_needed() -> None:
    found = threshold(graded(6, 12), max_error=0.05, confidence=CONFIDENCE)
    assert isinstance(found, str)
    assert "of 6 students" in found and "students would be enough" in found


def test_refusal_of_a_grader_with_too_many_errors() -> None:
    wrong = [d.model_copy(update={"human": 1 - (d.grader or 0)}) for d in graded(40, 12)]
    found = threshold(wrong, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert isinstance(found, str) and "no number of students would be enough" in found


def test_refusal_counts_the_review_reasons() -> None:
    doubts = (
        ("low-label-mass: 0.01 < 0.50",),
        ("suspicious-text: comment at a.c:3", "suspicious-text: string at a.c:4"),
    )
    decisions = [d.model_copy(update={"reasons": doubts[i % 2]}) for i, d in enumerate(graded(5, 4))]
    found = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert isinstance(found, str)
    assert "0 of 20 decisions of 5 students" in found
    assert "low-label-mass: 10, suspicious-text: 10" in found


@pytest.mark.parametrize("decisions", [[], graded(1, 20)])
def test_fewer_than_two_students_are_refused(decisions: list[Decision]) -> None:
    found = fit(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert found.guarantee is None
    assert "at least 2 students are needed" in found.refused


def test_ungraded_decisions_count_as_not_accepted() -> None:
    decisions = graded(60, 12)
    nothing = decisions[0].model_copy(update={"grader": None, "probabilities": (), "confidence": None})
    one, other = (
        fit(each, max_error=MAX_ERROR, confidence=CONFIDENCE) for each in (decisions, [*decisions, *[nothing] * 720])
    )
    assert one.temperatures == other.temperatures
    assert one.guarantee is not None and other.guarantee is not None
    assert other.guarantee.accepted == pytest.approx(one.guarantee.accepted / 2)


@pytest.mark.slow
def test_guarantee_holds_for_an_overconfident_model() -> None:
    """80 courses: the threshold comes from cross-fitted temperatures, grading uses those of all students."""
    future = np.random.default_rng(99).beta(6, 1, size=40_000)
    violated = 0
    for seed in range(80):
        found = fit(graded(30, 12, temperature=2.0, seed=seed), max_error=MAX_ERROR, confidence=CONFIDENCE)
        if found.guarantee:
            violated += true_error(found.temperatures, found.guarantee.threshold, future) > MAX_ERROR
    assert violated / 80 <= 1 - CONFIDENCE + 3 * (0.09 / 80) ** 0.5


def true_error(temperatures: Temperatures, limit: float, probabilities: Floats) -> float:
    """Error rate among accepted decisions of new students, over the four criteria."""
    wrong, taken = 0.0, 0.0
    for temperature in temperatures.labs["lab"].values():
        odds = (probabilities / (1 - probabilities)) ** (2.0 / temperature)
        confidences = np.maximum(odds, 1 / odds) / (1 + np.maximum(odds, 1 / odds))
        accepted = confidences >= limit
        wrong += np.minimum(probabilities, 1 - probabilities)[accepted].sum()
        taken += accepted.sum()
    return wrong / max(taken, 1)
