"""Rating by rating: how often the grader finds what the TA gave, and how often it is right when it gives it. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision
from serving.measures.resampling import RESAMPLES, Estimate, draw, estimate, weighted_mean


class RatingPart(Frozen):
    """One rating title, over all criteria that have it. `recall`: of the `given_by_ta` decisions, the share where the
    grader gave it too; `precision`: of the `given_by_grader`, the share where the TA did. Intervals over students."""

    given_by_ta: int
    given_by_grader: int
    recall: Estimate
    precision: Estimate


def rating_parts(
    decisions: Sequence[Decision],
    titles: Mapping[tuple[str, str], Sequence[str]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, RatingPart]:
    """rating title -> its part, sorted. `titles`: (lab, criterion) -> the titles of its ratings, in their order."""
    weights = draw(decisions, "students", resamples=resamples, seed=seed).decisions
    human = np.array([titles[d.lab, d.criterion][d.human] for d in decisions], object)
    grader = np.array([None if d.grader is None else titles[d.lab, d.criterion][d.grader] for d in decisions], object)
    parts = {}
    for title in sorted({*human, *grader} - {None}):
        ta, given = human == title, grader == title
        parts[title] = RatingPart(
            given_by_ta=int(ta.sum()),
            given_by_grader=int(given.sum()),
            recall=estimate(weighted_mean(weights[:, ta], given[ta].astype(float))),
            precision=estimate(weighted_mean(weights[:, given], ta[given].astype(float))),
        )
    return parts
