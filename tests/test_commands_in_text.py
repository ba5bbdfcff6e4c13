"""Every `grader` command in the README, the docs, the YAML files and the help exists, with its options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from grader.cli import app

ROOT = Path(__file__).parent.parent
TEXTS = [
    *(ROOT / "README.md", ROOT / "Makefile"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("training/recipes/*.yaml"),
    *ROOT.glob("deploy/*.service"),
]
COMMANDS: dict[str, click.Command] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def commands_in(text: str) -> Iterator[str]:
    """Lines that call grader, in code blocks or inline, with `\\` continuations joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in re.findall(r"(?:^|[`(/>] ?|# )(?:-m )?(grader [a-z-]+[^`\n\[]*)", joined, flags=re.MULTILINE):
        yield line.split("  ")[0].split(" #")[0].split(" > ")[0].rstrip("), .;:&")


def quoted_commands() -> list[tuple[str, str]]:
    found = [(path.name, line) for path in TEXTS for line in commands_in(path.read_text(encoding="utf-8"))]
    found += [(f"{name} --help", line) for name, c in COMMANDS.items() for line in commands_in(c.help or "")]
    return [(where, line) for where, line in found if line.split()[1] in COMMANDS or "--" in line]


@pytest.mark.parametrize(("where", "line"), quoted_commands())
def test_a_quoted_command_exists_with_its_options(where: str, line: str) -> None:
    _, name, *rest = shlex.split(line.replace("[OPTIONS]", ""))
    assert name in COMMANDS, f"{where}: there is no `grader {name}`"
    command = COMMANDS[name]
    while inner := getattr(command, "commands", None):
        assert rest and rest[0] in inner, f"{where}: `grader {name}` takes one of {', '.join(inner)}"
        command = inner[rest.pop(0)]
    known = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)} | {"--help"}
    flags = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert flags <= known, f"{where}: `grader {name}` has no {', '.join(sorted(flags - known))}"


def test_the_readme_has_every_command() -> None:
    in_readme = {line.split()[1] for line in commands_in((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert set(COMMANDS) - {"demo"} <= in_readme


def test_a_recipe_starts_with_its_launch_command() -> None:
    for path in ROOT.glob("training/recipes/*.yaml"):
        assert path.read_text(encoding="utf-8").splitlines()[0].endswith(f"--config training/recipes/{path.name}")
