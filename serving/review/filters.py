"""Which submissions of a lab a list shows, and in which order."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from enum import StrEnum

from labs_schema.frozen import Frozen
from serving.review.index import LabReview
from serving.review.items import ReviewCriterion, ReviewItem

Ratings = Mapping[str, Mapping[str, str]]
"""student's id -> criterion title -> rating."""
Hidden = Callable[[ReviewItem, ReviewCriterion], bool]
"""Whether the machine's rating is hidden from the visitor."""


class Show(StrEnum):
    """`differs`: a person, or a TA's rating in the lab's files, disagrees with the machine."""

    REVIEW = "review"
    ALL = "all"
    UNGRADED = "ungraded"
    FLAGGED = "flagged"
    DIFFERS = "differs"
    DECIDED = "decided"


class Order(StrEnum):
    """`impact`: the largest expected change of the total first."""

    IMPACT = "impact"
    STUDENT = "student"
    CONFIDENCE = "confidence"


class Filter(Frozen):
    """`criterion` and `rating` are titles; `rating` is the current one. `search`: part of a student's id. `assigned`:
    `me`, `none`, or the id of a TA's key."""

    show: Show = Show.REVIEW
    criterion: str = ""
    rating: str = ""
    search: str = ""
    assigned: str = ""
    order: Order = Order.IMPACT

    @property
    def query(self) -> dict[str, str]:
        """The parts of a URL that differ from the default."""
        return {name: str(value) for name, value in self if value != Filter.model_fields[name].default}


def selected(
    review: LabReview,
    chosen: Filter,
    hidden: Hidden = lambda *_: False,
    rated: Ratings | None = None,
    visitor: str = "",
) -> list[ReviewItem]:
    """The submissions of the list, in order. `rated`: TAs' ratings in the lab's files. `visitor`: the id of their key.
    A filter by rating does not find a hidden one, which it would reveal."""
    matches = _matcher(chosen, hidden, rated or {})
    wanted = {"me": visitor, "none": None}.get(chosen.assigned, chosen.assigned)
    mine = (item for item in review.items.values() if not chosen.assigned or review.ta(item) == wanted)
    found = [item for item in mine if matches(item)]
    return sorted(found, key=lambda item: sort_key(item, chosen.order))


def sort_key(item: ReviewItem, order: Order) -> tuple[float | str, ...]:
    """Does not depend on decisions, so that the next submission is the same before and after one. Ties are broken by
    the grade's id, which is random."""
    if order is Order.STUDENT:
        return item.name or "", item.grade
    if order is Order.CONFIDENCE:
        return item.lowest_probability, item.grade
    return -item.impact, item.grade


def neighbours(items: list[ReviewItem], item: ReviewItem, order: Order) -> tuple[ReviewItem | None, ReviewItem | None]:
    """The submissions before and after `item` in a list that need not contain it any more."""
    key = sort_key(item, order)
    before, after = (find(items, key, key=lambda each: sort_key(each, order)) for find in (bisect_left, bisect_right))
    return (items[before - 1] if before else None), (items[after] if after < len(items) else None)


def _matcher(chosen: Filter, hidden: Hidden, rated: Ratings) -> Callable[[ReviewItem], bool]:
    conditions: dict[Show, Callable[[ReviewItem, ReviewCriterion], bool]] = {
        Show.REVIEW: lambda _, each: each.waits,
        Show.ALL: lambda *_: True,
        Show.UNGRADED: lambda _, each: each.current is None,
        Show.FLAGGED: lambda _, each: each.flagged,
        Show.DIFFERS: lambda item, each: not hidden(item, each) and _differs(item, each, rated),
        Show.DECIDED: lambda _, each: each.decision.rating is not None,
    }
    shown, search = conditions[chosen.show], chosen.search.casefold()
    narrowed = bool(chosen.criterion or chosen.rating)

    def matches(item: ReviewItem) -> bool:
        if search and search not in (item.name or "").casefold():
            return False
        if chosen.show is Show.REVIEW and not (item.waiting and narrowed):
            return item.waiting > 0
        return any(
            shown(item, each)
            and chosen.criterion in ("", each.title)
            and (not chosen.rating or (chosen.rating == each.current and not hidden(item, each)))
            for each in item.criteria
        )

    return matches


def _differs(item: ReviewItem, criterion: ReviewCriterion, rated: Ratings) -> bool:
    theirs = criterion.decision.rating or rated.get(item.name or "", {}).get(criterion.title)
    return theirs is not None and criterion.rating is not None and theirs != criterion.rating
