"""How far a grader and the TAs agree, with intervals. Pure functions of decisions; knows no model and no file.

Every figure is computed from weighted decisions, so that one matrix product gives all bootstrap resamples.
"""

from collections.abc import Callable, Sequence

import numpy as np

from labs_schema.frozen import Frozen
from serving.measures.confusion import confusions, macro_f1, ordinal_alpha, quadratic_kappa
from serving.measures.decisions import Decision
from serving.measures.resampling import (
    LEAST_LABS,
    RESAMPLES,
    Cluster,
    Draws,
    Estimate,
    Floats,
    draw,
    estimate,
    mean_of_parts,
    weighted_mean,
)
from serving.measures.totals import kendall_tau_b, pearson, totals

Figure = Callable[[Floats], Floats]
Correlation = Callable[[Floats, Floats, Floats], Floats]

METRICS = {
    "agreement": "exact agreement",
    "macro_f1": "macro-F1",
    "kappa": "quadratic kappa",
    "alpha": "Krippendorff's alpha (ordinal)",
    "marks_mae": "mean absolute error of marks",
    "kendall": "Kendall's tau-b of total marks",
    "pearson": "Pearson correlation of total marks",
    "ungraded": "share left ungraded",
}


class Agreement(Frozen):
    """The figures of METRICS over `decisions` decisions, with intervals over students; `figures_over_labs`: the same
    with intervals over labs, empty where there are fewer than LEAST_LABS."""

    decisions: int
    students: int
    labs: int
    figures: dict[str, Estimate]
    figures_over_labs: dict[str, Estimate]


def agreement(decisions: Sequence[Decision], *, resamples: int = RESAMPLES, seed: int = 0) -> Agreement:
    """The agreement of one grader with the TAs. `decisions` must not be empty."""

    def over(cluster: Cluster) -> dict[str, Estimate]:
        drawn = figures(decisions, draw(decisions, cluster, resamples=resamples, seed=seed))
        return {name: estimate(values) for name, values in drawn.items()}

    labs = len({d.lab for d in decisions})
    return Agreement(
        decisions=len(decisions),
        students=len({d.student for d in decisions}),
        labs=labs,
        figures=over("students"),
        figures_over_labs=over("labs") if labs >= LEAST_LABS else {},
    )


def difference(
    ours: Sequence[Decision],
    theirs: Sequence[Decision],
    *,
    over: Cluster = "students",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Figures of `ours` less those of `theirs`, resampled in pairs: both lists hold the same decisions in order.

    Raises ValueError where they do not.
    """
    check_same_decisions(ours, theirs)
    draws = draw(ours, over, resamples=resamples, seed=seed)
    first, second = figures(ours, draws), figures(theirs, draws)
    return {name: estimate(first[name] - second[name]) for name in first}


def figures(decisions: Sequence[Decision], draws: Draws) -> dict[str, Floats]:
    """Each metric for every draw, shape (1 + resamples,). macro-F1, kappa and alpha are means over (lab, criterion),
    the correlations of totals means over labs: over those where they are defined."""
    tables = confusions(decisions, draws.decisions)
    by_lab = totals(decisions)

    def over_tables(figure: Figure) -> Floats:
        return mean_of_parts((figure(table), draws.labs[lab]) for (lab, _), table in tables.items())

    def over_labs(correlation: Correlation) -> Floats:
        return mean_of_parts(
            (correlation(lab.human, lab.grader, draws.decisions[:, lab.rows]), draws.labs[name])
            for name, lab in by_lab.items()
        )

    return {
        "agreement": weighted_mean(draws.decisions, agreed(decisions)),
        "macro_f1": over_tables(macro_f1),
        "kappa": over_tables(quadratic_kappa),
        "alpha": over_tables(ordinal_alpha),
        "marks_mae": weighted_mean(draws.decisions, marks_apart(decisions)),
        "kendall": over_labs(kendall_tau_b),
        "pearson": over_labs(pearson),
        "ungraded": weighted_mean(draws.decisions, np.array([d.grader is None for d in decisions], float)),
    }


def agreed(decisions: Sequence[Decision]) -> Floats:
    """1 where the grader gave the TA's rating, else 0."""
    return np.array([d.human == d.grader for d in decisions], float)


def marks_apart(decisions: Sequence[Decision]) -> Floats:
    """How many marks the grader is off, NaN where one of the two gave none."""
    known = ((d.human_marks, d.grader_marks) for d in decisions)
    return np.array([np.nan if h is None or g is None else abs(h - g) for h, g in known], float)


def check_same_decisions(ours: Sequence[Decision], theirs: Sequence[Decision]) -> None:
    """Raises ValueError where two graders did not answer the same questions, in the same order."""
    first, second = ([(d.lab, d.student, d.criterion, d.human) for d in each] for each in (ours, theirs))
    if first != second:
        raise ValueError("the two graders did not answer the same decisions")
