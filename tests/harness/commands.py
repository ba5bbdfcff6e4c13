"""Commands of `grader` in this process: a process of their own takes seconds to import torch and transformers."""

import contextlib
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from grader.cli import app


def invoke(folder: Path, *arguments: object) -> Result:
    """Runs `grader` in `folder`. `exception` of the result is the error of a command that failed."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, [str(each) for each in arguments])


def run(folder: Path, *arguments: object) -> str:
    """The standard output of a command that succeeds."""
    result = invoke(folder, *arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout
