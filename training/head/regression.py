"""The regression of one criterion: multinomial logistic, with a temperature that calibrates its probabilities."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from training.head.basis import Bools, Floats, Ints

FOLDS = 4
PRIOR_WEIGHT = 0.3
"""The weight of one example of each rating, at the origin: every rating stays possible, and few ratings are not trusted
much."""
TEMPERATURES = (0.4, 4.0)


class Examples(NamedTuple):
    """The training examples of a criterion with `classes` ratings, all (n,). `rows`: of the programs, `ratings`:
    indices below `classes`, `students` and `labs`: numbers. `by_ta`: whether a TA gave the rating; a teacher's soft
    label is an example of each rating, weighted by its probability."""

    rows: Ints
    ratings: Ints
    students: Ints
    labs: Ints
    weights: Floats
    by_ta: Bools
    classes: int

    def only(self, chosen: Bools) -> "Examples":
        """The chosen (n,) examples."""
        arrays = {name: values[chosen] for name, values in self._asdict().items() if name != "classes"}
        return self._replace(**arrays)


class Regression(NamedTuple):
    """Log-probabilities are `points @ coefficients.T + intercept`, of shapes (ratings, r) and (ratings,), up to a
    constant; in a lab without ratings they are to be multiplied by `sharpness`. `held_out` (n, ratings): those of the
    examples by regressions that did not see their student; `in_new_labs`: by regressions that did not see their lab."""

    coefficients: Floats
    intercept: Floats
    sharpness: float
    held_out: Floats
    in_new_labs: Floats


def fit_regression(points: Floats, examples: Examples, strength: float) -> Regression:
    """`points` (n, r): those of the examples. `strength`: the inverse of the L2 penalty.

    The temperature (Guo et al. 2017) is fitted on held-out students, that of new labs on held-out labs, where a
    regression is right less often. Weighted examples of all ratings of a program give the cross-entropy with soft
    targets: Hinton et al. 2015 (arXiv 1503.02531), section 2.
    """
    # One thread: the matrices are small, and waiting threads took 7x the CPU on a busy machine.
    with threadpool_limits(limits=1):
        coefficients, intercept = _fit(points, examples, np.ones(len(points), bool), strength)

        def predict(train: Bools, test: Bools) -> Floats:
            of_fold, constant = _fit(points, examples, train, strength)
            found: Floats = points[test] @ of_fold.T + constant
            return found

        logits = in_new_labs = held_out_logits(examples.students, predict, examples.classes)
        degree = temperature(logits, examples)
        sharpness = 1.0
        if (groups := new_lab_groups(examples)) is not None:
            in_new_labs = held_out_logits(groups, predict, examples.classes)
            sharpness = min(1.0, degree / temperature(in_new_labs, examples))
    return Regression(
        coefficients / degree, intercept / degree, sharpness, logits / degree, in_new_labs * sharpness / degree
    )


def new_lab_groups(examples: Examples) -> Ints | None:
    """The groups for `held_out_logits` that hold out labs; None if there is only one lab."""
    labs = np.unique(examples.labs)
    return np.searchsorted(labs, examples.labs) if len(labs) > 1 else None


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return found


def _fit(points: Floats, examples: Examples, chosen: Bools, strength: float) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    prior = np.arange(examples.classes)
    model = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
    model.fit(
        np.vstack([points[chosen], np.zeros((examples.classes, points.shape[1]))]),
        np.concatenate([examples.ratings[chosen], prior]),
        sample_weight=np.concatenate([examples.weights[chosen], np.full(examples.classes, PRIOR_WEIGHT)]),
    )
    if examples.classes > 2:
        return model.coef_, model.intercept_
    # With two ratings scikit-learn fits only the second's log-odds.
    return np.vstack([0 * model.coef_, model.coef_]), np.concatenate([[0.0], model.intercept_])


def held_out_logits(groups: Ints, predict: Callable[[Bools, Bools], Floats], classes: int) -> Floats:
    """(n, classes). `groups` (n,): numbers; all examples of a group are held out together. `predict` fits on the first
    examples and returns the logits of the second ones."""
    logits = np.zeros((len(groups), classes))
    for fold in range(FOLDS):
        held_out = groups % FOLDS == fold
        if held_out.any():
            logits[held_out] = predict(~held_out, held_out)
    return logits


def temperature(logits: Floats, examples: Examples) -> float:
    """The temperature with the least negative log-likelihood, drawn towards 1 where there are few examples.

    Only TAs' ratings count: on soft labels it would make the head as certain as its teacher, right or wrong.
    """
    given, weights = examples.ratings[examples.by_ta], examples.weights[examples.by_ta]
    logits, rows = logits[examples.by_ta], np.arange(len(given))

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits / np.exp(log_temperature))[rows, given]
        return float(-(weights * np.log(probabilities + 1e-12)).sum() + 5 * log_temperature**2)

    low, high = np.log(TEMPERATURES)
    from scipy.optimize import minimize_scalar  # slow to import, and a service that fits no head does not need it

    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
