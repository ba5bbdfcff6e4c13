"""Confident learning, the posterior of a rating and the permutation tests, by hand."""

import numpy as np
import pytest

from grader.labels.label_errors import UNSURE, confident_ratings, margins, posterior, ta_accuracy, thresholds
from grader.labels.permutation_tests import RatedSubmission, holm, ta_tests

PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.85, 0.15]])
GIVEN = np.array([0, 0, 1, 1, 1])


def test_threshold_is_the_mean_probability_where_the_rating_was_given() -> None:
    # of rating 0: (.9 + .7) / 2; of rating 1: (.8 + .6 + .15) / 3
    assert thresholds(PROBABILITIES, GIVEN) == pytest.approx([0.8, 0.51667], abs=1e-5)


def test_only_ratings_that_reach_their_threshold_are_confident() -> None:
    # .7 is under .8 and .3 under .51667: unsure. The last label is a 1 and confidently a 0.
    assert confident_ratings(PROBABILITIES, GIVEN).tolist() == [0, UNSURE, 1, 1, 0]


def test_most_probable_of_several_confident_ratings_wins() -> None:
    probabilities = np.array([[0.5, 0.4, 0.1], [0.3, 0.3, 0.4], [0.45, 0.35, 0.2]])
    assert confident_ratings(probabilities, np.array([0, 1, 1])).tolist() == [0, UNSURE, 1]
    # t = (.5, .325, inf): the first reaches both and is more probably a 0; the third rating was never given.


def test_margin_is_the_probability_minus_the_highest_other() -> None:
    assert margins(PROBABILITIES, GIVEN) == pytest.approx([0.8, 0.4, 0.6, 0.2, -0.7])


def test_two_votes_outweigh_the_model() -> None:
    # .8 * .1 * .1 : .2 * .9 * .9 = .008 : .162
    assert posterior(np.array([0.8, 0.2]), [1, 1], 0.9) == pytest.approx([0.008 / 0.17, 0.162 / 0.17])
    assert posterior(np.array([0.8, 0.2]), [], 0.9).tolist() == [0.8, 0.2]


def test_ta_accuracy_from_pairwise_agreement() -> None:
    assert ta_accuracy([(0, 0)] * 80 + [(0, 1)] * 20) == pytest.approx(np.sqrt(81 / 102))
    assert ta_accuracy([(0, 1)] * 50) == 0.5
    assert ta_accuracy([(0, 0)] * 1000) == 0.95


def test_holm_correction_by_hand() -> None:
    # sorted .01 .02 .03 .04 times 4, 3, 2, 1: .04, .06, .06, .04 -> never below one before it
    assert holm(np.array([[0.03, 0.01], [0.04, 0.02]])) == pytest.approx(np.array([[0.06, 0.04], [0.06, 0.06]]))
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]


def test_permutation_p_value_of_four_submissions_by_hand() -> None:
    # Four submissions, two by each TA, likely -1 -1 +1 +1: 1 of 6 assignments is as low for the first TA.
    submissions = [
        RatedSubmission(0, ta, 1, likely, 0.0, (0,)) for ta, likely in ((0, -1.0), (0, -1.0), (1, 1.0), (1, 1.0))
    ]
    tests = ta_tests(submissions, 2, [0])
    assert tests.unlikely == pytest.approx([1 / 6, 1.0], abs=0.02)
    assert tests.monotone.tolist() == [1.0, 1.0] and tests.marks.tolist() == [1.0, 1.0]


def test_tas_are_permuted_within_labs_only() -> None:
    submissions = [RatedSubmission(lab, lab, 1, -1.0 if lab else 1.0, 0.0, (lab,)) for lab in (0, 1) for _ in range(10)]
    assert ta_tests(submissions, 2, [0, 1]).unlikely.tolist() == [1.0, 1.0]
