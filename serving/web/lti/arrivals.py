"""Where a verified launch leads: a TA to the lab, a student to their own feedback, and everyone else to an explanation.

Blocks.
"""

import shlex
from datetime import timedelta
from typing import Any, NamedTuple

from labs_schema.limits import PageLimits
from serving.lti.access import Person
from serving.lti.errors import LtiError
from serving.lti.launches.claims import Claims, MessageType
from serving.lti.launches.deep_linking import choice_of
from serving.lti.launches.launches import Launch
from serving.lti.launches.links import LAB, link_of
from serving.lti.platforms.courses import Context
from serving.lti.platforms.platforms import Platform
from serving.store.access.student_links import LinkOptions, StudentLinks
from serving.web.lti.state import LtiState
from serving.web.rendering import page_url

LIFETIME = timedelta(hours=PageLimits().session_hours)
ACTOR = "lti"


class Arrival(NamedTuple):
    """A page below the pages' root as the API key `key`, none for a student; or a template with its context."""

    path: str = ""
    key: str = ""
    template: str = ""
    context: dict[str, Any] = {}  # noqa: RUF012  # never changed


def arrive(state: LtiState, launch: Launch) -> Arrival:
    """Raises LtiError: `lti-role`, `lti-access-revoked`, `lti-claim-invalid`, and StoreError."""
    platform, claims = launch
    place = Context(platform=platform.id, deployment=claims.deployment, context=claims.context_id)
    course = state.courses.find(place)
    if course is None:
        command = f"grader lti connect {platform.id} {_quoted(place.context)} --deployment {_quoted(place.deployment)}"
        context = {"command": f"{command} --course NAME" if claims.is_staff else ""}
        return Arrival(template="lti_unconnected.html", context=context)
    if link := link_of(platform.id, claims):
        state.links.record(link)
    person = Person(platform=platform.id, user=claims.user, course=course)
    if claims.is_staff:
        return _staff(state, platform, claims, person)
    if claims.message_type is MessageType.DEEP_LINKING:
        raise LtiError("A learner sent a deep-linking request.", code="lti-role")
    return _student(state, platform, claims, person)


def _staff(state: LtiState, platform: Platform, claims: Claims, person: Person) -> Arrival:
    key, lab = state.people.ta_key(person, claims.name), claims.custom.get(LAB)
    if claims.message_type is MessageType.DEEP_LINKING:
        choice = choice_of(platform, claims, person.course, key.id)
        context = {"choice": state.signed.sign(choice), "labs": course_labs(state, person.course)}
        return Arrival(template="lti_choose.html", context={**context, "course": person.course})
    if claims.message_type is MessageType.SUBMISSION_REVIEW and claims.for_user:
        student = state.people.known_student(person.model_copy(update={"user": claims.for_user.user_id}))
        grade = state.people.newest_grade(student, lab) if student and lab else None
        if grade:
            return Arrival(f"/grades/{grade}", key.id)
    return Arrival(page_url("/lab", course=person.course, lab=lab) if lab else "/", key.id)


def _student(state: LtiState, platform: Platform, claims: Claims, person: Person) -> Arrival:
    student = state.people.student(person, claims, platform.student_id)
    if student is None:
        return Arrival(template="lti_unmatched.html")
    lab = claims.custom.get(LAB)
    paths = {each: _feedback(state, student, each) for each in ([lab] if lab else state.people.labs(student))}
    found = {each: path for each, path in paths.items() if path}
    if len(found) == 1:
        return Arrival(next(iter(found.values())))
    return Arrival(template="lti_labs.html", context={"labs": found})


def _feedback(state: LtiState, student: str, lab: str) -> str | None:
    """The page with the student's newest grade in a lab, by a link that works as long as a session."""
    grade = state.people.newest_grade(student, lab)
    if grade is None:
        return None
    token, _ = StudentLinks(state.service.store.database).create(grade, LIFETIME, LinkOptions(), actor=ACTOR)
    return page_url("/feedback", link=token)


def course_labs(state: LtiState, course: str) -> list[str]:
    """The labs that are registered or have grades."""
    served = state.service.courses.course(course).labs if course in state.service.courses.names() else {}
    return sorted({*served, *state.service.reviews.labs(course)} - {""})


def _quoted(text: str) -> str:
    """The text, which the platform chose, as a word of a shell command."""
    return shlex.quote(text)
