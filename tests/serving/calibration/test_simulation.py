"""The promise of `grader calibrate` over 1,000 courses, and that it breaks where the method is broken on purpose."""

from functools import partial

import numpy as np
import pytest

from serving.calibration.risk_control import Bound
from serving.calibration.simulation import HITS, Course, broken_promises, draw_course, ignoring_students, no_bound

CONFIDENCE, DRAWS = 0.9, 1000
MOST = 1 - CONFIDENCE + 3 * (CONFIDENCE * (1 - CONFIDENCE) / DRAWS) ** 0.5
"""Three standard errors above the share of broken promises that is allowed."""
promises = partial(broken_promises, confidence=CONFIDENCE, draws=DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("max_error", [0.05, 0.1])
@pytest.mark.parametrize("alike", [0.0, 0.5])
@pytest.mark.parametrize("hits", HITS)
def test_the_promise_is_kept_as_often_as_it_says(hits: str, alike: float, max_error: float) -> None:
    assert promises(Course(30, 24, hits, alike), max_error=max_error).broken <= MOST


@pytest.mark.slow
def test_a_good_grader_is_trusted_nearly_always() -> None:
    assert promises(Course(30, 24, "underconfident", 0.2), max_error=0.05).accepting > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("broken", [ignoring_students, no_bound])
def test_a_method_broken_on_purpose_breaks_the_promise(broken: Bound) -> None:
    assert promises(Course(30, 24, "calibrated", 0.5), max_error=0.05, bound=broken).broken > MOST


def test_decisions_of_a_student_are_as_alike_as_asked_and_agree_as_often_as_the_confidence_says() -> None:
    sure, wrong = draw_course(np.random.default_rng(1), Course(4000, 2, "calibrated", 0.8))
    _, alone = draw_course(np.random.default_rng(1), Course(4000, 2, "calibrated", 0.0))
    assert 1 - wrong.mean() == pytest.approx(sure.mean(), abs=0.02)
    assert np.corrcoef(wrong.T)[0, 1] > 0.3 > np.corrcoef(alone.T)[0, 1]


def test_a_lost_student_is_wrong_throughout() -> None:
    _, wrong = draw_course(np.random.default_rng(2), Course(1000, 20, "underconfident", 0.0, lost=0.1))
    assert (wrong.mean(1) == 1).mean() == pytest.approx(0.1, abs=0.03)
