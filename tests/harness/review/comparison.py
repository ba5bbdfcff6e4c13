"""Compares everything that the store has about decisions with the model."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from serving.review.index import ReviewIndex
from tests.harness.review.model import ReviewModel
from tests.harness.review.site import Site


def faults(site: Site, model: ReviewModel, students: Collection[int] | None = None) -> dict[str, int]:
    """Records that are lost, doubled or someone else's, and criteria with another decision than the model's.
    Without faults: an empty dictionary. `students`: all by default."""
    expected, stored = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    other = 0
    for (_, key), entry in model.records.items():
        if students is None or key[0] in students:
            expected[key, entry.ta, entry.action.value, entry.comment] += 1
    titles = [each.title for each in site.lab.criteria]
    for student, grade in enumerate(site.grades[-1]):
        if students is not None and student not in students:
            continue
        history = site.store.read_history(grade)
        for r in history.records:
            key = student, titles.index(r.criterion)
            stored[key, site.names.get(r.actor), r.action.value, r.why] += 1
        for criterion, title in enumerate(titles):
            decided = history.decisions.get(title)
            now = (decided.rating, decided.comment) if decided else (None, "")
            by = [(site.names.get(r.actor), r.action, r.why) for r in decided.active] if decided else []
            mine = [(e.ta, e.action, e.comment) for e in model.active.get((student, criterion), ())]
            other += now != (model.rating((student, criterion)), model.comment((student, criterion))) or by != mine
    return _counted(expected, stored, other)


def _counted(expected: Counter[tuple[Any, ...]], stored: Counter[tuple[Any, ...]], other: int) -> dict[str, int]:
    """A record of the right kind by another person counts as misattributed, neither as lost nor as doubled."""
    lost, more = expected - stored, stored - expected
    without_actor = Counter((key, *rest) for (key, _, *rest) in lost.elements())
    misattributed = sum(without_actor[key, *rest] > 0 for (key, _, *rest) in more.elements())
    counts = {
        "lost": lost.total() - misattributed,
        "doubled": more.total() - misattributed,
        "misattributed": misattributed,
        "other_decisions": other,
    }
    return counts if any(counts.values()) else {}


def finished(site: Site) -> dict[str, int]:
    """Sums of faults after the last step; also checks the audit log and the list of the lab."""
    review = ReviewIndex(site.store.database).lab(site.course, site.lab.name)
    assert sorted(review.items) == sorted(site.grades[-1])
    for grade, item in review.items.items():
        decided = site.store.read_history(grade).decisions
        assert all(each.decision == decided.get(each.title, each.decision) for each in item.criteria)
    found = {"lost": 0, "doubled": 0, "misattributed": 0, "other_decisions": 0, **faults(site, site.model)}
    return {**found, "audit_faults": len(site.store.verify().faults), "records": len(site.model.records)}
