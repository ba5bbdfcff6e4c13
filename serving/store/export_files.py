"""Takes students out of files that grader has written: grades.jsonl, tables and summaries. Knows no database.

A line, a row or an item that is theirs goes; the rest of the file stays as it is. What cannot be mended by rule,
such as a page or a text that names the student in between, is told.
"""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from labs_schema.frozen import Frozen

Gone = frozenset[str]
"""Whom nothing may name any more."""


class ExportsForgotten(Frozen):
    """`changed` files are without the student now; `left` still name them in their text or path, for a person."""

    changed: tuple[Path, ...]
    left: tuple[Path, ...]


def forget_in_exports(students: Collection[str], paths: Sequence[Path]) -> ExportsForgotten:
    """Every file of `paths`, and of the folders among them, without any of `students`. Each is replaced whole, or not
    at all; what is written at the same time names nobody who was forgotten before (`serving.jobs.export`).

    Raises FileNotFoundError where one of `paths` is not there.
    """
    gone = frozenset(students)
    named = [re.compile(rf"(?<![\w.-]){re.escape(student)}(?![\w-])") for student in sorted(gone)]
    changed, left = [], []
    for path in (file for given in paths for file in _files(given)):
        try:
            changed += [path] if _cleaned(path, gone) else []
            text = path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:  # a part of what is being written, which has its own name by now
            continue
        if any(name.search(text) or name.search(str(path)) for name in named):
            left.append(path)
    return ExportsForgotten(changed=tuple(changed), left=tuple(left))


def _files(given: Path) -> Iterator[Path]:
    if not given.exists():
        raise FileNotFoundError(f"{given}: no such export.")
    inside = sorted(given.rglob("*")) if given.is_dir() else [given]
    return (path for path in inside if path.is_file() and not path.is_symlink())


def _cleaned(path: Path, gone: Gone) -> bool:
    """True where the file was changed."""
    clean = CLEANERS.get(path.suffix.lower())
    if clean is None:
        return False
    before = path.read_bytes()
    try:
        after = clean(before.decode("utf-8"), gone).encode()
    except (ValueError, csv.Error):  # not what its name says: left for a person if it names the student
        return False
    if after != before:
        _replace(path, after)
    return after != before


def _lines(text: str, gone: Gone) -> str:
    """Lines of JSON without those that are the student's, or of which an entry is; a line that only holds some of
    theirs is written anew."""
    kept = []
    for line in io.StringIO(text, newline="\n"):  # JSON may have other ends of lines in its strings
        value = json.loads(line) if line.strip() else None
        if any(_is(each, gone) for each in (value, *(value.values() if isinstance(value, dict) else ()))):
            continue
        rest = _without(value, gone)
        kept.append(line if rest == value else json.dumps(rest, ensure_ascii=False) + "\n")
    return "".join(kept)


def _json(text: str, gone: Gone) -> str:
    value = json.loads(text)
    rest = _without(value, gone)
    return text if rest == value else json.dumps(rest, indent=1, ensure_ascii=False) + "\n"


def _table(text: str, gone: Gone) -> str:
    """A table that begins with a column `student` names them there alone: its numbers are marks, not the student 2.
    In others 0 and 1 behind the first column say whether a rating was given."""
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    alone = bool(rows) and rows[0][:1] == ["student"]

    def named(row: list[str]) -> list[str]:
        return row[:1] if alone else row[:1] + [cell for cell in row[1:] if cell not in ("0", "1")]

    kept = [row for row in rows if not any(_means(cell.strip().removeprefix("'"), gone) for cell in named(row))]
    if len(kept) == len(rows):
        return text
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(kept)
    return out.getvalue()


CLEANERS: dict[str, Callable[[str, Gone], str]] = {".jsonl": _lines, ".json": _json, ".csv": _table}


def _without(value: Any, gone: Gone) -> Any:
    """`value` without the items of lists and the entries of objects that are the student's."""
    if isinstance(value, list):
        return [_without(each, gone) for each in value if not _is(each, gone)]
    if isinstance(value, dict):
        return {
            key: _without(each, gone)
            for key, each in value.items()
            if not _means(key, gone) and not (isinstance(each, dict) and _is(each, gone))
        }
    return value


def _is(value: Any, gone: Gone) -> bool:
    if isinstance(value, dict):
        return any(_means(value.get(key), gone) for key in ("student", "folder"))
    return _means(value, gone)


def _means(text: Any, gone: Gone) -> bool:
    """An id, which may be an address, or the folder of its work: `s1`, `s1@uni.example`, `s1@course`."""
    return isinstance(text, str) and not gone.isdisjoint((text, text.split("@", 1)[0]))


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
