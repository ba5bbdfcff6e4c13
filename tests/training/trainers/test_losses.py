"""The losses, with numbers derived by hand."""

import math

import pytest
import torch

from training.trainers import losses
from training.trainers.losses import PREFERENCE_LOSSES, PairLogps, sft_loss

LN2, LN3 = math.log(2), math.log(3)
# One pair: the policy gives the chosen answer three times the reference's probability and the rejected one half of it.
# So the ratios are ln 3 and -ln 2, the margin is ln 6. The answers have 2 and 4 tokens, so the mean margin is
# ln 3 / 2 + ln 2 / 4.
PAIR = PairLogps(
    chosen=torch.tensor([LN3 - 1]),
    rejected=torch.tensor([-LN2 - 2]),
    ref_chosen=torch.tensor([-1.0]),
    ref_rejected=torch.tensor([-2.0]),
    chosen_tokens=torch.tensor([2]),
    rejected_tokens=torch.tensor([4]),
)
EQUAL = PairLogps(*[torch.tensor([-1.0])] * 4, torch.tensor([1]), torch.tensor([1]))


def test_ratios_and_margins() -> None:
    assert PAIR.chosen_ratio.item() == pytest.approx(LN3) and PAIR.rejected_ratio.item() == pytest.approx(-LN2)
    assert PAIR.margin.item() == pytest.approx(math.log(6))
    assert PAIR.mean_margin.item() == pytest.approx(LN3 / 2 + LN2 / 4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # With beta 1, sigmoid(ln r) = r / (1 + r): of the margin 6/7, of the ratios 3/4 and 1/3.
        ("sigmoid", math.log(7 / 6)),
        ("hinge", 0.0),  # 1 - ln 6 < 0
        ("ipo", (LN3 / 2 + LN2 / 4 - 1 / 2) ** 2),
        ("robust", (0.9 * math.log(7 / 6) - 0.1 * math.log(7)) / 0.8),
        ("exo_pair", 6 / 7 * math.log(6 / 7 / 0.9) + 1 / 7 * math.log(1 / 7 / 0.1)),
        ("nca_pair", -math.log(3 / 4) - 0.5 * math.log(1 / 4) - 0.5 * math.log(2 / 3)),
        ("bco_pair", -math.log(3 / 4) - math.log(2 / 3)),
        ("sppo_hard", (LN3 - 0.5) ** 2 + (-LN2 + 0.5) ** 2),
        ("aot", 0.9 * math.log(7 / 6) + 0.1 * math.log(7)),  # of one pair, sorting changes nothing
        ("aot_unpaired", 0.9 * math.log(7 / 6) + 0.1 * math.log(7)),
        ("apo_zero", 1 - 3 / 4 + 1 / 3),
        ("apo_down", 3 / 4 + 1 - 6 / 7),
        ("sigmoid_norm", math.log(1 + math.exp(-(LN3 / 2 + LN2 / 4)))),
    ],
)
def test_a_loss_by_hand(name: str, expected: float) -> None:
    assert PREFERENCE_LOSSES[name](PAIR, 1.0, 0.1).tolist() == [pytest.approx(expected, rel=1e-5, abs=1e-7)]


def test_beta_scales_the_margin() -> None:
    assert losses.dpo_loss(PAIR, 2.0).item() == pytest.approx(math.log(37 / 36))  # sigmoid(2 ln 6) = 36 / 37
    assert losses.hinge_loss(PAIR, 0.1).item() == pytest.approx(1 - 0.1 * math.log(6))


def test_an_untrained_policy_has_the_loss_ln_2() -> None:
    for name in ("sigmoid", "robust", "sigmoid_norm", "aot", "aot_unpaired"):
        assert PREFERENCE_LOSSES[name](EQUAL, 0.3, 0.1).item() == pytest.approx(LN2)
    # Half of the logistic loss ln 2 and half of the exponential loss 1.
    assert PREFERENCE_LOSSES["discopop"](EQUAL, 0.3, 0.0).item() == pytest.approx(LN2 / 2 + 1 / 2)


def test_aot_sorts_the_pairs_of_a_batch() -> None:
    zeros, tokens = torch.zeros(2), torch.ones(2)
    pairs = PairLogps(torch.tensor([LN2, 0.0]), zeros, torch.tensor([0.0, LN3]), zeros, tokens, tokens)
    # Sorted, the policy's gaps (0, ln 2) meet the reference's (0, ln 3): sigmoid(ln 2/3) = 2/5.
    assert losses.aot_loss(pairs, 1.0, 0.0, unpaired=False).tolist() == pytest.approx([LN2, math.log(5 / 2)])


def test_the_sft_loss_is_the_mean_over_answers_plus_weighted_language_modelling() -> None:
    log_probs = torch.log(torch.tensor([[1 / 2, 1 / 4, 1 / 3]]))
    answers = torch.tensor([[True, True, False]])
    mean = (LN2 + 2 * LN2) / 2
    assert sft_loss(log_probs, answers).item() == pytest.approx(mean)
    assert sft_loss(log_probs, answers, 0.5).item() == pytest.approx(mean + 0.5 * LN3)
    assert sft_loss(log_probs[:, :2], answers[:, :2], 0.5).item() == pytest.approx(mean)
