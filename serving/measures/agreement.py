"""Agreement of a grader with the TAs, with bootstrap intervals.

Every statistic is computed from weighted decisions, so that one matrix product gives all bootstrap resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labs_schema.frozen import Frozen
from labs_schema.grouping import grouped_by
from serving.measures.arrays import Floats
from serving.measures.coefficients import kendall_tau_b, macro_f1, ordinal_alpha, pearson, quadratic_kappa
from serving.measures.decisions import Decision
from serving.measures.resampling import (
    MIN_LABS,
    RESAMPLES,
    Cluster,
    Draws,
    Estimate,
    draw,
    estimate,
    mean_of_parts,
    weighted_mean,
)

METRICS = {
    "agreement": "Exact agreement",
    "macro_f1": "Macro-F1",
    "kappa": "Quadratic kappa",
    "alpha": "Krippendorff's alpha (ordinal)",
    "marks_mae": "Mean absolute error of marks",
    "kendall": "Kendall's tau-b of total marks",
    "pearson": "Pearson correlation of total marks",
    "ungraded": "Share left ungraded",
}


class Agreement(Frozen):
    """The METRICS of `decisions` decisions. `figures`: with intervals over students. `figures_over_labs`: with
    intervals over labs, empty with fewer than MIN_LABS labs."""

    decisions: int
    students: int
    labs: int
    figures: dict[str, Estimate]
    figures_over_labs: dict[str, Estimate]


class RatingFigures(Frozen):
    """One rating title, over all criteria that have it, with intervals over students.

    `recall`: share of the `given_by_ta` decisions where the grader gave this rating too. `precision`: share of the
    `given_by_grader` decisions where the TA gave it too.
    """

    given_by_ta: int
    given_by_grader: int
    recall: Estimate
    precision: Estimate


def agreement(decisions: Sequence[Decision], *, resamples: int = RESAMPLES) -> Agreement:
    """The agreement of one grader with the TAs. `decisions` must not be empty."""

    def over(cluster: Cluster) -> dict[str, Estimate]:
        drawn = figures(decisions, draw(decisions, cluster, resamples=resamples))
        return {name: estimate(values) for name, values in drawn.items()}

    labs = len({d.lab for d in decisions})
    return Agreement(
        decisions=len(decisions),
        students=len({d.student for d in decisions}),
        labs=labs,
        figures=over("students"),
        figures_over_labs=over("labs") if labs >= MIN_LABS else {},
    )


def difference(
    ours: Sequence[Decision],
    theirs: Sequence[Decision],
    *,
    over: Cluster = "students",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The METRICS of `ours` minus those of `theirs`, with paired resamples.

    Raises ValueError unless both hold the same decisions in the same order.
    """
    check_same_decisions(ours, theirs)
    draws = draw(ours, over, resamples=resamples, seed=seed)
    first, second = figures(ours, draws), figures(theirs, draws)
    return {name: estimate(first[name] - second[name]) for name in first}


def figures(decisions: Sequence[Decision], draws: Draws) -> dict[str, Floats]:
    """Each of the METRICS for each draw, shape (1 + resamples,).

    macro-F1, kappa and alpha are averaged over (lab, criterion), correlations of total marks over labs, in both cases
    over those where the statistic is defined.
    """
    tables = confusions(decisions, draws.decisions)
    by_lab = total_marks(decisions)

    def over_tables(statistic: Callable[[Floats], Floats]) -> Floats:
        return mean_of_parts((statistic(table), draws.labs[lab]) for (lab, _), table in tables.items())

    def over_labs(correlation: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
        return mean_of_parts(
            (correlation(lab.human, lab.grader, draws.decisions[:, lab.rows]), draws.labs[name])
            for name, lab in by_lab.items()
        )

    return {
        "agreement": weighted_mean(draws.decisions, exact_matches(decisions)),
        "macro_f1": over_tables(macro_f1),
        "kappa": over_tables(quadratic_kappa),
        "alpha": over_tables(ordinal_alpha),
        "marks_mae": weighted_mean(draws.decisions, mark_errors(decisions)),
        "kendall": over_labs(kendall_tau_b),
        "pearson": over_labs(pearson),
        "ungraded": weighted_mean(draws.decisions, np.array([d.grader is None for d in decisions], float)),
    }


def exact_matches(decisions: Sequence[Decision]) -> Floats:
    """(n,): 1 where the grader gave the TA's rating, else 0."""
    return np.array([d.human == d.grader for d in decisions], float)


def mark_errors(decisions: Sequence[Decision]) -> Floats:
    """(n,): absolute difference of the grader's and the TA's marks; NaN where either is missing."""
    known = ((d.human_marks, d.grader_marks) for d in decisions)
    return np.array([np.nan if h is None or g is None else abs(h - g) for h, g in known], float)


def check_same_decisions(ours: Sequence[Decision], theirs: Sequence[Decision]) -> None:
    """Raises ValueError unless two graders answered the same questions in the same order."""
    first, second = ([(d.lab, d.student, d.criterion, d.human) for d in each] for each in (ours, theirs))
    if first != second:
        raise ValueError("the two graders did not answer the same decisions")


def confusions(decisions: Sequence[Decision], weights: Floats) -> dict[tuple[str, str], Floats]:
    """(lab, criterion) -> confusion matrices of shape (B, C, C + 1), weighted by the rows of `weights` (B, n)."""
    rows = grouped_by(range(len(decisions)), lambda i: (decisions[i].lab, decisions[i].criterion))
    tables = {}
    for key, members in rows.items():
        size = decisions[members[0]].ratings
        cells = np.zeros((len(members), size, size + 1))
        for row, i in enumerate(members):
            given = decisions[i].grader
            cells[row, decisions[i].human, size if given is None else given] = 1
        tables[key] = (weights[:, members] @ cells.reshape(len(members), -1)).reshape(-1, size, size + 1)
    return tables


@dataclass(frozen=True)
class TotalMarks:
    """Total marks (n,) of a lab's submissions by the TA and by the grader. `rows`: the index of one decision of each
    submission; its weight in a resample is the submission's weight."""

    human: Floats
    grader: Floats
    rows: list[int]


def total_marks(decisions: Sequence[Decision]) -> dict[str, TotalMarks]:
    """lab -> totals of its submissions for which both sides gave marks for every criterion."""
    by_lab = grouped_by(range(len(decisions)), lambda i: decisions[i].lab)
    return {lab: _total_marks(decisions, rows) for lab, rows in by_lab.items()}


def _total_marks(decisions: Sequence[Decision], of_lab: list[int]) -> TotalMarks:
    criteria = len({decisions[i].criterion for i in of_lab})
    human, grader, first = [], [], []
    for rows in grouped_by(of_lab, lambda i: decisions[i].student).values():
        ta = [m for i in rows if (m := decisions[i].human_marks) is not None]
        given = [m for i in rows if (m := decisions[i].grader_marks) is not None]
        if len(ta) == len(given) == criteria:
            human.append(sum(ta))
            grader.append(sum(given))
            first.append(rows[0])
    return TotalMarks(np.array(human, float), np.array(grader, float), first)


def figures_by_rating(
    decisions: Sequence[Decision],
    titles: Mapping[tuple[str, str], Sequence[str]],
    *,
    resamples: int = RESAMPLES,
) -> dict[str, RatingFigures]:
    """rating title -> its recall and precision, sorted by title.

    `titles`: (lab, criterion) -> the titles of its ratings, in the rubric's order.
    """
    weights = draw(decisions, "students", resamples=resamples).decisions
    human = np.array([titles[d.lab, d.criterion][d.human] for d in decisions], object)
    grader = np.array([None if d.grader is None else titles[d.lab, d.criterion][d.grader] for d in decisions], object)
    found = {}
    for title in sorted({*human, *grader} - {None}):
        ta, given = human == title, grader == title
        found[title] = RatingFigures(
            given_by_ta=int(ta.sum()),
            given_by_grader=int(given.sum()),
            recall=estimate(weighted_mean(weights[:, ta], given[ta].astype(float))),
            precision=estimate(weighted_mean(weights[:, given], ta[given].astype(float))),
        )
    return found
