"""Losses of SFT and DPO as pure functions of log-probabilities."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

DISCOPOP_TAU = 0.05


@dataclass(frozen=True)
class PairLogps:
    """Log-probabilities of P preference pairs, each field of shape (P,): the sums of the answers' token
    log-probabilities in nats under policy and reference, and the answers' lengths in tokens."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor

    @property
    def chosen_ratio(self) -> Tensor:
        """log (policy / reference) of the chosen answers."""
        return self.chosen - self.ref_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """log (policy / reference) of the rejected answers."""
        return self.rejected - self.ref_rejected

    @property
    def margin(self) -> Tensor:
        """The difference of the two ratios; times beta it is the reward margin."""
        return self.chosen_ratio - self.rejected_ratio

    @property
    def mean_margin(self) -> Tensor:
        """The margin with each ratio divided by its answer's length."""
        return self.chosen_ratio / self.chosen_tokens - self.rejected_ratio / self.rejected_tokens


def dpo_loss(pairs: PairLogps, beta: float) -> Tensor:
    """-log sigmoid(beta * margin), shape (P,): Rafailov et al. 2023 (arXiv 2305.18290), equation 7."""
    return -logsigmoid(beta * pairs.margin)


def hinge_loss(pairs: PairLogps, beta: float) -> Tensor:
    """max(0, 1 - beta * margin): SLiC-HF, Zhao et al. 2023 (arXiv 2305.10425), normalised as in Liu et al. 2023."""
    return relu(1 - beta * pairs.margin)


def ipo_loss(pairs: PairLogps, beta: float) -> Tensor:
    """(mean margin - 1 / (2 beta))^2: Azar et al. 2023 (arXiv 2310.12036), equation 17, with token means as in trl."""
    return (pairs.mean_margin - 1 / (2 * beta)) ** 2


def robust_dpo_loss(pairs: PairLogps, beta: float, label_smoothing: float) -> Tensor:
    """Unbiased under flipped labels: Chowdhury et al. 2024 (arXiv 2403.00409), equation 8. `label_smoothing`: the
    share of pairs assumed to be flipped."""
    clean, flipped = -logsigmoid(beta * pairs.margin), -logsigmoid(-beta * pairs.margin)
    return ((1 - label_smoothing) * clean - label_smoothing * flipped) / (1 - 2 * label_smoothing)


def exo_loss(pairs: PairLogps, beta: float, label_smoothing: float) -> Tensor:
    """KL of the policy's preference to the smoothed label: Ji et al. 2024 (arXiv 2402.00856), equation 16."""
    log_win, log_lose = logsigmoid(beta * pairs.margin), logsigmoid(-beta * pairs.margin)
    smoothing = torch.tensor(label_smoothing, device=log_win.device)
    win = log_win.exp() * (log_win - torch.log1p(-smoothing))
    return win + log_lose.exp() * (log_lose - torch.log(smoothing))


def nca_loss(pairs: PairLogps, beta: float) -> Tensor:
    """Chen et al. 2024 (arXiv 2402.05369), the pairwise case of InfoNCA's NCA."""
    chosen, rejected = beta * pairs.chosen_ratio, beta * pairs.rejected_ratio
    return -logsigmoid(chosen) - 0.5 * logsigmoid(-chosen) - 0.5 * logsigmoid(-rejected)


def bco_loss(pairs: PairLogps, beta: float) -> Tensor:
    """Jung et al. 2024 (arXiv 2404.04656), for pairs and without a reward shift."""
    return -logsigmoid(beta * pairs.chosen_ratio) - logsigmoid(-beta * pairs.rejected_ratio)


def sppo_loss(pairs: PairLogps, beta: float) -> Tensor:
    """Wu et al. 2024 (arXiv 2405.00675), equation 4.7 with probability 1 for the chosen answer."""
    return (pairs.chosen_ratio - 0.5 / beta) ** 2 + (pairs.rejected_ratio + 0.5 / beta) ** 2


def aot_loss(pairs: PairLogps, beta: float, label_smoothing: float, *, unpaired: bool) -> Tensor:
    """Melnyk et al. 2024 (arXiv 2406.05882): the sorted values of a batch are compared, so it depends on the batch."""
    if unpaired:
        first, second = pairs.chosen_ratio, pairs.rejected_ratio
    else:
        first, second = pairs.chosen - pairs.rejected, pairs.ref_chosen - pairs.ref_rejected
    gap = beta * (first.sort().values - second.sort().values)
    return -logsigmoid(gap) * (1 - label_smoothing) - logsigmoid(-gap) * label_smoothing


def apo_zero_loss(pairs: PairLogps, beta: float) -> Tensor:
    """D'Oosterlinck et al. 2024 (arXiv 2408.06266), equation 7: chosen answers become likelier, rejected ones less."""
    return 1 - torch.sigmoid(beta * pairs.chosen_ratio) + torch.sigmoid(beta * pairs.rejected_ratio)


def apo_down_loss(pairs: PairLogps, beta: float) -> Tensor:
    """D'Oosterlinck et al. 2024 (arXiv 2408.06266), equation 8: both become less likely, rejected ones more so."""
    return torch.sigmoid(beta * pairs.chosen_ratio) + 1 - torch.sigmoid(beta * pairs.margin)


def discopop_loss(pairs: PairLogps, beta: float) -> Tensor:
    """Lu et al. 2024 (arXiv 2406.08414), equation 5: a blend of logistic and exponential loss."""
    logits = beta * pairs.margin
    blend = torch.sigmoid(logits / DISCOPOP_TAU)
    return -logsigmoid(logits) * (1 - blend) + torch.exp(-logits) * blend


def length_normalized_dpo_loss(pairs: PairLogps, beta: float) -> Tensor:
    """-log sigmoid(beta * mean margin): trl's `sigmoid_norm`, Lambert et al. 2024 (arXiv 2411.15124), equation 6."""
    return -logsigmoid(beta * pairs.mean_margin)


Loss = Callable[[PairLogps, float, float], Tensor]
PREFERENCE_LOSSES: dict[str, Loss] = {
    "sigmoid": lambda pairs, beta, _: dpo_loss(pairs, beta),
    "hinge": lambda pairs, beta, _: hinge_loss(pairs, beta),
    "ipo": lambda pairs, beta, _: ipo_loss(pairs, beta),
    "robust": robust_dpo_loss,
    "exo_pair": exo_loss,
    "nca_pair": lambda pairs, beta, _: nca_loss(pairs, beta),
    "bco_pair": lambda pairs, beta, _: bco_loss(pairs, beta),
    "sppo_hard": lambda pairs, beta, _: sppo_loss(pairs, beta),
    "aot": lambda pairs, beta, smoothing: aot_loss(pairs, beta, smoothing, unpaired=False),
    "aot_unpaired": lambda pairs, beta, smoothing: aot_loss(pairs, beta, smoothing, unpaired=True),
    "apo_zero": lambda pairs, beta, _: apo_zero_loss(pairs, beta),
    "apo_down": lambda pairs, beta, _: apo_down_loss(pairs, beta),
    "discopop": lambda pairs, beta, _: discopop_loss(pairs, beta),
    "sigmoid_norm": lambda pairs, beta, _: length_normalized_dpo_loss(pairs, beta),
}
"""trl's `loss_type` -> the loss (pairs, beta, label smoothing), shape (P,)."""


def sft_loss(log_probs: Tensor, is_answer: Tensor, lm_weight: float = 0.0) -> Tensor:
    """The mean negative log-probability of the answer tokens, plus `lm_weight` times that of all other tokens.

    `log_probs`: (1, M) in nats, of the M predicted tokens. `is_answer`: (1, M). Returns a scalar.
    """
    loss = -log_probs[is_answer].mean()
    if lm_weight and not bool(is_answer.all()):
        loss = loss - lm_weight * log_probs[~is_answer].mean()
    return loss
