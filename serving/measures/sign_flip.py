"""Could the difference between two graders be chance? A paired permutation test, students kept whole. Pure."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test

from serving.measures.decisions import Decision
from serving.measures.resampling import Floats

FLIPS = 9999


def sign_flip_test(
    decisions: Sequence[Decision], differences: Floats, *, resamples: int = FLIPS, seed: int = 0
) -> float | None:
    """The two-sided p-value of the mean of `differences` (n,), one a decision, under the hypothesis that the two
    graders are alike: then each student's differences might as well have the other sign, all together.

    NaN differences do not count; None where nothing differs. Exact for few students, else `resamples` random flips
    with the observed one counted in, on either side, so that p is never below 2 / (resamples + 1) (Phipson & Smyth
    2010, eq. 2; Good, Permutation Tests, 2005, section 3.2).
    """
    students, place = np.unique([d.student for d in decisions], return_inverse=True)
    sums = np.bincount(place, weights=np.nan_to_num(differences), minlength=len(students))
    moved = sums[sums != 0]
    if len(moved) == 0:
        return None
    if len(moved) == 1:
        return 1.0
    found = permutation_test(
        (moved,),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)
