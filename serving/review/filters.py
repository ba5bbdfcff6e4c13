"""Which submissions of a lab a list shows, and in which order."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from labs_schema.frozen import Frozen
from serving.review.index import LabReview
from serving.review.items import ReviewCriterion, ReviewItem

Ratings = Mapping[str, Mapping[str, str]]
"""student's id -> criterion title -> rating."""
Hidden = Callable[[ReviewItem, ReviewCriterion], bool]
"""Whether the model's rating is hidden from the visitor."""


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
    matches = _matching(review, chosen, hidden, rated, visitor)
    return [item for grade in ordered(review, chosen.order) if matches(item := review.items[grade])]


def ordered(review: LabReview, order: Order) -> tuple[str, ...]:
    """The ids of all current grades in order."""
    if order not in review.orders:
        review.orders[order] = tuple(sorted(review.items, key=lambda grade: sort_key(review.items[grade], order)))
    return review.orders[order]


def sort_key(item: ReviewItem, order: Order) -> tuple[float | str, ...]:
    """Does not depend on decisions, so that the next submission is the same before and after one. Ties are broken by
    the grade's id, which is random."""
    if order is Order.STUDENT:
        return item.name or "", item.grade
    if order is Order.CONFIDENCE:
        return item.lowest_probability, item.grade
    return -item.impact, item.grade


def neighbours(
    review: LabReview,
    item: ReviewItem,
    chosen: Filter,
    hidden: Hidden = lambda *_: False,
    rated: Ratings | None = None,
    visitor: str = "",
) -> tuple[ReviewItem | None, ReviewItem | None]:
    """The submissions before and after `item` in the list of `selected`, which may no longer contain it."""
    matches = _matching(review, chosen, hidden, rated, visitor)
    grades = ordered(review, chosen.order)
    place = bisect_left(
        grades, sort_key(item, chosen.order), key=lambda grade: sort_key(review.items[grade], chosen.order)
    )

    def first(places: Iterable[int]) -> ReviewItem | None:
        return next((found for each in places if matches(found := review.items[grades[each]])), None)

    return first(range(place - 1, -1, -1)), first(range(place + 1, len(grades)))


def _matching(
    review: LabReview, chosen: Filter, hidden: Hidden, rated: Ratings | None, visitor: str
) -> Callable[[ReviewItem], bool]:
    matches = _matcher(chosen, hidden, rated or {})
    wanted = {"me": visitor, "none": None}.get(chosen.assigned, chosen.assigned)
    return lambda item: (not chosen.assigned or review.ta(item) == wanted) and matches(item)


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
