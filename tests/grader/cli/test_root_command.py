"""`grader` itself, and the help of its commands."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from grader.cli import app, main
from grader.cli.help import DATA, GRADING, OPERATION, PLATFORMS, TRAINING, TRUST

HEAVY = ("torch", "transformers", "vllm", "trl", "pandas", "numpy", "sqlalchemy", "matplotlib", "fastapi")


def commands(group: Any, *names: str) -> dict[str, Any]:
    """Every command by the words that call it: `keys create`."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        path = (*names, name)
        found |= commands(command, *path) if hasattr(command, "commands") else {" ".join(path): command}
    return found


COMMANDS = commands(typer.main.get_command(app))


def output(*words: str, columns: int = 80) -> str:
    return CliRunner().invoke(app, words, env={"COLUMNS": str(columns)}).output


def test_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"grader {version('grader')}\n")


@pytest.mark.parametrize(("given", "found"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_sleep_unless_configured_otherwise(
    given: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"OMP_WAIT_POLICY": given} if given else {})
    monkeypatch.setattr(sys, "argv", ["grader", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_WAIT_POLICY"] == found


def test_help_loads_no_heavy_library() -> None:
    code = "import sys, grader.cli; print(*[name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_commands_are_grouped_in_panels() -> None:
    listed = output("--help")
    starts = [listed.index(f"─ {panel} ─") for panel in (DATA, TRAINING, GRADING, TRUST, OPERATION, PLATFORMS)]
    assert starts == sorted(starts)
    assert "─ Commands ─" not in listed
    assert len(listed.splitlines()) < 75


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_a_summary_an_example_and_plain_option_names(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.short_help) < 90
    assert f"Example: [bold]grader {name}" in command.help
    shown = output(*name.split(), "--help")
    assert not re.search(r"<(bool|int|float|str|path|file|list)|BOOLEAN|INTEGER", shown)


def test_paragraphs_fill_the_terminal() -> None:
    lines = [line.strip() for line in output("courses", "add", "--help").splitlines()]
    paragraph = lines[lines.index("Registers a course's model, replacing the current one.") + 2 :][:3]
    assert all(len(line) > 60 for line in paragraph)


@pytest.mark.parametrize(
    ("typed", "meant"), [("serv", "serve"), ("bild-dataset", "build-dataset"), ("keys creat", "create")]
)
def test_a_mistyped_command_is_corrected(typed: str, meant: str) -> None:
    assert f"Did you mean '{meant}'" in output(*typed.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_available(shell: str) -> None:
    environment = {"_GRADER_COMPLETE": f"source_{shell}"}
    shown = CliRunner().invoke(app, [], env=environment, prog_name="grader").output
    assert "_GRADER_COMPLETE" in shown
