"""The submissions of each lab in memory, brought up to date from the append-only store at every request.

Grades and decisions are erasable documents that a database cannot filter by rating. Reading the rows that were added
since the last request is exact, as no row ever changes; a forgotten student makes the lab be read again.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Row, select

from labs_schema.limits import PageLimits
from labs_schema.models import Criterion, Lab
from serving.review.items import ReviewItem, fitting, owner_of, review_criteria
from serving.review.team.team import (
    Assignment,
    Marking,
    SecondRating,
    new_assignments,
    new_second_ratings,
    stored_assignment,
    stored_second_rating,
)
from serving.store.database import Database
from serving.store.grades.grades import read_lab
from serving.store.grades.overrides import Decision, StoredOverride, decisions, override_rows, stored_override
from serving.store.review.clarifications import is_proposal
from serving.store.students import is_anonymous
from serving.store.tables import audit, audit_head, contents, grades, overrides, students

Work = tuple[str, str]
"""Pseudonym and keyed hash of the submission."""


@dataclass(frozen=True)
class LabReview:
    """A lab at one point in time. `items`: grade id -> submission, in the order of their first grade. `seq`: of the
    last audit entry that was read. `rubrics`: version -> lab. `records`: all decisions by work. `assigned` and
    `second_ratings`: by `ReviewItem.owner`. `orders`: a cache of `filters.ordered`, the same for all states of the lab
    with the same grades."""

    course: str
    lab: str
    seq: int = 0
    items: Mapping[str, ReviewItem] = field(default_factory=dict)
    rubrics: Mapping[str, Lab] = field(default_factory=dict)
    records: Mapping[Work, tuple[StoredOverride, ...]] = field(default_factory=dict)
    assigned: Mapping[tuple[str, Marking], Assignment] = field(default_factory=dict)
    second_ratings: Mapping[str, tuple[SecondRating, ...]] = field(default_factory=dict)
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def ta(self, item: ReviewItem, marking: Marking = Marking.FIRST) -> str | None:
        """The id of the key to which a submission is assigned."""
        found = self.assigned.get((item.owner, marking))
        return found.ta if found else None

    def second_rating(self, item: ReviewItem, actor: str | None) -> SecondRating | None:
        """A TA's ratings of these files as a second marker."""
        given = self.second_ratings.get(item.owner, ())
        return next((each for each in given if (each.actor, each.submission) == (actor, item.submission)), None)

    def open_second_marking(self, item: ReviewItem, actor: str) -> str | None:
        """The grade that a TA must rate, without knowledge of other ratings, before they may see those of the item:
        its own, or one of the same program, such as that of another member of its group."""
        return self._open_second_markings.get(actor, {}).get(item.program or item.grade)

    def is_sealed(self, item: ReviewItem, actor: str) -> bool:
        return self.open_second_marking(item, actor) is not None

    def visible_to(self, actor: str) -> "LabReview":
        """The review without the submissions whose ratings a TA must not see yet."""
        if actor not in self._open_second_markings:
            return self
        items = {grade: item for grade, item in self.items.items() if not self.is_sealed(item, actor)}
        return replace(self, items=items, orders={})

    @cached_property
    def _open_second_markings(self) -> Mapping[str, Mapping[str, str]]:
        """TA -> program, or grade of work without one -> the grade to rate."""
        found: dict[str, dict[str, str]] = {}
        for item in self.items.values():
            ta = self.ta(item, Marking.SECOND)
            if ta is not None and self.second_rating(item, ta) is None:
                found.setdefault(ta, {})[item.program or item.grade] = item.grade
        return found

    @cached_property
    def newest_rubric(self) -> str:
        """The version of the last grade's rubric; empty without one."""
        return max(self.items.values(), key=lambda each: each.seq).rubric if self.items else ""

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria of the newest rubric."""
        return self.rubrics[self.newest_rubric].criteria if self.items else ()


class ReviewIndex:
    """Labs by course and name. Thread-safe. The least recently used labs are dropped when there are too many items."""

    def __init__(self, database: Database, max_items: int = PageLimits().items_in_memory) -> None:
        self._database, self._max_items = database, max_items
        self._labs: OrderedDict[tuple[str, str], LabReview] = OrderedDict()
        self._lock = Lock()

    def labs(self, course: str) -> list[str]:
        """The names of the labs of a course that have grades; "" for submissions graded with their own rubric."""
        query = select(grades.c.lab).distinct().join(students, students.c.pseudonym == grades.c.student)
        with self._database.reading() as connection:
            found = connection.execute(query.where(students.c.course == course)).scalars()
            return sorted(name for name in found if not is_proposal(name))

    def lab(self, course: str, lab: str) -> LabReview:
        """The lab as it is now; without items if it has no grade."""
        with self._lock, self._database.reading() as connection:
            review = _caught_up(self._labs.pop((course, lab), LabReview(course, lab)), connection)
            self._labs[course, lab] = review
            self._drop_old()
            return review

    def _drop_old(self) -> None:
        while len(self._labs) > 1 and sum(len(each.items) for each in self._labs.values()) > self._max_items:
            self._labs.popitem(last=False)


def _caught_up(review: LabReview, connection: Connection) -> LabReview:
    head: int = connection.execute(select(audit_head.c.seq)).scalar_one()
    if head == review.seq:
        return review
    if review.seq and _forgot(connection, review.seq):
        review = LabReview(review.course, review.lab)
    new_grades = list(connection.execute(_new_grades(review)))
    new_records = list(connection.execute(_new_records(review)))
    records = dict(review.records)
    for row in new_records:
        work = row.student, row.submission
        records[work] = (*records.get(work, ()), stored_override(row))
    rubrics = dict(review.rubrics)
    for version in {row.rubric for row in new_grades} - rubrics.keys():
        rubrics[version] = read_lab(connection, version)
    items = _with_grades(review.items, new_grades, rubrics, records) if new_grades else review.items
    assigned, second = dict(review.assigned), dict(review.second_ratings)
    for row in connection.execute(new_assignments(review.course, review.lab, review.seq)):
        new = stored_assignment(row)
        assigned[owner_of(row.student, row.name, row.submission), new.marking] = new
    for row in connection.execute(new_second_ratings(review.course, review.lab, review.seq)):
        owner = owner_of(row.student, row.name, row.submission)
        second[owner] = (*second.get(owner, ()), stored_second_rating(row))
    changed = {(row.student, row.submission) for row in new_records}
    if changed:
        items = {
            id_: _redecided(each, rubrics, records) if _work(each) in changed else each for id_, each in items.items()
        }
    return replace(
        review,
        seq=head,
        items=items,
        rubrics=rubrics,
        records=records,
        assigned=assigned,
        second_ratings=second,
        orders={} if new_grades else review.orders,
    )


def _with_grades(
    items: Mapping[str, ReviewItem],
    rows: Iterable[Row[Any]],
    rubrics: Mapping[str, Lab],
    records: Mapping[Work, tuple[StoredOverride, ...]],
) -> dict[str, ReviewItem]:
    """A newer grade replaces the student's earlier one, in its place."""
    by_owner = {each.owner: each for each in items.values()}
    by_rubric = {version: {c.title: c for c in lab.criteria} for version, lab in rubrics.items()}
    for row in rows:
        decided = decisions(records.get((row.student, row.submission), ()))
        by_owner[owner_of(row.student, row.name, row.submission)] = _item(row, by_rubric[row.rubric], decided)
    return {each.grade: each for each in by_owner.values()}


def _item(row: Row[Any], criteria: Mapping[str, Criterion], decided: Mapping[str, Decision]) -> ReviewItem:
    document = json.loads(row.document)
    return ReviewItem(
        grade=row.id,
        seq=row.seq,
        at=row.at,
        student=row.student,
        name=None if is_anonymous(row.name) else row.name,
        submission=row.submission,
        program=(document["provenance"] or {}).get("submission_hash", ""),
        rubric=row.rubric,
        request=row.request,
        criteria=review_criteria(document, criteria, decided),
    )


def _redecided(
    item: ReviewItem, rubrics: Mapping[str, Lab], records: Mapping[Work, tuple[StoredOverride, ...]]
) -> ReviewItem:
    decided, lab = decisions(records[_work(item)]), rubrics[item.rubric]
    criteria = (
        replace(each, decision=fitting(decided[each.title], lab.criterion(each.title)))
        if each.title in decided
        else each
        for each in item.criteria
    )
    return replace(item, criteria=tuple(criteria))


def _work(item: ReviewItem) -> Work:
    return item.student, item.submission


def _new_grades(review: LabReview) -> Any:
    mine = grades.c.seq > review.seq, grades.c.lab == review.lab, students.c.course == review.course
    return (
        select(grades, contents.c.document, students.c.student.label("name"))
        .join(students, students.c.pseudonym == grades.c.student)
        .join(contents, contents.c.hash == grades.c.content)
        .where(*mine)
        .order_by(grades.c.seq)
    )


def _new_records(review: LabReview) -> Any:
    mine = overrides.c.seq > review.seq, grades.c.lab == review.lab, students.c.course == review.course
    return (
        override_rows()
        .add_columns(grades.c.student, grades.c.submission)
        .join(students, students.c.pseudonym == grades.c.student)
        .where(*mine)
        .order_by(overrides.c.seq)
    )


def _forgot(connection: Connection, since: int) -> bool:
    forgotten = select(audit.c.seq).where(audit.c.seq > since, audit.c.event == "forget").limit(1)
    return connection.execute(forgotten).first() is not None
