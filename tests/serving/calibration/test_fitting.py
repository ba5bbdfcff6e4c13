import numpy as np
import pytest

from serving.calibration.fitting import cross_fitted, fit, threshold
from serving.calibration.temperatures import Temperatures
from serving.measures.decisions import Decision

MAX_ERROR, CONFIDENCE = 0.1, 0.9


def graded(students: int, each: int, *, temperature: float = 1.0, seed: int = 0) -> list[Decision]:
    """Work of `students` students with `each` criteria of two ratings; see `drawn`."""
    draw = np.random.default_rng(seed)
    shares = draw.beta(6, 1, size=(students, each))
    return drawn(shares, draw, temperature)


def drawn(
    shares: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", draw: np.random.Generator, temperature: float
) -> list[Decision]:
    """The first rating is right with probability `shares`; the model says so at `temperature`."""
    found = []
    for (student, criterion), true in np.ndenumerate(shares):
        odds = (true / (1 - true)) ** temperature
        said = float(odds / (1 + odds))
        found.append(
            Decision(
                lab="a",
                language="c",
                student=f"s{student}",
                criterion=f"c{criterion % 4}",
                ratings=2,
                human=int(draw.uniform() > true),
                grader=int(said < 0.5),
                probabilities=(said, 1 - said),
                confidence=max(said, 1 - said),
            )
        )
    return found


def test_a_confidence_is_fitted_without_the_student_it_is_for() -> None:
    decisions = graded(10, 8)
    turned = [d.model_copy(update={"human": 1 - d.human}) if d.student == "s3" else d for d in decisions]
    one = [d.confidence for d in cross_fitted(decisions) if d.student == "s3"]
    other = [d.confidence for d in cross_fitted(turned) if d.student == "s3"]
    assert one == other
    assert [d.confidence for d in cross_fitted(decisions)] != [d.confidence for d in cross_fitted(turned)]


def test_enough_graded_work_gives_a_promise_that_says_what_it_rests_on() -> None:
    decisions = graded(60, 12)
    found = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert not isinstance(found, str)
    accepted = [d for d in decisions if d.confidence is not None and d.confidence >= found.threshold]
    assert found.accepted == pytest.approx(len(accepted) / len(decisions))
    assert found.disagreed == pytest.approx(np.mean([d.grader != d.human for d in accepted]))
    assert found.disagreed < found.bound <= MAX_ERROR


def test_what_goes_to_a_person_anyway_is_neither_accepted_nor_counted_for_the_promise() -> None:
    decisions = graded(60, 12)
    doubted = [d.model_copy(update={"human": 1 - (d.grader or 0), "reasons": ("tied",)}) for d in graded(60, 4, seed=1)]
    alone = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    both = threshold([*decisions, *doubted], max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert not isinstance(alone, str) and not isinstance(both, str)
    assert both.threshold == alone.threshold
    assert both.accepted == pytest.approx(alone.accepted * 12 / 16)


def test_too_few_students_are_refused_with_the_number_that_would_do() -> None:
    found = threshold(graded(6, 12), max_error=0.05, confidence=CONFIDENCE)
    assert isinstance(found, str)
    assert "of 6 students" in found and "students would do" in found


def test_a_grader_that_is_wrong_too_often_is_refused_and_no_number_of_students_is_named() -> None:
    wrong = [d.model_copy(update={"human": 1 - (d.grader or 0)}) for d in graded(40, 12)]
    found = threshold(wrong, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert isinstance(found, str) and "no number of students would do" in found


def test_where_everything_goes_to_a_person_anyway_the_refusal_says_why() -> None:
    doubts = (
        ("low label mass (0.01 < 0.50)",),
        ("suspicious text: comment at a.c:3", "suspicious text: string at a.c:4"),
    )
    decisions = [d.model_copy(update={"reasons": doubts[i % 2]}) for i, d in enumerate(graded(5, 4))]
    found = threshold(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert isinstance(found, str)
    assert "0 of 20 decisions of 5 students" in found
    assert "low label mass: 10, suspicious text: 10" in found


@pytest.mark.parametrize("decisions", [[], graded(1, 20)])
def test_one_student_or_none_is_refused(decisions: list[Decision]) -> None:
    found = fit(decisions, max_error=MAX_ERROR, confidence=CONFIDENCE)
    assert found.guarantee is None
    assert "at least 2 students are needed" in found.refused


def test_ungraded_decisions_are_no_part_of_the_fit_and_count_as_not_accepted() -> None:
    decisions = graded(60, 12)
    nothing = decisions[0].model_copy(update={"grader": None, "probabilities": (), "confidence": None})
    one, other = (
        fit(each, max_error=MAX_ERROR, confidence=CONFIDENCE) for each in (decisions, [*decisions, *[nothing] * 720])
    )
    assert one.temperatures == other.temperatures
    assert one.guarantee is not None and other.guarantee is not None
    assert other.guarantee.accepted == pytest.approx(one.guarantee.accepted / 2)


@pytest.mark.slow
def test_the_whole_way_keeps_its_promise_with_an_overconfident_model() -> None:
    """Cross-fitted temperatures choose the threshold, temperatures of all students are used: 80 courses."""
    future = np.random.default_rng(99).beta(6, 1, size=40_000)
    broken = 0
    for seed in range(80):
        found = fit(graded(30, 12, temperature=2.0, seed=seed), max_error=MAX_ERROR, confidence=CONFIDENCE)
        if found.guarantee:
            broken += true_error(found.temperatures, found.guarantee.threshold, future) > MAX_ERROR
    assert broken / 80 <= 1 - CONFIDENCE + 3 * (0.09 / 80) ** 0.5


def true_error(
    temperatures: Temperatures, limit: float, shares: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> float:
    """Of the accepted among students to come, over the four criteria."""
    wrong, taken = 0.0, 0.0
    for temperature in temperatures.labs["a"].values():
        odds = (shares / (1 - shares)) ** (2.0 / temperature)
        sure = np.maximum(odds, 1 / odds) / (1 + np.maximum(odds, 1 / odds))
        accepted = sure >= limit
        wrong += np.minimum(shares, 1 - shares)[accepted].sum()
        taken += accepted.sum()
    return wrong / max(taken, 1)
