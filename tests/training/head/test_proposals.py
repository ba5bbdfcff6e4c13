"""Which program is proposed for rating."""

import numpy as np

from training.head.proposals import propose

# Six programs on two axes: four alike, two alike.
POINTS = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 2)
NONE = np.empty(0, int)


def test_the_program_that_resembles_most_others_comes_first_and_then_another_kind() -> None:
    first, second = propose(POINTS, np.ones(6), NONE, 2)
    assert first in range(4)
    assert second in (4, 5)


def test_doubtful_programs_come_first() -> None:
    doubt = np.array([0.1] * 4 + [1.0] * 2)
    assert propose(POINTS, doubt, NONE)[0] in (4, 5)


def test_what_is_known_from_rated_programs_is_not_proposed_again() -> None:
    assert propose(POINTS, np.ones(6), np.array([0]))[0] in (4, 5)


def test_each_program_is_proposed_once() -> None:
    assert sorted(propose(POINTS, np.ones(6), np.array([2]), 10)) == [0, 1, 3, 4, 5]
    assert propose(POINTS, np.ones(6), np.arange(6)) == []


def test_programs_without_features_are_proposed_too() -> None:
    assert len(propose(np.zeros((3, 2)), np.ones(3), NONE, 3)) == 3
