"""Every command has `--json`, documents its exit status, and writes one JSON document and nothing else on stdout."""

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from grader.cli import app, main
from grader.terminal import as_json, show
from tests.harness.courses.lab_folders import write_lab


def commands(group: Any, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, *names, name) if inner else {" ".join((*names, name)): command}
    return found


COMMANDS = commands(typer.main.get_command(app))
SHOWN_BY_THE_SERVICE = {"serve", "worker", "observer", "send"}
"""Their result is shown by the functions of grader/service that they share."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Any]:
    """Runs `grader` as its entry point does; returns the exit status, stdout as JSON and stderr."""
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store" / "grader.db"))

    def run(*words: object) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["grader", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        written = capfd.readouterr()
        return int(stopped.value.code or 0), json.loads(written.out) if written.out else None, written.err

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_documents_its_exit_status_and_json(name: str) -> None:
    command = COMMANDS[name]
    [status] = [text for text in command.help.split("\n\n") if text.startswith("Exit status: 0")]
    assert " 1 " in status and " 2 for wrong options" in status
    assert [option for option in command.params if "--json" in option.opts]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - SHOWN_BY_THE_SERVICE))
def test_every_command_shows_its_result_through_the_terminal_module(name: str) -> None:
    callback = inspect.unwrap(COMMANDS[name].callback)
    tree = ast.parse(inspect.getsource(callback))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "show" in called and not called & {"print", "Console"} - (
        {"Console"} if name in ("label", "demo") else set()
    )


def test_no_command_prints_by_itself() -> None:
    printing = ("typer.echo(", "print(")
    files = [path for path in Path(inspect.getfile(main)).parent.rglob("*.py") if path.name != "__init__.py"]
    lines = [(p.name, line.strip()) for p in files for line in p.read_text(encoding="utf-8").splitlines()]
    assert [each for each in lines if any(word in each[1] for word in printing) and "notes()" not in each[1]] == [
        ("grade.py", "screen.print(str(warning), markup=False)"),
        ("grade.py", "screen.print(advice, markup=False)"),
    ]


def test_results_and_lists_are_json(run: Callable[..., Any], make_lab: Any, tmp_path: Path) -> None:
    write_lab(make_lab(), tmp_path / "labs" / "lab1")
    status, checked, _ = run("check", tmp_path / "labs", "--json")
    assert status == 0 and checked["labs"][0]["lab"] == "lab1"
    status, key, notes = run("keys", "create", "moodle", "--role", "ta", "--json")
    assert status == 0 and key["token"].startswith("grader_") and "shown only once" in notes
    assert [each["id"] for each in run("keys", "list", "--json")[1]] == [key["id"]]
    assert run("audit", "verify", "--json")[1]["faults"] == []
    assert run("courses", "list", "--json")[1] == []
    assert {each["name"] for each in run("model", "list", "--json")[1]} > {"smollm2-135m"}


def test_an_error_is_the_document_with_its_code_and_issues(run: Callable[..., Any], tmp_path: Path) -> None:
    status, found, errors = run("check", tmp_path / "nothing", "--json")
    assert status == 1 and found["error"]["code"] == "invalid-input" and found["error"]["issues"][0]["hint"]
    assert "nothing" in errors
    assert run("keys", "revoke", "unknown", "--json")[1]["error"]["code"] == "unknown"


def test_wrong_options_leave_stdout_empty(run: Callable[..., Any]) -> None:
    status, found, errors = run("check", "--json")
    assert (status, found) == (2, None) and "LABS" in errors


def test_an_error_without_json_leaves_stdout_empty(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("check", tmp_path / "nothing")[:2] == (1, None)


def test_what_libraries_and_children_print_goes_to_stderr() -> None:
    code = """
import os, subprocess, sys
import grader.tables.models as models
known = models.known_models
def noisy():
    print("from Python"); os.write(1, b"from C\\n"); subprocess.run(["echo", "from a child"])
    return known()
models.known_models = noisy
sys.argv = ["grader", "model", "list", "--json"]
from grader.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert isinstance(json.loads(done.stdout), list)
    assert {"from Python", "from C", "from a child"} <= set(done.stderr.splitlines())


def test_text_is_printed_literally_and_not_shortened() -> None:
    command = typer.Typer()
    table = Table()
    table.add_column("long")
    table.add_row("[bold]cell[/]")

    @command.command()
    def say() -> None:
        show({}, "[bold]:smile:[/] " + "x" * 200, table)

    shown = CliRunner().invoke(command, [], env={"COLUMNS": "40"}).output
    assert "[bold]:smile:[/] " + "x" * 200 + "\n" in shown and "│ cell" in shown


def test_json_is_strict_and_ascii() -> None:
    text = as_json({"nan": float("nan"), "infinite": float("inf"), "path": Path("a\udc80"), "name": "ü\x9b"})
    assert text.isascii() and json.loads(text) == {"nan": None, "infinite": None, "path": "a\udc80", "name": "ü\x9b"}
