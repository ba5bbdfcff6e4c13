"""Sends grades: reads before each write, journals what it is about to do, and reads back what the platform shows."""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from labs_schema.errors import GraderError, did_you_mean, quoted
from labs_schema.frozen import Frozen
from serving.deliveries.delivery_jobs import Outcome
from serving.deliveries.errors import DeliveryError, ErrorKind
from serving.deliveries.known_values import CONFLICT, DELIVERED, FAILED, INTENDED, KnownValues, known_values
from serving.deliveries.mapping import find_mapping, store_mapping, unmapped_text
from serving.deliveries.people import match_people
from serving.deliveries.plan import (
    Action,
    DeliveryPlan,
    PlannedDelivery,
    ReleasePolicy,
    ValueBuilder,
    decide,
    plan_students,
    shows,
)
from serving.deliveries.platform import NewValue, Platform, Value
from serving.deliveries.records import read_criteria, read_records
from serving.deliveries.retries import Retries
from serving.jobs.job_lock import job_lock
from serving.store.platforms.deliveries import Deliveries, NewEntry
from serving.store.store import Store

ANNOUNCED = "announced"


class Source(Frozen):
    """The grades to send: those of a lab in a course."""

    course: str
    lab: str


class StudentOutcome(Outcome):
    """The outcome under the student's id. `platform_text` is the platform's own message, for staff only."""

    platform_text: str = ""


class Sender:
    """Sends to one platform. `actor` is who caused it, for the journal."""

    def __init__(self, store: Store, platform: Platform, *, actor: str, retries: Retries | None = None) -> None:
        self._store, self._platform, self._actor, self._retries = store, platform, actor, retries or Retries()
        self._deliveries = Deliveries(store.database)

    def plan(self, source: Source, policy: ReleasePolicy, *, remap: bool = False) -> DeliveryPlan:
        """The dry run: reads the platform, writes nothing anywhere. Raises DeliveryError and StoreError."""
        platform, store = self._platform, self._store
        records = read_records(store, source.course, source.lab)
        criteria = read_criteria(store, records)
        _check_known(policy.overwrite, [each.student for each in records])
        known = known_values(self._deliveries.journal(platform.target))
        assignment = platform.read_assignment()
        people = platform.read_people()
        persons = {
            each.student: person
            for each in records
            if (person := known.get(each.pseudonym, KnownValues()).person) is not None
        }
        matching = match_people([each.student for each in records], people, persons)
        mapping = None
        if assignment.rubric is not None:
            mapping = find_mapping(store, platform.target, source.lab, criteria, assignment.rubric, remap=remap)
            if mapping.unmapped or mapping.unused:
                raise DeliveryError("platform-rubric-unmapped", unmapped_text(mapping))
        builder = ValueBuilder(assignment, mapping.mapping if mapping else None, policy, platform)
        current = platform.read_values()
        students = plan_students(records, matching, current, builder, known, policy)
        return DeliveryPlan(
            target=platform.target, assignment=assignment, mapping=mapping, matching=matching, students=students
        )

    def send(
        self, source: Source, plan: DeliveryPlan, policy: ReleasePolicy, on_student: Callable[[], None] = lambda: None
    ) -> list[StudentOutcome]:
        """Sends what `plan` lists and returns an outcome for every student of it.

        A conflict, or a failure of data, concerns one student. A failure of set-up, or an outage that outlasts all
        retries, ends the sending, and the rest is reported as failed by it.
        Raises GraderError `delivery-running` if another process is sending to the same place.
        """
        with self._lock(plan.target):
            if plan.mapping is not None and plan.assignment.rubric is not None:
                store_mapping(self._store, plan.target, source.lab, plan.mapping, plan.assignment.rubric, self._actor)
            outcomes: list[StudentOutcome] = []
            stopped: DeliveryError | None = None
            for planned in plan.students:
                if is_open(planned) and stopped is None:
                    outcome, stopped = self._send_student(planned, policy)
                elif is_open(planned) and stopped is not None:
                    outcome = _failed(planned.student, stopped)
                else:
                    outcome = _not_sent(planned)
                    if planned.action is Action.CONFLICT:
                        self._journal(planned, CONFLICT, planned.before or Value(), code="platform-value-changed")
                outcomes.append(outcome)
                on_student()
            return outcomes

    def _send_student(
        self, planned: PlannedDelivery, policy: ReleasePolicy
    ) -> tuple[StudentOutcome, DeliveryError | None]:
        try:
            action = self._retries.call(lambda: self._deliver(planned, policy))
            return StudentOutcome(student=planned.student, action=action), None
        except DeliveryError as error:
            event = CONFLICT if error.kind is ErrorKind.CONFLICT else FAILED
            self._journal(planned, event, planned.after or Value(), code=error.code)
            ends = error.kind in (ErrorKind.SET_UP, ErrorKind.RETRY) and error.code != "platform-not-stored"
            stop = error if ends else None
            return _failed(planned.student, error), stop

    def _deliver(self, planned: PlannedDelivery, policy: ReleasePolicy) -> str:
        """One attempt. Whatever an earlier attempt did is seen by reading first."""
        assert planned.person is not None and planned.after is not None
        platform, wanted, person = self._platform, planned.after, planned.person
        current = platform.read_values(person).get(person, Value())
        entries = self._deliveries.journal(platform.target, planned.record.pseudonym)
        known = known_values(entries).get(planned.record.pseudonym, KnownValues())
        overwrite = planned.student in policy.overwrite
        of_write = {"at": _next_time(known.last_at), "overwrite": overwrite, "repeated": known.pending}
        new = NewValue(**wanted.model_dump() | of_write)
        if new.waiting:
            return self._announce(planned, new, known)
        action = decide(current, wanted, known, platform, overwrite=overwrite)
        if action is Action.CONFLICT:
            raise DeliveryError("platform-value-changed", "Someone changed the value on the platform.")
        if action is Action.UNCHANGED:
            if known.pending:  # a write that was interrupted after it took effect
                self._journal(planned, DELIVERED, current)
            return DELIVERED
        self._journal(planned, INTENDED, new, before=current)
        after = platform.write(person, new, current)
        if after is None:
            after = platform.read_values(person).get(person, Value())
        if not shows(after, wanted):
            raise DeliveryError("platform-not-stored", "The platform accepted the grade but does not show it.")
        if after.comments_hidden:
            after = after.model_copy(update={"comments": wanted.comments})
        self._journal(planned, DELIVERED, after)
        return DELIVERED

    def _announce(self, planned: PlannedDelivery, new: NewValue, known: KnownValues) -> str:
        """Reports to the platform that a person reviews the work, unless it has any entry for it."""
        assert planned.person is not None
        if planned.person in self._platform.read_values(planned.person):
            if not known.pending:  # someone made an entry since the plan
                return str(planned.action)
        else:
            self._journal(planned, INTENDED, new, before=Value())
            self._platform.write(planned.person, new, Value())
        self._journal(planned, DELIVERED, new)
        return ANNOUNCED

    def _journal(
        self, planned: PlannedDelivery, event: str, value: Value, *, before: Value | None = None, code: str = ""
    ) -> None:
        values = {"person": planned.person, "value": value.model_dump(mode="json")}
        if before is not None:
            values["before"] = before.model_dump(mode="json")
        record = planned.record
        entry = NewEntry(grade=record.grade, event=event, code=code, revision=record.revision, values=values)
        self._deliveries.record(self._platform.target, record.pseudonym, entry, actor=self._actor)

    @contextmanager
    def _lock(self, target: str) -> Iterator[None]:
        try:
            with job_lock(self._store.database, [f"send-{sha256(target.encode()).hexdigest()[:32]}"]):
                yield
        except GraderError as error:
            if error.code != "job-locked":
                raise
            message = "Another process is sending grades to the same place. Wait until it has finished."
            raise GraderError(message, code="delivery-running") from error


def _check_known(named: Set[str], students: list[str]) -> None:
    """Raises DeliveryError for a student without a grade, such as a misspelt one."""
    if unknown := sorted(named - {*students}):
        message = f"No student {quoted(unknown[0])} has a grade in this lab.{did_you_mean(unknown[0], students)}"
        raise DeliveryError("student-unknown", message)


def is_open(planned: PlannedDelivery) -> bool:
    """Also a grade that the platform shows after an interrupted run, so that the journal is completed."""
    announces = isinstance(planned.after, NewValue) and planned.after.waiting
    return announces or planned.action is Action.SEND or (planned.action is Action.UNCHANGED and planned.pending)


def _next_time(last: str) -> str:
    """Later than all earlier times, also if the clock was set back: platforms refuse others.

    Moodle stores the second in which it received the last write, so that the next one is dated a second after now.
    """
    now = datetime.now(UTC)
    if last:
        now = max(now, datetime.fromisoformat(last)) + timedelta(seconds=1)
    return now.isoformat(timespec="microseconds")


def _failed(student: str, error: DeliveryError) -> StudentOutcome:
    conflict = error.kind is ErrorKind.CONFLICT
    return StudentOutcome(
        student=student,
        action=CONFLICT if conflict else FAILED,
        code=error.code,
        kind=str(error.kind),
        message=str(error),
        platform_text=error.platform_text,
    )


def _not_sent(planned: PlannedDelivery) -> StudentOutcome:
    codes = {
        Action.UNMATCHED: "student-not-on-platform",
        Action.AMBIGUOUS: "student-ambiguous-on-platform",
        Action.CONFLICT: "platform-value-changed",
    }
    code = codes.get(planned.action, "")
    kind = str(DeliveryError(code, "").kind) if code else ""
    return StudentOutcome(student=planned.student, action=str(planned.action), code=code, kind=kind)


def not_confirmed(planned: PlannedDelivery) -> StudentOutcome:
    """The outcome for a grade that is another one than a person confirmed."""
    return _failed(planned.student, DeliveryError("grade-not-confirmed", "The grade has changed since it was shown."))
