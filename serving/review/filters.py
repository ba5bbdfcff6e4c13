"""Which submissions of a lab a list shows, and in which order."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Selection:
    """The submissions of a lab that a list shows. `rated`: TAs' ratings in the lab's files. `visitor`: the id of their
    key. A filter by rating does not find a hidden rating, because the match would reveal it."""

    review: LabReview
    chosen: Filter
    hidden: Hidden
    rated: Ratings
    visitor: str

    def items(self) -> list[ReviewItem]:
        """In order."""
        grades = ordered(self.review, self.chosen.order)
        return [item for grade in grades if self._matches(item := self.review.items[grade])]

    def neighbours(self, item: ReviewItem) -> tuple[ReviewItem | None, ReviewItem | None]:
        """The submissions before and after `item` in the list, which may no longer contain it."""
        items, order = self.review.items, self.chosen.order
        grades = ordered(self.review, order)
        place = bisect_left(grades, sort_key(item, order), key=lambda grade: sort_key(items[grade], order))

        def first(places: Iterable[int]) -> ReviewItem | None:
            return next((found for each in places if self._matches(found := items[grades[each]])), None)

        return first(range(place - 1, -1, -1)), first(range(place + 1, len(grades)))

    def _matches(self, item: ReviewItem) -> bool:
        chosen = self.chosen
        assigned = {"me": self.visitor, "none": None}.get(chosen.assigned, chosen.assigned)
        if chosen.assigned and self.review.ta(item) != assigned:
            return False
        if chosen.search and chosen.search.casefold() not in (item.name or "").casefold():
            return False
        if chosen.show is Show.REVIEW and not (item.waiting and (chosen.criterion or chosen.rating)):
            return item.waiting > 0
        return any(
            self._shows(item, each)
            and chosen.criterion in ("", each.title)
            and (not chosen.rating or (chosen.rating == each.current and not self.hidden(item, each)))
            for each in item.criteria
        )

    def _shows(self, item: ReviewItem, criterion: ReviewCriterion) -> bool:
        match self.chosen.show:
            case Show.REVIEW:
                return criterion.waits
            case Show.ALL:
                return True
            case Show.UNGRADED:
                return criterion.current is None
            case Show.FLAGGED:
                return criterion.flagged
            case Show.DIFFERS:
                return not self.hidden(item, criterion) and self._differs(item, criterion)
            case Show.DECIDED:
                return criterion.decision.rating is not None

    def _differs(self, item: ReviewItem, criterion: ReviewCriterion) -> bool:
        theirs = criterion.decision.rating or self.rated.get(item.name or "", {}).get(criterion.title)
        return theirs is not None and criterion.rating is not None and theirs != criterion.rating


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
