"""Fits a calibration: temperatures for the confidences and a threshold for auto-accepting, or why there is none."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from labs_schema.frozen import Frozen
from serving.calibration.calibration import Guarantee
from serving.calibration.risk_control import (
    Step,
    fixed_sequence,
    intra_class_correlation,
    lowest_threshold,
    students_needed,
)
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision, clusters_of
from serving.scoring.rating_distribution import RatingDistribution
from serving.scoring.triage import review_code

FOLDS = 5
WIDE, NARROW = 1.0, 0.25
"""Standard deviations of the normal priors on log T: of the overall temperature around 0, and of a criterion's around
the overall one. The first keeps T finite for a model that is always right; the second keeps a criterion's T within a
factor of about 1.6 of the overall one, because a criterion has few rated students."""
MAX_LOG_T = 4.0
"""The search interval of log T is plus and minus this."""
MIN_PROBABILITY = 1e-12
"""Replaces a probability of 0, whose logarithm is not finite."""


class Temperatures(Frozen):
    """`overall`: the temperature of all decisions. `labs`: lab -> criterion title -> its own temperature.

    The model's log-probabilities of the ratings are divided by the temperature (Guo et al. 2017, On Calibration of
    Modern Neural Networks, section 4.2), which never changes the most probable rating.
    """

    overall: float
    labs: dict[str, dict[str, float]]

    def confidence(self, decision: Decision) -> float:
        """The calibrated confidence, with the criterion's temperature if it has one, else the overall one."""
        temperature = self.labs.get(decision.lab, {}).get(decision.criterion, self.overall)
        return RatingDistribution(decision.probabilities, 1.0).confidence(temperature)


class Fitted(Frozen):
    """The result of `fit`. `decisions`: the ones given, with cross-fitted confidences. Exactly one of `guarantee` and
    `refused`, the reason why there is none, is set."""

    temperatures: Temperatures
    decisions: tuple[Decision, ...]
    guarantee: Guarantee | None
    refused: str = ""


def fit(decisions: Sequence[Decision], *, max_error: float, confidence: float) -> Fitted:
    """`decisions` were graded with a threshold of 0, so their reasons for review do not depend on the calibration.

    The threshold is tested on cross-fitted confidences, because testing on the students that the temperatures were
    fitted on would be biased. The temperatures returned are fitted on all students.
    """
    crossed = cross_fitted(decisions)
    temperatures = fit_temperatures([d for d in crossed if d.grader is not None])
    found = threshold(crossed, max_error=max_error, confidence=confidence)
    guarantee, refused = (None, found) if isinstance(found, str) else (found, "")
    return Fitted(temperatures=temperatures, decisions=tuple(crossed), guarantee=guarantee, refused=refused)


def fit_temperatures(decisions: Sequence[Decision]) -> Temperatures:
    """The temperatures of decisions with probabilities, by maximum a posteriori."""
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
    """The log T that maximises the likelihood of the TAs' ratings times the prior N(`centre`, `spread`²)."""
    if not decisions:
        return centre
    widest = max(len(d.probabilities) for d in decisions)
    logs = np.full((len(decisions), widest), -np.inf)
    for row, decision in zip(logs, decisions, strict=True):
        row[: len(decision.probabilities)] = np.log(np.maximum(decision.probabilities, MIN_PROBABILITY))
    given = logs[np.arange(len(logs)), [d.human for d in decisions]]

    def loss(log_t: float) -> float:
        inverse = np.exp(-log_t)
        return float((logsumexp(logs * inverse, axis=1) - given * inverse).sum() + ((log_t - centre) / spread) ** 2 / 2)

    return float(minimize_scalar(loss, bounds=(-MAX_LOG_T, MAX_LOG_T), method="bounded").x)


def cross_fitted(decisions: Sequence[Decision]) -> list[Decision]:
    """`decisions` with confidences from temperatures that were fitted without the decision's student or group."""
    numbers = _cluster_numbers(decisions)
    folds = min(FOLDS, len({*numbers}))
    fold_of = [number % folds for number in numbers]
    rated = [(d, fold) for d, fold in zip(decisions, fold_of, strict=True) if d.grader is not None]
    fits = [fit_temperatures([d for d, own in rated if own != fold]) for fold in range(folds)]
    return [
        d if d.grader is None else d.model_copy(update={"confidence": fits[fold].confidence(d)})
        for d, fold in zip(decisions, fold_of, strict=True)
    ]


def _cluster_numbers(decisions: Sequence[Decision]) -> list[int]:
    """A number from 0 for each decision, the same for the decisions of one student or group."""
    clusters = clusters_of(decisions)
    number = {cluster: i for i, cluster in enumerate(dict.fromkeys(clusters))}
    return [number[cluster] for cluster in clusters]


def threshold(decisions: Sequence[Decision], *, max_error: float, confidence: float) -> Guarantee | str:
    """The guarantee that `decisions` support, or the reason why they support none."""
    rated = [d for d in decisions if d.grader is not None and d.confidence is not None]
    numbers = np.array(_cluster_numbers(rated))
    chosen = np.array([not d.reasons for d in rated], bool)
    acceptable = [d for d in rated if not d.reasons]
    if len(np.unique(numbers[chosen])) < 2:
        return _nothing_acceptable(decisions)
    correlation = intra_class_correlation(_errors(rated), numbers)
    tests = fixed_sequence(
        np.array([d.confidence for d in acceptable]),
        _errors(acceptable),
        numbers[chosen],
        confidence=confidence,
        correlation=correlation,
    )
    best = lowest_threshold(tests, max_error)
    if best is None:
        return _refusal(tests[0], len(np.unique(numbers)), max_error, confidence, correlation)
    return Guarantee(
        max_error=max_error,
        confidence=confidence,
        threshold=best.threshold,
        accepted=best.accepted / len(decisions),
        disagreed=best.disagreed,
        bound=best.bound,
    )


def _nothing_acceptable(decisions: Sequence[Decision]) -> str:
    acceptable, students = sum(not d.reasons for d in decisions), len({d.student for d in decisions})
    codes = Counter(code for d in decisions for code in {review_code(reason) or "other" for reason in d.reasons})
    why = ", ".join(f"{code}: {count}" for code, count in codes.most_common())
    return (
        f"only {acceptable} of {len(decisions)} decisions of {students} students have no other reason for review"
        f"{f' ({why})' if why else ''}; decisions of at least 2 students are needed"
    )


def _refusal(first: Step, students: int, max_error: float, confidence: float, correlation: float) -> str:
    found = (
        f"of the {first.accepted} most confident decisions of {students} students {first.disagreed:.1%} disagree with "
        f"the TA, so at {confidence:.0%} confidence the error bound is {first.bound:.1%}, above the requested "
        f"{max_error:.1%}"
    )
    needed = students_needed(first, students, max_error, confidence, correlation)
    count = "no number of" if needed is None else f"about {needed}"
    return f"{found}. At this error rate {count} students would be enough"


def _errors(decisions: Sequence[Decision]) -> Floats:
    """(n,): 1 where the grader did not give the TA's rating, else 0."""
    return np.array([d.grader != d.human for d in decisions], float)
