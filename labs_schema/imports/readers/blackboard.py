"""Blackboard: the zip of "Assignment File Download". Each attempt has a receipt, which names the student.

A name is `assignment_user_attempt_time[_file]`; assignment and user may contain `_`. The receipt's `Name: X (user)`
separates them, otherwise the start common to all names does.
"""

import re
from collections.abc import Mapping, Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids, shared_start
from labs_schema.imports.records import ExportFile, IdKind, PlatformExport, Work

_NAME = re.compile(r"(?P<start>.+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:(?P<receipt>\.txt)|_(?P<file>.+))", re.DOTALL)
_RECEIPT_USER = re.compile(r"^[^:\n]{1,60}:[^\n]*\(([^()\n]+)\)\s*$", re.MULTILINE)


def _match(path: str) -> re.Match[str] | None:
    return _NAME.fullmatch(path.split("/")[-1])


def recognizes(paths: Sequence[str]) -> bool:
    return any(_match(path) for path in paths if path.count("/") <= 1)


def read(export: Export) -> PlatformExport:
    """Works by attempt; the latest one of a student counts."""
    files: dict[tuple[str, str], list[tuple[str, ExportFile]]] = {}
    receipts: dict[tuple[str, str], str] = {}
    unused = []
    for each in export.files:
        match = _match(each.path)
        if match is None:
            unused.append(each.path)
            continue
        attempt = (match["start"], match["time"])
        files.setdefault(attempt, [])
        if match["receipt"]:
            receipts[attempt] = export.text(each) or ""
        else:
            files[attempt].append((match["file"], each))
    users = _users(sorted({start for start, _ in files}), receipts)
    works = tuple(
        Work(f"{users[start]} {time}", (ids((IdKind.LOGIN, users[start])),), tuple(found), submitted=time)
        for (start, time), found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))


def _users(starts: Sequence[str], receipts: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Start of a name -> user."""
    named = {}
    for (start, _), text in receipts.items():
        user = next((m[1] for m in _RECEIPT_USER.finditer(text[:2000]) if start.endswith(f"_{m[1]}")), None)
        if user:
            named[start] = user
    assignments = {start.removesuffix(f"_{user}") for start, user in named.items()}
    shared = shared_start(starts) if len(starts) > 1 else ""
    assignment = assignments.pop() if len(assignments) == 1 else shared.rpartition("_")[0]

    def user_of(start: str) -> str:
        if start in named:
            return named[start]
        rest = start.removeprefix(f"{assignment}_") if assignment else start.rpartition("_")[2]
        return rest or start

    return {start: user_of(start) for start in starts}
