"""The dry run: what would be sent to a platform, and why the rest would not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.known_values import KnownValues
from serving.deliveries.mapping import MappingReport, RubricMapping
from serving.deliveries.people import Matching
from serving.deliveries.platform import Assignment, CriterionValue, NewValue, Platform, Value, same_number, same_text
from serving.deliveries.records import CriterionRecord, GradeRecord


class Action(StrEnum):
    """The next step for a student's grade."""

    SEND = "send"
    UNCHANGED = "unchanged"
    WAITS = "waits-for-review"
    UNGRADED = "ungraded"
    UNMATCHED = "unmatched"
    AMBIGUOUS = "ambiguous"
    CONFLICT = "conflict"


class ReleasePolicy(Frozen):
    """`include_review`: also send grades that need review. `scale`: to the platform's maximum, without a rubric.

    `overwrite`: students whose value on the platform is replaced although someone changed it there.
    """

    include_review: bool = False
    scale: bool = False
    overwrite: frozenset[str] = frozenset()


class PlannedDelivery(Frozen):
    """`before` and `after` are None for a student who is not on the platform or whose grade is not sent.

    `pending`: an earlier run was interrupted while it sent this grade. `after` of a grade that waits for review is the
    announcement of it, where there is one to make.
    """

    student: str
    action: Action
    record: GradeRecord
    person: str | None = None
    before: Value | None = None
    after: Value | None = None
    pending: bool = False


class DeliveryPlan(Frozen):
    """One entry for each student with a grade, by student id."""

    target: str
    assignment: Assignment
    mapping: MappingReport | None
    matching: Matching
    students: tuple[PlannedDelivery, ...]

    def count(self, action: Action) -> int:
        return sum(each.action is action for each in self.students)


class ValueBuilder:
    """Builds the value to send from a record. Raises DeliveryError if the maxima or the rubric do not fit."""

    def __init__(
        self, assignment: Assignment, mapping: RubricMapping | None, policy: ReleasePolicy, platform: Platform
    ) -> None:
        self._assignment, self._mapping, self._policy, self.platform = assignment, mapping, policy, platform
        self._with_text = platform.comment_style != "none" and mapping is None
        rubric = assignment.rubric
        self._points = {level.id: level.points for each in rubric.criteria for level in each.levels} if rubric else {}

    def build(self, record: GradeRecord) -> Value:
        comments = (record.text,) if self._with_text else ()
        if self._mapping is None:
            return Value(total=self._scaled(record), comments=comments)
        mapped = [(self._mapping.criteria[each.criterion].criterion, self._criterion(each)) for each in record.criteria]
        points = [value.points for _, value in mapped if value.points is not None]
        total = record.total if record.total is not None else round(sum(points), 6)
        self._check_maximum(record)
        return Value(total=total, criteria=dict(mapped), comments=comments)

    def _criterion(self, record: CriterionRecord) -> CriterionValue:
        assert self._mapping is not None
        level = self._mapping.criteria[record.criterion].levels[record.rating or ""]
        points = record.points if record.points is not None else self._points.get(level)
        return CriterionValue(
            level=level, points=points, comment=record.comment if self.platform.stores_remarks else ""
        )

    def _scaled(self, record: GradeRecord) -> float | None:
        if record.total is None:
            raise DeliveryError(
                "platform-rubric-unmapped", "The rubric has no marks, and the platform has no rubric to choose from."
            )
        if not self._policy.scale or not record.maximum or self._assignment.maximum is None:
            self._check_maximum(record)
            return record.total
        return round(record.total * self._assignment.maximum / record.maximum, 6)

    def _check_maximum(self, record: GradeRecord) -> None:
        theirs = self._assignment.maximum
        if theirs is not None and record.maximum is not None and not same_number(theirs, record.maximum):
            raise DeliveryError(
                "platform-maximum-differs",
                f"The platform's maximum is {theirs:g}, the rubric's is {record.maximum:g}.",
            )


def plan_students(
    records: Sequence[GradeRecord],
    matching: Matching,
    current: Mapping[str, Value],
    builder: ValueBuilder,
    known: Mapping[str, KnownValues],
    policy: ReleasePolicy,
) -> tuple[PlannedDelivery, ...]:
    """`current`: person -> value on the platform. `known`: pseudonym -> the values that were sent before."""

    def planned(record: GradeRecord) -> PlannedDelivery:
        person = matching.person_of.get(record.student)
        if person is None:
            action = Action.AMBIGUOUS if record.student in matching.ambiguous else Action.UNMATCHED
            return PlannedDelivery(student=record.student, action=action, record=record)
        before = current.get(person, Value())
        sent = known.get(record.pseudonym, KnownValues())
        if record.ungraded or (record.needs_review and not policy.include_review):
            waits = builder.platform.announces_waiting and person not in current and not sent.announced
            return PlannedDelivery(
                student=record.student,
                action=Action.UNGRADED if record.ungraded else Action.WAITS,
                record=record,
                person=person,
                before=before,
                after=NewValue(waiting=True) if waits else None,
            )
        after = builder.build(record)
        return PlannedDelivery(
            student=record.student,
            action=decide(before, after, sent, builder.platform, overwrite=record.student in policy.overwrite),
            pending=sent.pending,
            record=record,
            person=person,
            before=before,
            after=after,
        )

    return tuple(map(planned, records))


def decide(before: Value, after: Value, sent: KnownValues, platform: Platform, *, overwrite: bool = False) -> Action:
    """A teacher's change on the platform has precedence: a value there that was not sent by us is a conflict."""
    if before.blocked and not overwrite:
        return Action.CONFLICT
    if shows(before, after) and not (before.comments_hidden and sent.pending):
        return Action.UNCHANGED
    ours = sent.explain(before, after, with_comments=platform.comment_style == "replace")
    return Action.SEND if overwrite or ours else Action.CONFLICT


def shows(current: Value, wanted: Value) -> bool:
    """Whether the platform shows everything that is to be sent, and no comment of it twice."""
    return (
        same_number(current.total, wanted.total)
        and all(
            same_criterion(current.criteria.get(each, CriterionValue()), value)
            for each, value in wanted.criteria.items()
        )
        and (
            current.comments_hidden
            or all(sum(same_text(each, text) for each in current.comments) == 1 for text in wanted.comments)
        )
    )


def same_criterion(one: CriterionValue, other: CriterionValue) -> bool:
    return same_level(one, other) and same_text(one.comment, other.comment)


def same_level(one: CriterionValue, other: CriterionValue) -> bool:
    """A level without an id is compared by its points: not every platform returns it."""
    levels = one.level == other.level or (one.level is None and one.points is not None)
    return levels and same_number(one.points, other.points)
