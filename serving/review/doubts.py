"""Doubts about the rubric that several submissions raise: the same criterion, between the same two ratings, with the
same observed outcomes or a similar reason.

The model hesitates on a criterion if the rating next to its own in the rubric has at least half of its probability.
Only criteria that wait for a person count.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import select

from labs_schema.frozen import Frozen
from labs_schema.limits import PageLimits
from labs_schema.models import Criterion
from serving.review.filters import Hidden
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.store.database import Database, select_in_batches
from serving.store.tables import contents, grades

LIMITS = PageLimits()
SHARE = 0.5
"""Probability of the neighbouring rating, as a share of that of the model's rating, from which on it hesitates."""
SIMILAR = 0.6
"""Share of the words of two reasons, of all their words, that both have (Jaccard): then they count as the same."""
REASONS = 50
"""Different reasons that a further one is compared with, which bounds the time."""


class Doubt(Frozen):
    """`lower` and `upper`: the two ratings in the rubric's order. `shared`: what all submissions have in common, as
    lines. `grades`: their ids."""

    id: str
    criterion: str
    lower: str
    upper: str
    shared: tuple[str, ...]
    is_reason: bool
    grades: tuple[str, ...]


class _Hesitation(NamedTuple):
    criterion: str
    lower: str
    upper: str
    outcomes: tuple[str, ...]
    reason: str


def doubts(database: Database, review: LabReview, hidden: Hidden) -> list[Doubt]:
    """The doubts that at least `PageLimits.doubt_submissions` submissions raise, the most frequent first."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    reasons: dict[tuple[Any, ...], list[str]] = {}
    for grade, each in _hesitations(database, review, hidden):
        if not each.outcomes and not each.reason:
            continue  # by two ratings alone, TAs agree as often as by chance: docs/measurements/reviewing.md
        key: tuple[Any, ...] = (each.criterion, each.lower, each.upper, each.outcomes)
        if not each.outcomes and each.reason:
            key = (*key, _similar(each.reason, reasons.setdefault(key, [])))
        groups.setdefault(key, []).append(grade)
    found = [_doubt(key, ids) for key, ids in groups.items() if len(ids) >= LIMITS.doubt_submissions]
    return sorted(found, key=lambda each: -len(each.grades))


def _doubt(key: tuple[Any, ...], ids: list[str]) -> Doubt:
    criterion, lower, upper, outcomes, *reason = key
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    shared = tuple(reason) if reason else outcomes
    return Doubt(
        id=digest,
        criterion=criterion,
        lower=lower,
        upper=upper,
        shared=shared,
        is_reason=bool(reason),
        grades=tuple(ids),
    )


def _hesitations(database: Database, review: LabReview, hidden: Hidden) -> Iterator[tuple[str, _Hesitation]]:
    waiting = [item for item in review.items.values() if item.waiting][: LIMITS.doubts_read]
    query = select(grades.c.id, contents.c.document).join(contents, contents.c.hash == grades.c.content)
    with database.reading() as connection:
        rows = select_in_batches(connection, query, grades.c.id, [item.grade for item in waiting])
    documents = {row.id: row.document for row in rows}
    for item in waiting:
        if item.grade in documents:
            for each in _of(item, review, hidden, json.loads(documents[item.grade])):
                yield item.grade, each


def _of(item: ReviewItem, review: LabReview, hidden: Hidden, document: Mapping[str, Any]) -> Iterator[_Hesitation]:
    rubric = {each.title: each for each in review.rubrics[item.rubric].criteria}
    by_title = {each["criterion"]: each for each in document["criteria"]}
    for each in item.criteria:
        given = by_title[each.title]
        pair = hesitates_between(rubric[each.title], given.get("probabilities") or {}) if each.waits else None
        if pair and not hidden(item, each):
            outcomes = sorted({f"{line['check']}: {line['outcome']}" for line in given.get("evidence", ())})
            yield _Hesitation(each.title, *pair, tuple(outcomes), given.get("reasoning") or "")


def hesitates_between(criterion: Criterion, probabilities: Mapping[str, float]) -> tuple[str, str] | None:
    """The two ratings between which the model hesitates; None if it does not, or if they are not next to each other."""
    titles = [rating.title for rating in criterion.ratings]
    ranked = sorted(titles, key=lambda title: -probabilities.get(title, 0.0))
    first, second = ranked[:2]
    if probabilities.get(second, 0.0) < SHARE * probabilities.get(first, 0.0) or not probabilities:
        return None
    low, high = sorted((titles.index(first), titles.index(second)))
    return (titles[low], titles[high]) if high - low == 1 else None


def _similar(reason: str, leaders: list[str]) -> str:
    """The first of the `leaders` that is similar, else the reason itself, which becomes one of them."""
    words = _words(reason)
    for leader in leaders[:REASONS]:
        theirs = _words(leader)
        if len(words & theirs) >= SIMILAR * len(words | theirs):
            return leader
    leaders.append(reason)
    return reason


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text[:2000].casefold()))
