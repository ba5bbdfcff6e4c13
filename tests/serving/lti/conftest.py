"""The details of a platform, and the tool with a graded lab at a strict platform."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs_schema.models import Lab
from serving.lti.platforms.platforms import PlatformDetails
from serving.outbound.policy import OutboundPolicy
from serving.store.store import Store, open_store
from tests.harness.browser.pages import record_lab
from tests.harness.lti.browser import LtiTool
from tests.harness.lti.fake_lti import FakeLti

POLICY = OutboundPolicy()
MakeLab = Callable[..., Lab]


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


class Course(LtiTool):
    """`lab` is graded, for the students `s000` and on, whom the platform knows by the same numbers."""

    lab: Lab
    grades: list[str]


@pytest.fixture(scope="module")
def platform() -> Iterator[FakeLti]:
    fake = FakeLti()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "lti-keys.json"


def make_course(store: Store, platform: FakeLti, key_file: Path, make_lab: MakeLab) -> Course:
    platform.people.clear()
    platform.enrol(3)
    made, lab = Course(store, platform, key_file), make_lab(students=2)
    made.lab, made.grades = lab, record_lab(store, lab)
    return made


@pytest.fixture(scope="module")
def course(
    tmp_path_factory: pytest.TempPathFactory, platform: FakeLti, key_file: Path, make_lab: MakeLab
) -> Iterator[Course]:
    """Shared by the tests of a module: they launch, and change nothing else."""
    store = open_store(str(tmp_path_factory.mktemp("course") / "store.db"))
    yield make_course(store, platform, key_file, make_lab)
    store.close()


@pytest.fixture
def own_course(store: Store, platform: FakeLti, key_file: Path, make_lab: MakeLab) -> Course:
    """For a test that changes registrations, keys or grades."""
    return make_course(store, platform, key_file, make_lab)
