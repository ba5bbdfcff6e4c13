import math

import pytest

from serving.scores import belief


def test_shares_are_the_softmax_over_the_letters_and_mass_is_what_the_letters_got_of_the_vocabulary() -> None:
    believed = belief([math.log(0.6), math.log(0.2)])
    assert believed.probabilities == pytest.approx((0.75, 0.25))
    assert believed.label_mass == pytest.approx(0.8)
    assert (believed.choice, believed.tied) == (0, False)
    assert believed.confidence == pytest.approx(0.75)


def test_very_small_probabilities_do_not_underflow() -> None:
    believed = belief([-2000.0, -2000.0 + math.log(3)])
    assert believed.probabilities == pytest.approx((0.25, 0.75))
    assert believed.label_mass == 0.0


def test_a_letter_that_the_model_rules_out_has_no_share() -> None:
    assert belief([-math.inf, -1.0]).probabilities == (0.0, 1.0)


def test_equal_letters_are_a_tie_and_the_first_stands() -> None:
    believed = belief([-1.0, -0.5, -0.5])
    assert believed.tied
    assert believed.choice == 1


def test_rounding_cannot_make_more_than_the_whole_probability() -> None:
    assert belief([0.0, 0.001]).label_mass == 1.0


@pytest.mark.parametrize("logprobs", [[], [math.nan, -1.0], [math.inf, -1.0], [-math.inf, -math.inf]])
def test_numbers_that_say_nothing_are_refused(logprobs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"score|probability"):
        belief(logprobs)
