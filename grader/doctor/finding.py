"""The result of one check of `grader doctor`."""

from collections.abc import Iterable
from enum import StrEnum

from rich.text import Text

from grader.terminal import printable
from labs_schema.frozen import Frozen


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(Frozen):
    """`fix`: the command or change that resolves it, None if there is nothing to do. A fault stops `grader` from
    working as configured; a warning names what is missing for some tasks."""

    check: str
    state: State
    found: str
    fix: str | None = None


def ok(check: str, found: str) -> Finding:
    return Finding(check=check, state=State.OK, found=found)


def warning(check: str, found: str, fix: str) -> Finding:
    return Finding(check=check, state=State.WARNING, found=found, fix=fix)


def fault(check: str, found: str, fix: str) -> Finding:
    return Finding(check=check, state=State.FAULT, found=found, fix=fix)


STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAULT: "bold red"}


def findings_text(findings: Iterable[Finding]) -> Text:
    """One line for each finding, and its fix below."""
    text = Text()
    for each in findings:
        text.append(f"{each.state:8}", STYLES[each.state]).append(f" {each.check:14} {printable(each.found)}\n")
        if each.fix:
            text.append(f"{'':23} fix: {printable(each.fix)}\n", "dim")
    text.rstrip()
    return text
