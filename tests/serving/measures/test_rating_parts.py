"""Recall and precision of each rating title, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from serving.measures.decisions import Decision
from serving.measures.rating_parts import rating_parts

TITLES = {("lab", "c"): ("A", "B", "C"), ("lab", "d"): ("B", "D")}


def decision(student: str, human: int, grader: int | None, criterion: str = "c") -> Decision:
    size = len(TITLES["lab", criterion])
    return Decision(
        lab="lab", language="C", student=student, criterion=criterion, ratings=size, human=human, grader=grader
    )


def test_five_decisions_are_worked_out_by_hand() -> None:
    """By title: the TA's A A B B D, the grader's A B B - D: the first criterion's B and the second's count as one."""
    rows = [("s1", 0, 0, "c"), ("s2", 0, 1, "c"), ("s3", 1, 1, "c"), ("s4", 0, None, "d"), ("s5", 1, 1, "d")]
    found = rating_parts([decision(*row) for row in rows], TITLES, resamples=20)
    assert {
        title: (part.given_by_ta, part.given_by_grader, part.recall.value, part.precision.value)
        for title, part in found.items()
    } == {"A": (2, 1, 0.5, 1.0), "B": (2, 2, 0.5, 0.5), "D": (1, 1, 1.0, 1.0)}


def test_a_rating_that_only_one_side_gave_has_one_of_the_two() -> None:
    found = rating_parts([decision("s1", 0, 2), decision("s2", 0, 0)], TITLES, resamples=20)
    assert (found["C"].given_by_ta, found["C"].recall.value, found["C"].precision.value) == (0, None, 0.0)
    assert "B" not in found


@pytest.mark.parametrize("seed", range(3))
def test_they_equal_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    human, grader = rng.integers(0, 3, (2, 50))
    rows = [decision(f"s{i}", int(h), int(g)) for i, (h, g) in enumerate(zip(human, grader, strict=True))]
    found = rating_parts(rows, TITLES, resamples=20)
    recall, precision = recall_score(human, grader, average=None), precision_score(human, grader, average=None)
    for i, title in enumerate("ABC"):
        assert found[title].recall.value == pytest.approx(recall[i])
        assert found[title].precision.value == pytest.approx(precision[i])
