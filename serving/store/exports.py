"""Result folders written by this product: recorded in the store, so that a forgotten student is removed from them."""

import csv
import io
import json
import re
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.student_ids import local_part, written_id
from serving.store.tables import exports

Ids = frozenset[str]
"""Ids of forgotten students."""


class Export(Frozen):
    """`path` is absolute, on the machine `host`; `at`: when results of `course` were last written there.

    `course` is None if it was not recorded.
    """

    host: str
    path: Path
    at: str
    course: str | None

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()


class ErasedExports(Frozen):
    """`changed`: files rewritten without the students. `left`: files whose text or path still names one of them."""

    changed: tuple[Path, ...]
    left: tuple[Path, ...]


def record_export(connection: Connection, course: str, folder: Path, at: str) -> None:
    """Records that results of `course` go to `folder` on this machine.

    Call it before writing: after a crash in between, a folder without results is harmless, an unrecorded one is not.
    """
    row = {"host": socket.gethostname(), "path": str(folder.resolve())}
    known = exports.c.host == row["host"], exports.c.path == row["path"]
    if not connection.execute(update(exports).where(*known).values(at=at, course=course)).rowcount:
        connection.execute(insert(exports).values(**row, at=at, course=course))


def list_exports(connection: Connection, course: str | None) -> list[Export]:
    """All exports, or those that may belong to `course`, oldest first; some may no longer exist on disk."""
    found = connection.execute(select(exports).order_by(exports.c.at, exports.c.host, exports.c.path))
    every = [Export.model_validate(dict(row._mapping)) for row in found]
    return [each for each in every if course is None or each.course in (course, None)]


def erase_from_exports(students: Collection[str], paths: Sequence[Path]) -> ErasedExports:
    """Removes lines, rows and items of `students` from every file in `paths` and in the folders among them.

    Each file is replaced atomically. A file being written at the same time names no student forgotten before
    (`serving.jobs.results.export`). Raises FileNotFoundError if one of `paths` does not exist.
    """
    ids = frozenset(students)
    patterns = [re.compile(rf"(?<![\w.-]){re.escape(student)}(?![\w-])") for student in sorted(ids)]
    changed, left = [], []
    for path in (file for given in paths for file in _files(given)):
        try:
            changed += [path] if _erase_from_file(path, ids) else []
            text = path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:  # a temporary file that has been renamed since
            continue
        if any(pattern.search(text) or pattern.search(str(path)) for pattern in patterns):
            left.append(path)
    return ErasedExports(changed=tuple(changed), left=tuple(left))


def _files(given: Path) -> Iterator[Path]:
    if not given.exists():
        raise FileNotFoundError(f"{given}: no such export.")
    inside = sorted(given.rglob("*")) if given.is_dir() else [given]
    return (path for path in inside if path.is_file() and not path.is_symlink())


def _erase_from_file(path: Path, ids: Ids) -> bool:
    """Whether the file was changed."""
    erase = ERASERS.get(path.suffix.lower())
    if erase is None:
        return False
    before = path.read_bytes()
    try:
        text = before.decode("utf-8")
        after = erase(text, _forms(ids, text)).encode()
    except (ValueError, csv.Error):  # not what its suffix claims: reported as `left` if it names the student
        return False
    if after != before:
        write_atomically(path, after, mode=path.stat().st_mode & 0o777)
    return after != before


def _erase_from_lines(text: str, ids: Ids) -> str:
    """JSON lines: drops lines about the students, rewrites lines that only contain some of their data."""
    lines = []
    for line in io.StringIO(text, newline="\n"):  # JSON strings may contain other line separators
        value = json.loads(line) if line.strip() else None
        if any(_is_about(each, ids) for each in (value, *(value.values() if isinstance(value, dict) else ()))):
            continue
        rest = _without(value, ids)
        lines.append(line if rest == value else json.dumps(rest, ensure_ascii=False) + "\n")
    return "".join(lines)


def _erase_from_json(text: str, ids: Ids) -> str:
    value = json.loads(text)
    rest = _without(value, ids)
    return text if rest == value else json.dumps(rest, indent=1, ensure_ascii=False) + "\n"


def _erase_from_table(text: str, ids: Ids) -> str:
    """CSV. If the first column is `student`, only that column names students: a mark of 2 is not the student 2.

    In other tables 0 and 1 after the first column are flags, not ids.
    """
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    first_column_only = bool(rows) and rows[0][:1] == ["student"]

    def naming(row: list[str]) -> list[str]:
        return row[:1] if first_column_only else row[:1] + [cell for cell in row[1:] if cell not in ("0", "1")]

    rest = [row for row in rows if not any(_is_id(cell.strip().removeprefix("'"), ids) for cell in naming(row))]
    if len(rest) == len(rows):
        return text
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rest)
    return out.getvalue()


ERASERS: dict[str, Callable[[str, Ids], str]] = {
    ".jsonl": _erase_from_lines,
    ".json": _erase_from_json,
    ".csv": _erase_from_table,
}


def _without(value: Any, ids: Ids) -> Any:
    """`value` without the list items and object entries of the students."""
    if isinstance(value, list):
        return [_without(each, ids) for each in value if not _is_about(each, ids)]
    if isinstance(value, dict):
        return {
            key: _without(each, ids)
            for key, each in value.items()
            if not _is_id(key, ids) and not (isinstance(each, dict) and _is_about(each, ids))
        }
    return value


def _is_about(value: Any, ids: Ids) -> bool:
    if isinstance(value, dict):
        return any(_is_id(value.get(key), ids) for key in ("student", "folder"))
    return _is_id(value, ids)


def _is_id(text: Any, ids: Ids) -> bool:
    return isinstance(text, str) and written_id(text) in ids


def _forms(ids: Ids, text: str) -> Ids:
    """The ids as `text` may write them: `s1` also as `s1@course` or `s1@uni.example`, and the other way around.

    If it has several such forms, they may be several students, and only the id itself counts.
    """
    forms = set(ids)
    for student in ids:
        local = local_part(student)
        full = {written_id(each) for each in re.findall(rf"(?<![\w.-]){re.escape(local)}@[\w.-]+", text)}
        if len(full | {student} - {local}) <= 1:
            forms |= {*full, local}
    return frozenset(forms)
