"""The values that a platform may show because of earlier deliveries, from the journal."""

from collections.abc import Iterable

from labs_schema.frozen import Frozen
from serving.deliveries.platform import CriterionValue, NewValue, Value, same_number, same_text
from serving.store.platforms.deliveries import JournalEntry

INTENDED, DELIVERED, CONFLICT, FAILED = "intended", "delivered", "conflict", "failed"


class KnownValues(Frozen):
    """The last value that was delivered, and those whose sending was interrupted or failed since (`pending`).

    A write may have been done by half, so each part of a value is compared alone. `last_at`: `NewValue.at` of the last
    write that was tried. `announced`: the last thing delivered is that the grade waits for review.
    """

    values: tuple[Value, ...] = ()
    person: str | None = None
    pending: bool = False
    last_at: str = ""
    announced: bool = False

    def explain(self, current: Value, wanted: Value, *, with_comments: bool) -> bool:
        """Whether every part of `current` was sent before, is about to be, or was there before an interrupted write.

        After a complete delivery an emptied value is a person's change. `with_comments`: comments are parts too.
        """
        if not self.values:
            return current.is_empty
        parts = [*self.values, wanted]
        return (
            any(same_number(current.total, each.total) for each in parts)
            and all(
                any(_same(value, each.criteria.get(criterion)) for each in parts)
                for criterion, value in current.criteria.items()
            )
            and (not with_comments or current.comments_hidden or any(_same_comments(current, each) for each in parts))
        )


def known_values(entries: Iterable[JournalEntry]) -> dict[str, KnownValues]:
    """Pseudonym -> known values, from the journal of one target, oldest entry first."""
    known: dict[str, KnownValues] = {}
    for entry in entries:
        before = known.get(entry.student, KnownValues())
        person = entry.values.get("person") or before.person
        if entry.event == DELIVERED:
            value = _value(entry, "value")
            known[entry.student] = KnownValues(
                values=(value,), person=person, last_at=before.last_at, announced=value.waiting
            )
        elif entry.event == INTENDED:
            value = _value(entry, "value")
            known[entry.student] = KnownValues(
                values=(*before.values, _value(entry, "before"), value),
                person=person,
                pending=True,
                last_at=max(before.last_at, value.at),
            )
        else:
            known[entry.student] = before.model_copy(update={"person": person})
    return known


def _value(entry: JournalEntry, name: str) -> NewValue:
    return NewValue.model_validate(entry.values[name])


def _same(one: CriterionValue, other: CriterionValue | None) -> bool:
    other = other or CriterionValue()
    return (
        (one.level == other.level or one.level is None or other.level is None)
        and same_number(one.points, other.points)
        and same_text(one.comment, other.comment)
    )


def _same_comments(one: Value, other: Value) -> bool:
    return same_text(" ".join(one.comments), " ".join(other.comments))
