"""`grader` itself, without a command."""

from importlib.metadata import version

from typer.testing import CliRunner

from grader.cli import app


def test_it_says_which_version_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"grader {version('grader')}\n")
