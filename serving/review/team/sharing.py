"""Divides submissions among TAs: evenly, and a random sample for second marking."""

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.team.team import Marking


def evenly(review: LabReview, items: Sequence[ReviewItem], tas: Sequence[str]) -> dict[str, str]:
    """Grade id -> TA: each submission in turn goes to the TA who has the fewest of the lab then."""
    given = {item.grade for item in items}
    load = Counter(review.ta(item) for item in review.items.values() if item.grade not in given)
    found: dict[str, str] = {}
    for item in items:
        found[item.grade] = min(tas, key=lambda ta: load[ta])
        load[found[item.grade]] += 1
    return found


def second_sample(review: LabReview, share: float, seed: str) -> list[ReviewItem]:
    """The submissions of a random share of the lab, drawn by a hash with the seed. A larger share of the same seed
    adds to a smaller one. Of equal programs, such as those of a group's members, one is drawn."""
    ranked = sorted((item for item in review.items.values() if item.program), key=lambda item: _rank(seed, item))
    different = list({item.program: item for item in reversed(ranked)}.values())[::-1]
    return different[: math.ceil(share * len(different))]


def second_markers(review: LabReview, sample: Iterable[ReviewItem], tas: Sequence[str]) -> dict[str, str]:
    """Grade id -> second marker, for submissions of the sample that have none: a TA who neither reviews an equal
    program first nor has decided on one. Submissions for which there is no such TA are left out."""
    load = Counter(review.ta(item, Marking.SECOND) for item in review.items.values())
    equal: dict[str, list[ReviewItem]] = {}
    for item in review.items.values():
        equal.setdefault(item.program, []).append(item)
    found: dict[str, str] = {}
    for item in sample:
        if any(review.ta(each, Marking.SECOND) is not None for each in equal[item.program]):
            continue
        if free := [ta for ta in tas if ta not in _first_markers(review, equal[item.program])]:
            found[item.grade] = min(free, key=lambda ta: load[ta])
            load[found[item.grade]] += 1
    return found


def _first_markers(review: LabReview, items: Sequence[ReviewItem]) -> Collection[str | None]:
    decided = {record.actor for item in items for each in item.criteria for record in each.decision.active}
    return {*(review.ta(item) for item in items), *decided}


def _rank(seed: str, item: ReviewItem) -> bytes:
    return hashlib.sha256(f"{seed}\0{item.owner}".encode()).digest()
