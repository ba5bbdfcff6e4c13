"""Temperatures that turn a model's shares into confidences: one for all, and one a criterion of a lab.

The model's log-probabilities of the ratings are divided by the temperature (Guo et al. 2017, On Calibration of Modern
Neural Networks, section 4.2), which never changes which rating is the most probable. Fitted by the likelihood of what
the TAs gave. A criterion has few rated students, so its temperature is drawn towards the one for all. Pure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision
from serving.scoring.scores import RatingDistribution

Floats = NDArray[np.float64]

WIDE, NARROW = 1.0, 0.25
"""Standard deviations of the normal priors on log T: of the one for all around 0, of a criterion's around that one.
The first only keeps T finite where the model is always right; the second lets a criterion's T be 0.6 to 1.6 of it."""
LIMIT = 4.0
"""log T lies within plus and minus this."""
LEAST = 1e-12
"""Stands for a probability of 0."""


class Temperatures(Frozen):
    """`overall`, and lab -> criterion title -> its own."""

    overall: float
    labs: dict[str, dict[str, float]]

    def confidence(self, decision: Decision) -> float:
        """How sure of the rating given, by the criterion's temperature, else by the one for all."""
        temperature = self.labs.get(decision.lab, {}).get(decision.criterion, self.overall)
        return RatingDistribution(decision.probabilities, 1.0).confidence(temperature)


def fit_temperatures(decisions: Sequence[Decision]) -> Temperatures:
    """Of decisions with probabilities."""
    overall = fit_log_temperature(decisions, 0.0, WIDE)
    cells: dict[str, dict[str, list[Decision]]] = {}
    for decision in decisions:
        cells.setdefault(decision.lab, {}).setdefault(decision.criterion, []).append(decision)
    return Temperatures(
        overall=float(np.exp(overall)),
        labs={
            lab: {title: float(np.exp(fit_log_temperature(mine, overall, NARROW))) for title, mine in criteria.items()}
            for lab, criteria in cells.items()
        },
    )


def fit_log_temperature(decisions: Sequence[Decision], centre: float, spread: float) -> float:
    """The log T with the highest posterior density: likelihood of the TAs' ratings, normal prior."""
    if not decisions:
        return centre
    widest = max(len(d.probabilities) for d in decisions)
    logs = np.full((len(decisions), widest), -np.inf)
    for row, decision in zip(logs, decisions, strict=True):
        row[: len(decision.probabilities)] = np.log(np.maximum(decision.probabilities, LEAST))
    given = logs[np.arange(len(logs)), [d.human for d in decisions]]

    def loss(log_t: float) -> float:
        cold = np.exp(-log_t)
        return float((logsumexp(logs * cold, axis=1) - given * cold).sum() + ((log_t - centre) / spread) ** 2 / 2)

    return float(minimize_scalar(loss, bounds=(-LIMIT, LIMIT), method="bounded").x)
