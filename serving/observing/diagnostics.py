"""Parses the output of compilers and linters into diagnostics: file, line, severity and text."""

import re
from collections.abc import Iterator

from labs_schema.observations import Diagnostic

READ_CHARS = 400_000
"""Template errors can fill megabytes; what follows is not read."""
_LINE = re.compile(
    r"^(?:\./)?(?P<file>[^\s:][^:\n]{0,300}):(?P<line>\d{1,9})(?::\d+)*:\s*"
    r"(?P<severity>fatal error|error|warning|note|SyntaxWarning|DeprecationWarning|SyntaxError)?"
    r"(?:\[\w+\])?:?\s*(?P<text>\S.*)$"
)
_PYTHON_FILE = re.compile(r'^\s*(?:Sorry: .*?\()?File "(?P<file>[^"\n]{1,300})", line (?P<line>\d{1,9})')
_PLACE_ALONE = re.compile(r"^(?P<file>/\S{1,300}):(?P<line>\d{1,9})$")
_EXCEPTION = re.compile(r"^(?P<text>\w*(?:Error|Exception)\b.*)$")
_LINKER = re.compile(r"^.*: (?P<undefined>undefined reference to .*)$|^(?:\S*/ld|collect2|\S+\.o): (?P<text>.*)$")
WARNING, ERROR = "warning", "error"


def parse_diagnostics(output: str, default: str = ERROR) -> tuple[Diagnostic, ...]:
    """Notes are left out. `default` is the severity of lines that do not state one, as of Go's compiler."""
    return tuple(_diagnostics(output[:READ_CHARS], default))


def _diagnostics(output: str, default: str) -> Iterator[Diagnostic]:
    place: re.Match[str] | None = None
    for line in output.splitlines():
        if found := _LINE.match(line):
            severity = _severity(found["severity"], default)
            if severity:
                yield _diagnostic(found, severity, found["text"])
        elif found := _PYTHON_FILE.match(line) or _PLACE_ALONE.match(line):
            place = found
        elif place and (found := _EXCEPTION.match(line.strip())):
            yield _diagnostic(place, ERROR, found["text"])
            place = None
        elif (found := _LINKER.match(line)) and "in function" not in line and (found["undefined"] or found["text"]):
            yield Diagnostic(severity=ERROR, text=found["undefined"] or found["text"])


def _severity(written: str | None, default: str) -> str | None:
    if written == "note":
        return None
    if written is None:
        return default
    return WARNING if written.lower().endswith("warning") else ERROR


def _diagnostic(place: re.Match[str], severity: str, text: str) -> Diagnostic:
    filename = place["file"].removeprefix("/work/").removeprefix("./")
    return Diagnostic(filename=filename, line=int(place["line"]) or None, severity=severity, text=text)
