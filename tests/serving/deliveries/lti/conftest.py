"""The adapter for LTI with a fake platform, and the sender over it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platforms.lti.platform import LtiPlatform
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, StudentOutcome
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from tests.harness.lti.fake_lti import FakeLti
from tests.harness.lti.tokens import private_key, public_jwk
from tests.harness.platforms.adapters import KID, lti_adapter, signer


class LtiDelivery:
    """Sends the store's grades to a fake platform."""

    def __init__(self, delivery: Any) -> None:
        self.delivery, self.retries = delivery, Retries(delivery.waited.append)

    @contextmanager
    def platform(self, fake: FakeLti, **link: Any) -> Iterator[LtiPlatform]:
        with OutboundClient(OutboundPolicy(frozenset({parse_origin(fake.url)}))) as client:
            fake.tool_keys = {"keys": [public_jwk(KID)]}
            yield lti_adapter(fake.addresses, client, self.retries, signer(private_key(KID)), **link)

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
