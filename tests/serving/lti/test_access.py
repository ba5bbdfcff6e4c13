"""The end of a connection ends the access of its TAs, and the audit log notices changed rows."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from serving.lti.access import Person
from serving.lti.errors import LtiError
from serving.lti.launches.claims import Claims
from serving.lti.launches.links import Link, Links
from serving.lti.launches.people import People
from serving.lti.platforms.courses import Context, PlatformCourses
from serving.lti.platforms.platforms import Platform, Platforms, StudentIdKind
from serving.lti.platforms.registration import RegistrationLinks
from serving.store.store import Store
from tests.serving.lti.conftest import POLICY, details


class Connected(NamedTuple):
    """A platform whose contexts 7 and 8 are the course cs101 and 9 is cs102, with a TA in both courses."""

    store: Store
    platform: Platform
    keys: dict[str, str]

    def context(self, name: str) -> Context:
        return Context(platform=self.platform.id, deployment="1", context=name)

    def launch(self, course: str, user: str = "u1") -> str:
        person = Person(platform=self.platform.id, user=user, course=course)
        return People(self.store.database).ta_key(person, "A TA").id

    def active(self) -> list[str]:
        return [course for course, key in self.keys.items() if self.store.read_active_key(key)]


@pytest.fixture
def connected(store: Store) -> Connected:
    platform = Platforms(store, "admin").register(details(), POLICY)
    courses = PlatformCourses(store, "admin")
    for context, course in (("7", "cs101"), ("8", "cs101"), ("9", "cs102")):
        courses.connect(platform, "1", context, course)
    made = Connected(store, platform, {})
    made.keys.update({course: made.launch(course) for course in ("cs101", "cs102")})
    return made


def remove(each: Connected) -> None:
    _, revoked = Platforms(each.store, "admin").remove(each.platform.id)
    assert {*revoked} == {*each.keys.values()}


def disconnect_one_of_two(each: Connected) -> None:
    assert PlatformCourses(each.store).disconnect(each.context("7")) == ()


def disconnect_the_only_one(each: Connected) -> None:
    assert PlatformCourses(each.store).disconnect(each.context("9")) == (each.keys["cs102"],)


def connect_elsewhere(each: Connected) -> None:
    PlatformCourses(each.store).connect(each.platform, "1", "9", "cs103")


def register_without_the_deployment(each: Connected) -> None:
    Platforms(each.store).register(details(deployments=("2",)), POLICY)


@pytest.mark.parametrize(
    ("change", "still_active"),
    [
        (remove, []),
        (disconnect_one_of_two, ["cs101", "cs102"]),
        (disconnect_the_only_one, ["cs101"]),
        (connect_elsewhere, ["cs101"]),
        (register_without_the_deployment, []),
    ],
)
def test_keys_of_launches_end_with_their_connection(
    change: Callable[[Connected], None], still_active: list[str], connected: Connected
) -> None:
    change(connected)
    assert connected.active() == still_active
    assert connected.store.verify().faults == ()


def test_after_a_new_registration_a_ta_gets_a_new_key_unless_it_was_revoked(connected: Connected) -> None:
    connected.store.revoke_key(connected.keys["cs102"], actor="admin")
    Platforms(connected.store, "admin").remove(connected.platform.id)
    Platforms(connected.store, "admin").register(details(), POLICY)
    assert connected.launch("cs101") not in (*connected.keys.values(),)
    with pytest.raises(LtiError) as caught:
        connected.launch("cs102")
    assert caught.value.code == "lti-access-revoked"
    assert connected.store.verify().faults == ()


def test_a_forgotten_student_who_is_a_ta_stays_a_ta(connected: Connected) -> None:
    store, person = connected.store, Person(platform=connected.platform.id, user="u1", course="cs101")
    store.pseudonym_for("cs101", "s1", actor="api")
    claims = Claims.model_construct(custom={"student_id": "s1"})
    people = People(store.database)
    assert people.student(person, claims, StudentIdKind.CUSTOM)
    assert people.student(person.model_copy(update={"user": "u2"}), claims, StudentIdKind.CUSTOM)
    assert store.verify().faults == ()
    store.forget_student("s1", actor="admin")
    assert people.known_student(person) is None and people.students(person.platform, "cs101") == {}
    assert connected.launch("cs101") == connected.keys["cs101"]
    assert store.verify().faults == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lti_platforms SET keys_url = 'https://other.example/keys'",
        "UPDATE lti_platforms SET removed_at = '2026-01-01'",
        "UPDATE lti_platforms SET name = x'00'",
        "DELETE FROM lti_deployments",
        "INSERT INTO lti_deployments SELECT id, 'x' FROM lti_platforms",
        "UPDATE lti_courses SET course = 'cs102' WHERE context = '7'",
        "INSERT INTO lti_courses SELECT platform, deployment, '10', at, actor, course FROM lti_courses LIMIT 1",
        "DELETE FROM lti_courses WHERE context = '8'",
        "UPDATE lti_users SET \"user\" = 'u9' WHERE course = 'cs101'",
        "UPDATE lti_users SET key = (SELECT max(id) FROM keys WHERE course = 'cs102') WHERE course = 'cs101'",
        "DELETE FROM lti_users WHERE course = 'cs101'",
        "UPDATE lti_users SET secret = 'x' WHERE course = 'cs101'",
        "UPDATE lti_users SET secret = NULL WHERE course = 'cs101'",
        "UPDATE lti_links SET line_item = 'https://other.example/1'",
        "DELETE FROM lti_links",
        "UPDATE lti_registration_tokens SET used_at = NULL",
        "DELETE FROM lti_registration_tokens",
        "INSERT INTO lti_registration_tokens SELECT 'x', created_at, expires_at, NULL FROM lti_registration_tokens",
    ],
)
def test_verification_notices_a_changed_row(statement: str, connected: Connected) -> None:
    store, links = connected.store, RegistrationLinks(connected.store)
    Links(store.database).record(Link(**connected.context("7").model_dump(), link="1", line_item="https://a.example/1"))
    links.use(links.create())
    assert store.verify().faults == ()
    with store.database.writing() as connection:
        assert connection.exec_driver_sql(statement).rowcount
    assert store.verify().faults
