"""`grader` itself, without a command."""

import os
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from grader.cli import app, main


def test_it_says_which_version_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"grader {version('grader')}\n")


@pytest.mark.parametrize(("said", "found"), [(None, "passive"), ("active", "active")])
def test_threads_that_wait_sleep_unless_the_user_says_otherwise(
    said: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"OMP_WAIT_POLICY": said} if said else {})
    monkeypatch.setattr(sys, "argv", ["grader", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_WAIT_POLICY"] == found


def test_the_list_of_commands_says_a_line_or_two_about_each_and_help_fills_its_lines() -> None:
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    assert "Reads labs and lists every issue in them at once." in listed and "Makes, revokes and lists" in listed
    assert len(listed.splitlines()) < 60
    told = CliRunner().invoke(app, ["courses", "add", "--help"], env={"COLUMNS": "80"}).output
    assert "Its weights, tokenizer, prompts and calibration" in " ".join(told.split())
    assert not [line for line in told.splitlines() if line.strip() in ("and calibration", "prompts", "again.")]
