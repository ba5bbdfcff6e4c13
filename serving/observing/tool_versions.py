"""The versions of the tools that a lab's checks use. Observations are stored by them."""

import re
import shutil

from labs_schema.checks.models import Checks, Report
from labs_schema.limits import ObservationLimits
from serving.observing.building import MIB
from serving.observing.isolation.sandbox import Command, RunsCommands
from serving.observing.isolation.toolchain_files import SEARCH_PATH
from serving.observing.outcomes import as_text
from serving.observing.toolchains import Toolchain
from serving.observing.validating import BuiltValidator

VERSION = "2"
"""The version of the rules that turn a run into an outcome. A change makes stored observations outdated."""
_VERSION = {"go": "version", "java": "-version", "javac": "-version"}
_TOOL = re.compile(r"[A-Za-z0-9][\w.+-]*")
_SHELLS = ("sh", "bash", "dash", "exec", "echo", "test", "true", "false", "cd", "for", "do", "done", "if", "then", "fi")


def tool_versions(
    toolchain: Toolchain, sandbox: RunsCommands, checks: Checks, validator: BuiltValidator | None = None
) -> dict[str, str]:
    """The first line that each tool of the checks prints about its version, and the version of the rules."""
    versions = {"observer": VERSION}
    questions = {tool: [tool, _VERSION.get(tool, "--version")] for tool in toolchain.tools}
    questions |= {tool: [tool, "--version"] for tool in _named_tools(checks)}
    if validator:
        questions |= {tool: [tool, _VERSION.get(tool, "--version")] for tool in validator.built.toolchain.tools}
    if any(each.report is Report.PYTEST for each in checks.unit_tests):
        questions["pytest"] = ["python3", "-s", "-m", "pytest", "--version"]
    for tool, words in list(questions.items())[: ObservationLimits().tools - 1]:
        run = sandbox.run(Command(words, 10, 512 * MIB))
        lines = as_text(run.stdout or run.stderr).splitlines()
        versions[tool] = lines[0] if lines else "unknown"
    return versions


def _named_tools(checks: Checks) -> list[str]:
    """The programs in the commands of linters, unit tests and builds."""
    commands = [each.command for each in checks.lint] + [each.command or () for each in checks.unit_tests]
    words = [part for command in [*commands, *checks.build.commands] for word in command for part in word.split()]
    found = dict.fromkeys(word for word in words if _TOOL.fullmatch(word))
    return [word for word in found if word not in _SHELLS and shutil.which(word, path=SEARCH_PATH)]
