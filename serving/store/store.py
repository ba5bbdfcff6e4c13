"""The store: one object for the API, the jobs and the commands.

Every method that writes is one transaction, durable when it returns. Except for claims and exports, it is entered into
the audit log. `actor` is who caused it: an API key's id, a job, a user of this machine; never a student.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.store import exports, students
from serving.store.access import keys, sign_in_links
from serving.store.access.roles import Role
from serving.store.database import Database, open_database, without_timeout
from serving.store.errors import StoreError
from serving.store.grades import choices, grades, overrides
from serving.store.idempotency import RequestClaims
from serving.store.ledger import Ledger, audited_transaction, timestamp
from serving.store.verification import verification

VACUUMED_TABLES = ("contents", "students", "idempotency", "observation_requests")


class Forgotten(Frozen):
    """`scrubbed` is False if another process was reading old pages of a SQLite file: forget again later."""

    students: int
    records: int
    scrubbed: bool


def open_store(location: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "Store":
    """Opens the store at a URL or path, created or upgraded if needed. Raises StoreError if it cannot be used."""
    return Store(open_database(location, now))


class Store:
    """Thread-safe."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.claims = RequestClaims(database)

    def close(self) -> None:
        self.database.close()

    def pseudonym_for(self, course: str, student: str, *, actor: str) -> str:
        """The pseudonym of a student in a course, created if there is none; for "", the anonymous one of this month.

        Raises BadNameError for an unprintable name.
        """
        student = student or students.anonymous_id(self.database.now())
        with self.database.reading() as connection:
            if known := students.find_pseudonym(connection, course, student):
                return known
        with audited_transaction(self.database) as ledger:
            return students.add_students(ledger, course, [student], actor)[0]

    def read_student(self, pseudonym: str) -> students.Student:
        """The course and the student of a pseudonym; the student is None once forgotten. Raises UnknownError."""
        with self.database.reading() as connection:
            return students.read_student(connection, pseudonym)

    def record_grades(
        self, lab: Lab, submissions: Sequence[Submission], given: Sequence[Grade], *, request: str, actor: str
    ) -> list[str | None]:
        """Appends the grades `given` to `submissions`, whose students are pseudonyms; returns their ids in that order.

        Idempotent per request and submission: a retry gets the same ids. None for a forgotten student. All grades are
        written or none. Raises UnknownError for a pseudonym never issued, ValueError for a grade of another lab, rubric
        or program.
        """
        with audited_transaction(self.database) as ledger:
            return grades.record_grades(ledger, lab, submissions, given, request=request, actor=actor)

    def read_grades(self, request: str) -> list[grades.StoredGrade]:
        """The grades of a request or a job, in the order they were recorded."""
        with self.database.reading() as connection:
            return grades.read_request_grades(connection, request)

    def read_history(self, grade_id: str) -> overrides.History:
        """A grade with its overrides and regrades. Raises UnknownError."""
        with self.database.reading() as connection:
            return overrides.read_history(connection, grade_id)

    def read_submission(self, grade_id: str) -> Submission | None:
        """The graded program under its pseudonym; None if it was forgotten."""
        with self.database.reading() as connection:
            return grades.read_submission(connection, grade_id)

    def record_override(
        self,
        grade_id: str,
        criterion: str,
        rating: str,
        why: str,
        *,
        members: Sequence[str] = (),
        request: str,
        actor: str,
    ) -> overrides.StoredOverride:
        """Appends a person's rating. Idempotent: a retry returns the override that the request made of this criterion.

        `members`: the other members' grades of the same group work. Each gets an override of its own, all are recorded
        or none; a forgotten member gets none.

        Raises UnknownError for an unknown grade, criterion or rating, ForgottenError for a forgotten student.
        """
        choice = choices.Choice(grade=grade_id, criterion=criterion, rating=rating, comment=why)
        [outcome] = self.record_choices([choice], members={grade_id: members}, request=request, actor=actor)
        return outcome.record

    def record_choices(
        self,
        given: Sequence[choices.Choice],
        *,
        members: Mapping[str, Sequence[str]] | None = None,
        request: str,
        actor: str,
    ) -> list[choices.Outcome]:
        """Appends people's choices, all in one transaction; returns what became of each.

        A choice whose `revision` is not the current one is recorded as a conflict and changes nothing. Idempotent: a
        retry of the same request returns the records that it made; the same request with another choice is a conflict.
        `members`: grade id -> the other members' grades of the same group work, which get the same records, unless
        they had another decision than this grade.

        Raises UnknownError for an unknown grade, criterion or rating, ForgottenError for a forgotten student.
        """
        with audited_transaction(self.database) as ledger:
            return choices.record_choices(ledger, given, members=members or {}, request=request, actor=actor)

    def create_key(self, name: str, role: Role, course: str | None, *, actor: str) -> tuple[str, keys.ApiKey]:
        """A new key, which cannot be shown again, and its record. `course` None: all courses."""
        with audited_transaction(self.database) as ledger:
            return keys.create_key(ledger, name, role, course, actor)

    def revoke_key(self, key_id: str, *, actor: str) -> keys.ApiKey:
        """Takes effect immediately. Raises UnknownError."""
        with audited_transaction(self.database) as ledger:
            return keys.revoke_key(ledger, key_id, actor)

    def find_key(self, token: str) -> keys.ApiKey | None:
        """None for a key that is unknown or revoked."""
        with self.database.reading() as connection:
            return keys.find_key(connection, token)

    def read_active_key(self, key_id: str) -> keys.ApiKey | None:
        """None for a key that is unknown or revoked."""
        with self.database.reading() as connection:
            return keys.read_active_key(connection, key_id)

    def create_link(self, key_id: str, valid_for: timedelta, *, actor: str) -> str:
        """The token of a new sign-in link, which works once. Raises UnknownError for an unknown or revoked key."""
        with audited_transaction(self.database) as ledger:
            return sign_in_links.create_link(ledger, key_id, timestamp(self.database.now() + valid_for), actor)

    def use_link(self, token: str) -> keys.ApiKey | None:
        """Uses a sign-in link up and returns its key; None if it is unknown, used, expired, or its key is revoked."""
        with audited_transaction(self.database) as ledger:
            return sign_in_links.use_link(ledger, token)

    def list_keys(self) -> list[keys.ApiKey]:
        """All keys ever created, oldest first."""
        with self.database.reading() as connection:
            return keys.list_keys(connection)

    def record_export(self, course: str, folder: Path) -> None:
        """Call before writing results of `course` into `folder` under students' ids."""
        with self.database.writing() as connection:
            exports.record_export(connection, course, folder, timestamp(self.database.now()))

    def list_exports(self, course: str | None = None) -> list[exports.Export]:
        """Folders with results on any machine: of all courses, or those that may belong to `course`."""
        with self.database.reading() as connection:
            return exports.list_exports(connection, course)

    def forget_student(self, student: str, course: str | None = None, *, actor: str) -> Forgotten:
        """Erases a student's identity and all stored work, in one course or in all."""
        return self._forget(lambda ledger: students.find_pseudonyms(ledger.connection, student, course), actor)

    def list_inactive_students(self, before: datetime, course: str) -> list[str]:
        """The ids of the students that `forget_inactive_students` would forget; anonymous work has no id."""
        with self.database.reading() as connection:
            found = students.inactive_since(connection, course, timestamp(before))
            ids = [students.read_student(connection, each).student for each in found]
        return [each for each in ids if each and not students.is_anonymous(each)]

    def forget_inactive_students(self, before: datetime, course: str, *, actor: str) -> Forgotten:
        """Erases every student of a course without a grade since the time `before`."""
        return self._forget(lambda ledger: students.inactive_since(ledger.connection, course, timestamp(before)), actor)

    def verify(self, expected_head: str | None = None) -> verification.AuditReport:
        """Reads the complete store. `expected_head`: `number:hash` of an earlier report, which must still be there."""
        with self.database.reading() as connection, without_timeout(connection):
            return verification.verify_store(connection, expected_head)

    def _forget(self, find: Callable[[Ledger], list[str]], actor: str) -> Forgotten:
        with audited_transaction(self.database) as ledger:
            found = find(ledger)
            records = sum(students.forget_student(ledger, pseudonym, actor) for pseudonym in found)
        return Forgotten(students=len(found), records=records, scrubbed=self._scrub())

    def _scrub(self) -> bool:
        """Removes deleted bytes from SQLite's file and WAL. PostgreSQL only marks the space as free."""
        with suppress(StoreError), self.database.autocommit() as connection:
            if self.database.dialect == "postgresql":
                connection.execute(text(f"VACUUM {', '.join(VACUUMED_TABLES)}"))
                return True
            connection.execute(text("VACUUM"))
            busy: int = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
            return busy == 0
        return False
