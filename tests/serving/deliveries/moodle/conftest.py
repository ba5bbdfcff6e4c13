"""The adapter for Moodle with a fake site, and a store with grades for it."""

from collections.abc import Callable, Iterator

import pytest

from labs_schema.models import Lab
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.store import Store
from tests.harness.platforms.delivery_targets import lab_of
from tests.harness.platforms.fake_moodle import TOKEN, FakeMoodle
from tests.harness.platforms.fake_moodle_server import serving

RUBRIC, POINTS, FLOW = 507, 501, 508
Connect = Callable[..., MoodlePlatform]


@pytest.fixture
def site() -> FakeMoodle:
    return FakeMoodle()


@pytest.fixture
def connect(site: FakeMoodle) -> Iterator[Connect]:
    """`connect(RUBRIC)`: the adapter for an assignment of the fake site."""
    with serving(site) as base, OutboundClient(OutboundPolicy(frozenset([parse_origin(base)]))) as client:

        def connected(cmid: int, token: str = TOKEN) -> MoodlePlatform:
            return MoodlePlatform(
                parse_address(f"{base}/mod/assign/view.php?id={cmid}&action=grading"),
                token,
                client,
                Retries(lambda _: None),
            )

        yield connected


@pytest.fixture
def lab() -> Lab:
    return lab_of("lab1")


@pytest.fixture
def sender(store: Store) -> Callable[[MoodlePlatform], Sender]:
    return lambda platform: Sender(store, platform, actor="test", retries=Retries(lambda _: None))
