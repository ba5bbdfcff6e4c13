"""The rows of a JSON Lines file or of a JSON array, as other programs write them."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, Unpack

from pydantic import BaseModel, ValidationError

from labs_schema.errors import Issue, IssueDetails, error_issue, field_errors, raise_errors
from labs_schema.limits import DatasetLimits

Row = TypeVar("Row")
_DECODER = json.JSONDecoder()
_BETWEEN_ITEMS = re.compile(r"[\s,]*")


def json_rows(path: Path) -> Iterator[tuple[int, str]]:
    """(line, JSON text) of each row. A byte order mark and blank lines are skipped; `line` counts from 1.

    A file that starts with `[` is an array, whose items are the rows; JSON Lines are read one at a time. Text that is
    not JSON is a row too, which the caller's parser rejects.
    """
    with path.open("rb") as file:
        is_array = file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    if is_array:
        yield from _items(_decoded(path.read_bytes().removeprefix(codecs.BOM_UTF8)))
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            text = _decoded(line.removeprefix(codecs.BOM_UTF8 if number == 1 else b""))
            if text.strip():
                yield number, text


def parsed_rows(
    path: Path, parse: Callable[[str], Row], code: str, **details: Unpack[IssueDetails]
) -> Iterator[tuple[int, Row]]:
    """(line, row) of each row; nothing more after an invalid one, for which `parse` raises ValueError.

    Raises InputError with the first `DatasetLimits.reported_rows` invalid rows, as issues with `code` and `details`.
    """
    issues: list[Issue] = []
    for line, text in json_rows(path):
        try:
            row = parse(text)
        except (ValueError, RecursionError) as invalid:
            found = field_errors(invalid)[0] if isinstance(invalid, ValidationError) else str(invalid)[:200]
            details |= {"found": found, "line": line}
            issues.append(error_issue(code, path, **details))
            if len(issues) == DatasetLimits().reported_rows:
                break
        else:
            if not issues:
                yield line, row
    raise_errors(issues)


def json_line(row: BaseModel | dict[str, object]) -> bytes:
    """The row as ASCII JSON, with its newline."""
    values = row.model_dump() if isinstance(row, BaseModel) else row
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _decoded(data: bytes) -> str:
    """The text, or one that is not JSON if `data` is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "[not UTF-8"


def _items(text: str) -> Iterator[tuple[int, str]]:
    position = text.index("[") + 1
    line, counted = 1, 0
    while (position := _BETWEEN_ITEMS.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, position), position
        if text[position] == "]" and not text[position + 1 :].strip():
            return
        try:
            end = _DECODER.raw_decode(text, position)[1]
        except (ValueError, RecursionError):
            end = len(text)
        yield line, text[position:end]
        position = end
