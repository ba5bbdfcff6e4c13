"""Which course of this service a course of a platform is.

An administrator decides it: a teacher of any other course of the platform could also add the tool there, and would
otherwise be a TA of this one.
"""

from sqlalchemy import ColumnElement, delete, insert, select

from labs_schema.errors import quoted
from labs_schema.frozen import Frozen
from labs_schema.limits import LtiLimits
from serving.lti.access import revoke_lost_access
from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import Platform
from serving.store.ledger import audited_transaction, printable_name
from serving.store.platforms.lti_tables import lti_courses
from serving.store.store import Store


class Context(Frozen):
    """A course on a platform. `context` is empty for launches that name no course."""

    platform: str
    deployment: str
    context: str


class ConnectedCourse(Context):
    """`course` is the name in this service."""

    course: str


class PlatformCourses:
    """All methods raise StoreError."""

    def __init__(self, store: Store, actor: str = "lti") -> None:
        self._database, self._actor = store.database, actor

    def connect(self, platform: Platform, deployment: str, context: str, course: str) -> ConnectedCourse:
        """Replaces an earlier connection, whose TAs lose their access. Raises LtiError for another deployment than the
        platform's."""
        if deployment not in platform.deployments:
            raise LtiError(
                f"Platform {platform.id} has no deployment {quoted(deployment)}. Add it: grader lti deployment "
                f"{platform.id} ID",
                code="lti-deployment",
            )
        if len(printable_name(context)) > LtiLimits().id_chars:
            raise LtiError("The id of the course on the platform is too long.", code="lti-registration")
        made = ConnectedCourse(
            platform=platform.id, deployment=deployment, context=context, course=printable_name(course)
        )
        with audited_transaction(self._database) as ledger:
            ledger.connection.execute(delete(lti_courses).where(*_same(made)))
            ledger.connection.execute(insert(lti_courses).values(**made.model_dump(), at=ledger.at, actor=self._actor))
            ledger.append("lti-course", self._actor, {**made.model_dump(), "change": "connected"})
            revoke_lost_access(ledger, platform.id, self._actor)
        return made

    def disconnect(self, context: Context) -> tuple[str, ...]:
        """Launches from there show nothing of the course from now on. The keys of TAs whose course is no longer
        connected are revoked; returns their ids. Raises LtiError if it was not connected."""
        with audited_transaction(self._database) as ledger:
            if not ledger.connection.execute(delete(lti_courses).where(*_same(context))).rowcount:
                raise LtiError("This course of the platform is not connected.", code="lti-course-unknown")
            same = {name: getattr(context, name) for name in Context.model_fields}
            ledger.append("lti-course", self._actor, {**same, "change": "disconnected"})
            return revoke_lost_access(ledger, context.platform, self._actor)

    def find(self, context: Context) -> str | None:
        """The course of this service; None if no one has connected it."""
        with self._database.reading() as connection:
            return connection.execute(select(lti_courses.c.course).where(*_same(context))).scalar_one_or_none()

    def all(self) -> list[ConnectedCourse]:
        columns = [lti_courses.c[name] for name in ConnectedCourse.model_fields]
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).order_by(lti_courses.c.at))
            return [ConnectedCourse(**row._mapping) for row in rows]


def _same(context: Context) -> list[ColumnElement[bool]]:
    return [lti_courses.c[name] == getattr(context, name) for name in Context.model_fields]
