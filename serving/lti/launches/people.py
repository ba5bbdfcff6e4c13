"""The people of a platform as TAs with a key of their own, or as students of the course; never by name."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, select

from labs_schema.imports.identities import folded
from labs_schema.student_ids import local_part
from serving.lti.access import Person, record_person, row_of
from serving.lti.errors import LtiError
from serving.lti.launches.claims import Claims
from serving.lti.platforms.platforms import StudentIdKind
from serving.lti.tool import STUDENT_ID
from serving.store.access.keys import ApiKey, create_key, read_active_key
from serving.store.access.roles import Role
from serving.store.database import Database
from serving.store.grades.grades import read_student_grades
from serving.store.ledger import NAME_CHARS, audited_transaction
from serving.store.platforms.lti_tables import lti_users
from serving.store.students import is_anonymous
from serving.store.tables import grades, students

STUDENT_IDS: Mapping[StudentIdKind, Callable[[Claims], str]] = {
    StudentIdKind.CUSTOM: lambda claims: claims.custom.get(STUDENT_ID, ""),
    StudentIdKind.SIS: lambda claims: claims.sis_id,
    StudentIdKind.USERNAME: lambda claims: claims.username,
    StudentIdKind.EMAIL: lambda claims: claims.email,
    StudentIdKind.EMAIL_NAME: lambda claims: local_part(claims.email),
    StudentIdKind.USER: lambda claims: claims.user,
}


class People:
    """All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ta_key(self, person: Person, name: str) -> ApiKey:
        """The key of a TA, created at their first launch: it identifies them in the history, and can be revoked.

        Its token is known to no one. Raises LtiError (`lti-access-revoked`) if it was revoked.
        """
        with self._database.reading() as connection:
            if found := _ta_key(connection, person):
                return found
        with audited_transaction(self._database) as ledger:
            if found := _ta_key(ledger.connection, person):
                return found
            shown = name if name.isprintable() and 0 < len(name) <= NAME_CHARS else "TA without a name"
            _, key = create_key(ledger, shown, Role.TA, person.course, "lti")
            record_person(ledger, person, key=key.id)
            return key

    def student(self, person: Person, claims: Claims, kind: StudentIdKind) -> str | None:
        """The pseudonym of the student with exactly the id of the launch; None if there is none, or several.

        What a launch stated is recorded: later launches may lack it, and grades are sent to the platform's id.
        """
        given = folded(STUDENT_IDS[kind](claims))
        with self._database.reading() as connection:
            known = _known_student(connection, person)
            found = _with_id(connection, person.course, given) if given and not given.startswith("$") else known
        if found is not None and found != known:
            with audited_transaction(self._database) as ledger:
                record_person(ledger, person, student=found)
        return found

    def known_student(self, person: Person) -> str | None:
        """The pseudonym that an earlier launch of this person led to."""
        with self._database.reading() as connection:
            return _known_student(connection, person)

    def students(self, platform: str, course: str) -> dict[str, str]:
        """The platform's user -> the student's id, of all whose launches led to a student who is not forgotten."""
        query = select(lti_users.c.user, students.c.student).join(students, students.c.pseudonym == lti_users.c.student)
        where = (lti_users.c.platform == platform, lti_users.c.course == course, students.c.student.is_not(None))
        with self._database.reading() as connection:
            return {row.user: row.student for row in connection.execute(query.where(*where))}

    def newest_grade(self, pseudonym: str, lab: str) -> str | None:
        """The id of a student's newest grade in a lab."""
        with self._database.reading() as connection:
            found = read_student_grades(connection, pseudonym, lab)
        return max(found, key=lambda each: each.seq).id if found else None

    def labs(self, pseudonym: str) -> list[str]:
        """The labs in which a student has a grade, by name."""
        query = select(grades.c.lab).where(grades.c.student == pseudonym).distinct().order_by(grades.c.lab)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def _ta_key(connection: Connection, person: Person) -> ApiKey | None:
    key_id = connection.execute(select(lti_users.c.key).where(*row_of(person))).scalar_one_or_none()
    if key_id is None:
        return None
    if (key := read_active_key(connection, key_id)) is None:
        raise LtiError(f"Key {key_id} was revoked.", code="lti-access-revoked")
    return key


def _known_student(connection: Connection, person: Person) -> str | None:
    return connection.execute(select(lti_users.c.student).where(*row_of(person))).scalar_one_or_none()


def _with_id(connection: Connection, course: str, student: str) -> str | None:
    query = select(students.c.pseudonym, students.c.student)
    rows = connection.execute(query.where(students.c.course == course, students.c.student.is_not(None)))
    found = [row.pseudonym for row in rows if folded(row.student) == student and not is_anonymous(row.student)]
    return found[0] if len(found) == 1 else None
