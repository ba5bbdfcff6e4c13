"""Agreement of heads that treat ratings as ordered, next to ordinary heads, on unseen students and unseen labs.

Run: python -m benchmarks.heads.ordered_ratings FOLDER_OF_LABS docs/measurements

Writes ordered-ratings.md into the second folder. Splits and the ordinary head are those of
benchmarks/heads/agreement.py, without observations. An ordered head has one direction for each criterion: the log-odds
of a rating against the one before it are `w x` plus a constant (adjacent-category logits: Agresti 2010, Analysis of
Ordinal Categorical Data, section 4.1).

Time: minutes. Figures: docs/measurements/ordered-ratings.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.heads.course import HEAD, MAJORITY, MODEL, Course, Rows, kinds_of_heads, without_observations
from benchmarks.heads.tables import interval, machine, table
from benchmarks.heads.unseen import splits, unseen_labs
from grader.heads.base import open_base
from grader.heads.fitting import read_features
from grader.progress_bars import step_bars
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base
from serving.measures.agreement import difference
from serving.measures.decisions import Decision
from training.head.basis import Floats
from training.head.regression import PRIOR_WEIGHT, Examples, softmax

ORDERED = "ordered ratings, {:g}"
STRENGTHS = (3.0, 6.0, 12.0)
"""Inverses of the L2 penalty. The ordinary head has 6, chosen on other splits."""
PAGE = """# Ordered ratings

Command: `python -m benchmarks.heads.ordered_ratings FOLDER docs/measurements`, {machine}: {data}. {criteria} of {all}
criteria have three ratings, the others two. Settings and the ordinary head are those of [heads](heads.md).

A head with *ordered ratings* has one direction for each criterion: the log-odds of a rating against the one before it
are a linear function of the features with the same weights for all pairs (adjacent-category logits). With two ratings
it is the ordinary regression. The number is the inverse of the L2 penalty; the ordinary head has 6.

- Intervals: 95 %, over students. Decisions of several splits are pooled.

{table}

{differences}

*Gain*: the difference in agreement to the ordinary head, paired by decision.
"""


def fit_ordered(
    points: Floats, examples: Examples, chosen: NDArray[np.bool_], strength: float
) -> tuple[Floats, Floats]:
    """In place of `training.head.regression._fit`: coefficients (ratings, r) and intercepts (ratings,)."""
    classes, width = examples.classes, points.shape[1]
    points = np.vstack([points[chosen], np.zeros((classes, width))])
    given = np.eye(classes)[np.concatenate([examples.ratings[chosen], np.arange(classes)])]
    weights = np.concatenate([examples.weights[chosen], np.full(classes, PRIOR_WEIGHT)])
    steps = np.arange(classes, dtype=float)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        direction, constants = parameters[:width], np.append(0.0, parameters[width:])
        probabilities = softmax((points @ direction)[:, None] * steps + constants)
        errors = weights[:, None] * (probabilities - given)
        likelihood = weights @ np.log((probabilities * given).sum(1) + 1e-300)
        of_direction = points.T @ (errors @ steps) + direction / strength
        return direction @ direction / (2 * strength) - likelihood, np.append(of_direction, errors.sum(0)[1:])

    found = minimize(loss, np.zeros(width + classes - 1), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return np.outer(steps, found[:width]), np.append(0.0, found[width:])


def ordered(course: Course, strength: float) -> Rows:
    """The decisions of an ordered head in each setting."""

    def fit(points: Floats, examples: Examples, chosen: NDArray[np.bool_], _: float) -> tuple[Floats, Floats]:
        return fit_ordered(points, examples, chosen, strength)

    with patch("training.head.regression._fit", fit):
        found = measured(course, (HEAD,))
    return {(setting, ORDERED.format(strength)): given for (setting, _), given in found.items()}


def measured(course: Course, graders: Sequence[str]) -> Rows:
    rows: Rows = {}
    with step_bars() as show:
        splits(course, rows, show)
        unseen_labs(course, rows, show)
    return {row: given for row, given in rows.items() if row[1] in graders}


def gains(rows: Rows) -> str:
    lines = ["| setting | grader | gain |", "|---|---|---|"]
    for (setting, grader), given in rows.items():
        if grader not in {HEAD, MAJORITY}:
            estimate = difference(_sorted(given), _sorted(rows[setting, HEAD]))["agreement"]
            lines.append(f"| {setting} | {grader} | {interval(estimate.value, estimate.low, estimate.high)} |")
    return "\n".join(lines)


def _sorted(decisions: Sequence[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda d: (d.lab, d.criterion, d.student))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    labs = [without_observations(load_lab(folder)) for folder in lab_folders(arguments.labs)]
    base = open_base(find_base(MODEL), None)
    with step_bars() as show:
        features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
    course = Course(labs, kinds_of_heads(features), base)
    rows = measured(course, (MAJORITY, HEAD))
    for strength in STRENGTHS:
        rows |= ordered(course, strength)
    settings = list(dict.fromkeys(setting for setting, _ in rows))
    rows = dict(sorted(rows.items(), key=lambda row: settings.index(row[0][0])))
    criteria = [criterion for lab in labs for criterion in lab.criteria]
    page = PAGE.format(
        machine=machine(),
        data=f"{len(labs)} labs, {sum(len(lab.submissions) for lab in labs)} programs, base model {MODEL}",
        criteria=sum(len(c.ratings) > 2 for c in criteria),
        all=len(criteria),
        table=table(rows)[0],
        differences=gains(rows),
    )
    (arguments.out / "ordered-ratings.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
