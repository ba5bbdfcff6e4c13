"""A store, and the details of a platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.lti.platforms import PlatformDetails
from serving.outbound.policy import OutboundPolicy
from serving.store.database import PRAGMAS
from serving.store.store import Store, open_store

POLICY = OutboundPolicy()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setitem(PRAGMAS, "synchronous", "OFF")
    opened = open_store(str(tmp_path / "store.db"))
    yield opened
    opened.close()


def details(**changes: object) -> PlatformDetails:
    given = {
        "name": "Campus Moodle",
        "issuer": "https://moodle.example",
        "client_id": "c1",
        "authorization_url": "https://moodle.example/mod/lti/auth.php",
        "token_url": "https://moodle.example/mod/lti/token.php",
        "keys_url": "https://moodle.example/mod/lti/certs.php",
        "deployments": ("1",),
    }
    return PlatformDetails.model_validate(given | changes)
