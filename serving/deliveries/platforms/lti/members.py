"""The members of a course on an LTI platform (NRPS 2.0). Names are not read."""

from collections.abc import Iterator, Mapping

from labs_schema.imports.identities import ids
from labs_schema.imports.records import IdKind
from serving.deliveries.platform import PlatformPerson
from serving.deliveries.platforms.lti.services import LtiServices
from serving.deliveries.platforms.rest_client import Returned

MEMBERSHIP = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
LEARNERS = frozenset({"http://purl.imsglobal.org/vocab/lis/v2/membership#Learner", "Learner"})


class Member(Returned, coerce_numbers_to_str=True):
    """A member as the platform returns it. Everything but `user_id` and `roles` may be missing."""

    user_id: str
    roles: tuple[str, ...]
    status: str = "Active"
    email: str | None = None
    lis_person_sourcedid: str | None = None
    ext_user_username: str | None = None
    """Moodle's user name."""

    @property
    def is_student(self) -> bool:
        return self.status == "Active" and not LEARNERS.isdisjoint(self.roles)


def read_members(services: LtiServices, address: str | None, launched: Mapping[str, str]) -> tuple[PlatformPerson, ...]:
    """The active students of the course. `launched`: the platform's user -> the student as whom a launch came.

    Without a list of members (`address` is None), those who launched. Raises DeliveryError.
    """
    if address is None:
        members = [Member(user_id=user, roles=("Learner",)) for user in launched]
    else:
        members = [each for each in _members(services, address) if each.is_student]
    return tuple(_person(each, launched.get(each.user_id)) for each in members)


def _members(services: LtiServices, address: str) -> Iterator[Member]:
    for page in services.get_pages(address, headers={"Accept": MEMBERS_TYPE}):
        yield from services.parse(list[Member], page.get("members") if isinstance(page, dict) else None)


def _person(member: Member, student: str | None) -> PlatformPerson:
    known = ids(
        (IdKind.NUMBER, student or ""),
        (IdKind.NUMBER, member.lis_person_sourcedid or ""),
        (IdKind.LOGIN, member.ext_user_username or ""),
        (IdKind.EMAIL, member.email or ""),
        (IdKind.PLATFORM, member.user_id),
    )
    return PlatformPerson(id=member.user_id, ids=tuple(dict.fromkeys(known)))
