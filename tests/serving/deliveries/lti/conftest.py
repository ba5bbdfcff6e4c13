"""The adapter for LTI with a fake platform, and the sender over it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platforms.lti.members import MEMBERSHIP
from serving.deliveries.platforms.lti.platform import RESULTS, SCORE, WRITABLE_LINE_ITEM, LtiLink, LtiPlatform
from serving.deliveries.platforms.lti.services import LtiServices
from serving.deliveries.platforms.lti.tokens import ServiceAccess, ServiceTokens
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, StudentOutcome
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from tests.harness.fake_lti import CLIENT, FakeLti
from tests.harness.lti_tokens import private_key, public_jwk, signed

KID = "tool-1"
SCOPES = (WRITABLE_LINE_ITEM, RESULTS, SCORE, MEMBERSHIP)


def sign(claims: dict[str, Any]) -> str:
    return signed({"typ": "JWT", "alg": "RS256", "kid": KID}, claims, private_key(KID), "RS256")


def lti_platform(fake: FakeLti, client: OutboundClient, retries: Retries, **link: Any) -> LtiPlatform:
    fake.tool_keys = {"keys": [public_jwk(KID)]}
    access = ServiceAccess(client_id=CLIENT, token_url=fake.token_url, audience=fake.token_url)
    tokens = ServiceTokens(client, access, sign, SCOPES)
    found = LtiLink(**{"line_item": fake.line_item_url, "memberships": fake.memberships_url, **link})
    return LtiPlatform(LtiServices(client, tokens, retries), found)


class LtiDelivery:
    """Sends the store's grades to a fake platform."""

    def __init__(self, delivery: Any) -> None:
        self.delivery, self.retries = delivery, Retries(delivery.waited.append)

    @contextmanager
    def platform(self, fake: FakeLti, **link: Any) -> Iterator[LtiPlatform]:
        with OutboundClient(OutboundPolicy(frozenset({parse_origin(fake.url)}))) as client:
            yield lti_platform(fake, client, self.retries, **link)

    def send(self, fake: FakeLti, link: dict[str, Any] | None = None, **policy: Any) -> list[StudentOutcome]:
        release = ReleasePolicy(**policy)
        with self.platform(fake, **(link or {})) as platform:
            sender = Sender(self.delivery.store, platform, actor="test", retries=self.retries)
            return sender.send(self.delivery.source, sender.plan(self.delivery.source, release), release)


@pytest.fixture
def lti(delivery: Any) -> LtiDelivery:
    return LtiDelivery(delivery)


@pytest.fixture
def make_fake() -> Iterator[Callable[..., FakeLti]]:
    made: list[FakeLti] = []

    def make(flavour: Any = "moodle", students: int = 3) -> FakeLti:
        made.append(FakeLti(flavour))
        made[-1].enrol(students)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["moodle", "canvas"])
def fake(request: pytest.FixtureRequest, make_fake: Callable[..., FakeLti]) -> FakeLti:
    return make_fake(request.param)
