"""`grader lti`: registrations, connections of courses, keys."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import GraderError
from serving.store.access.roles import Role
from serving.store.store import open_store

runner = CliRunner()
ADD = ("register", "Campus", "--client-id", "c1", "--deployment", "3")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store.db"))
    return tmp_path


def run(*words: str) -> Any:
    done = runner.invoke(app, ["lti", *words, "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)


def test_a_registration_is_listed_with_its_courses_until_it_is_removed() -> None:
    made = run(*ADD, "--moodle", "https://moodle.example/")
    assert made["keys_url"] == "https://moodle.example/mod/lti/certs.php" and made["issuer"] == "https://moodle.example"
    run("deployment", made["id"], "4")
    run("connect", made["id"], "42", "--deployment", "4", "--course", "cs101")
    [listed] = run("list")
    assert listed["deployments"] == ["3", "4"] and [each["course"] for each in listed["courses"]] == ["cs101"]
    run("disconnect", made["id"], "42", "--deployment", "4")
    assert run("list")[0]["courses"] == []
    run("remove", made["id"])
    assert run("list") == []


def test_a_course_that_the_store_does_not_have_is_named(store: Path) -> None:
    """The tool's page shows the command with a placeholder for the course."""
    made = run(*ADD, "--moodle", "https://moodle.example/")
    opened = open_store(str(store / "store.db"))
    opened.create_key("ta", Role.TA, "cs101", actor="test")
    opened.close()
    for course, warns in (("NAME", True), ("cs101", False)):
        words = ["lti", "connect", made["id"], "42", "--deployment", "3", "--course", course]
        output = runner.invoke(app, words).output
        assert ("keys of: cs101" in output) is warns


def test_canvas_has_the_issuer_of_its_environment() -> None:
    made = run(*ADD, "--canvas", "https://school.instructure.com")
    assert made["issuer"] == "https://canvas.instructure.com"
    assert made["frame_origins"] == ["https://school.instructure.com"]
    beta = run(*ADD, "--canvas", "https://school.beta.instructure.com")
    assert beta["issuer"] == "https://canvas.beta.instructure.com" and "sso.beta." in beta["keys_url"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (ADD, "missing-option"),
        ((*ADD, "--moodle", "moodle.example"), "lti-registration"),
        ((*ADD, "--moodle", "http://moodle.example"), "lti-registration"),
        ((*ADD, "--moodle", "https://moodle.example", "--student-id", "name"), "lti-registration"),
        (("remove", "nothing"), "lti-unknown-platform"),
        (("deployment", "nothing", "3"), "lti-unknown-platform"),
        (("disconnect", "nothing", "42", "--deployment", "3"), "lti-course-unknown"),
        (("configuration",), "lti-public-url"),
    ],
)
def test_a_wrong_command_has_a_code(words: tuple[str, ...], code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_PUBLIC_URL", "grader.example")
    with pytest.raises(GraderError) as caught:
        run(*words)
    assert caught.value.code == code


def test_the_key_is_rotated_in_a_file_next_to_the_store(store: Path) -> None:
    first, second = run("rotate-key"), run("rotate-key", "--at-once")
    assert first["kid"] != second["kid"] and second["file"] == str(store / "lti-keys.json")


def test_the_configuration_names_the_addresses_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_PUBLIC_URL", "https://grader.example/")
    canvas = run("configuration", "--canvas")
    assert canvas["oidc_initiation_url"] == "https://grader.example/lti/login"
    assert canvas["public_jwk_url"] == run("configuration")["Public keyset"] == "https://grader.example/lti/jwks"
