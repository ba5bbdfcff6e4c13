"""`grader send`: the dry run, sending, and a run that is killed again and again."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import GraderError, InputError, issue_texts
from labs_schema.models import Lab
from serving.store.store import open_store
from tests.harness.platforms.fake_canvas import ASSIGNMENT, COURSE, TOKEN, FakeCanvas
from tests.harness.processes.forking import start
from tests.harness.stores.graded_store import grade_students


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=0)


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeCanvas]:
    fake = FakeCanvas(60)
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", fake.url)
    yield fake
    fake.close()


def arguments(canvas: FakeCanvas, lab: Lab, *more: str) -> list[str]:
    place = ["--platform-course", str(COURSE), "--assignment", str(ASSIGNMENT)]
    return ["send", "canvas", f"labs/{lab.name}", "--course", "cs101", "--url", canvas.url, *place, *more]


def test_nothing_is_sent_without_confirm(canvas: FakeCanvas, lab: Lab, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    grade_students(store, lab, 3)
    store.close()
    dry = CliRunner().invoke(app, arguments(canvas, lab))
    assert dry.exit_code == 0, dry.output
    assert "s002" in dry.output and canvas.counts["PUT"] == 0
    sent = CliRunner().invoke(app, arguments(canvas, lab, "--confirm", "--json"))
    assert sent.exit_code == 0, sent.output
    assert [each["action"] for each in json.loads(sent.stdout)] == ["delivered"] * 3
    assert list(canvas.scores().values())[:3] == [2, 2, 0]


def test_a_missing_grade_is_exit_status_1_with_the_next_step(canvas: FakeCanvas, lab: Lab, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    grade_students(store, lab, 1)
    store.close()
    canvas.submissions[10_000]["score"] = 1.5
    sent = CliRunner().invoke(app, arguments(canvas, lab, "--confirm"))
    assert sent.exit_code == 1
    assert "platform-value-changed" in sent.output and "--overwrite" in sent.output


@pytest.mark.parametrize(
    ("token", "assignment", "code"), [("", ASSIGNMENT, "platform-token"), (TOKEN, "a/b", "platform-not-found")]
)
def test_an_error_of_set_up_has_its_class_and_next_step(
    token: str, assignment: object, code: str, canvas: FakeCanvas, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", token)
    error = CliRunner().invoke(app, arguments(canvas, lab, "--assignment", str(assignment))).exception
    assert isinstance(error, GraderError) and error.code == code
    assert issue_texts()[code]["hint"] in str(error) and "set-up" in str(error)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["canvas", "--url", "https://canvas.example"], "--platform-course, --assignment"),
        (["codegrade", "--url", "https://x.codegra.de", "--assignment", "7", "--scale"], "--scale"),
        (["lti", "--url", "https://canvas.example", "--remap"], "--remap, --url"),
    ],
)
def test_options_that_the_platform_needs_or_does_not_take_are_named(options: list[str], named: str) -> None:
    refused = CliRunner().invoke(app, ["send", options[0], "labs/square", *options[1:]], terminal_width=200)
    assert refused.exit_code == 2 and named in refused.output


def test_an_unknown_platform_is_an_error_with_the_known_ones() -> None:
    error = CliRunner().invoke(app, ["send", "canvass", "labs/square"]).exception
    assert isinstance(error, InputError) and error.issues[0].code == "unknown-platform"
    assert "canvas" in error.issues[0].expected


@pytest.mark.slow
def test_a_sender_that_is_killed_loses_and_repeats_nothing(canvas: FakeCanvas, lab: Lab, tmp_path: Path) -> None:
    """kill -9 after one, two, ... further writes, until a run ends alone."""
    store = open_store(str(tmp_path / "store.db"))
    grade_students(store, lab, 60)
    kills = 0
    while True:
        process = start("grader", *arguments(canvas, lab, "--confirm"), stderr=subprocess.DEVNULL)
        stop_at = canvas.counts["PUT"] + 7 + kills
        while process.poll() is None and canvas.counts["PUT"] < stop_at:
            time.sleep(0.002)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.returncode == 0 and kills >= 4
    expected = [float((2, 1, 0)[n % 3] + (1, 0)[(n + 1) % 2]) for n in range(60)]
    assert list(canvas.scores().values()) == expected
    assert {len(canvas.comments(10_000 + n)) for n in range(60)} == {1}
    assert store.verify().faults == ()
    store.close()
