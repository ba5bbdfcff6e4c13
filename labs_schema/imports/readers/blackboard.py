"""Blackboard: the zip of "Assignment File Download". Each attempt has a receipt, which names the student.

A name is `assignment_user_attempt_time[_file]`; assignment and user may contain `_`. The receipt's `Name: X (user)`
separates them, also in the names of the other students, as all share the assignment. Without any receipt, every `_`
may be the separator: the roster decides, or the student is ambiguous.
"""

import re
from collections.abc import Mapping, Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, Work

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
    works = tuple(_work(start, time, users[start], tuple(found)) for (start, time), found in files.items())
    return PlatformExport(works, unused=tuple(unused))


def _work(start: str, time: str, users: Sequence[str], files: tuple[tuple[str, ExportFile], ...]) -> Work:
    known = users[0] if len(users) == 1 else start
    candidates = () if len(users) == 1 else tuple(_ids(user) for user in users)
    return Work(f"{known} {time}", (_ids(known),), files, submitted=time, candidates=candidates)


def _ids(user: str) -> Ids:
    return ids((IdKind.LOGIN, user))


def _users(starts: Sequence[str], receipts: Mapping[tuple[str, str], str]) -> dict[str, tuple[str, ...]]:
    """Start of a name -> the possible users, one if it is certain."""
    named = {}
    for (start, _), text in receipts.items():
        user = next((m[1] for m in _RECEIPT_USER.finditer(text[:2000]) if start.endswith(f"_{m[1]}")), None)
        if user:
            named[start] = user
    assignments = {start.removesuffix(f"_{user}") for start, user in named.items()}
    if len(assignments) != 1:
        assignments = set.intersection(*map(_assignments, starts)) if starts else set()

    def users_of(start: str) -> tuple[str, ...]:
        if start in named:
            return (named[start],)
        possible = {each for each in assignments if start.startswith(f"{each}_")} or _assignments(start)
        users = sorted(start[len(each) + 1 :] for each in possible)
        return tuple(user for user in users if user) or (start,)

    return {start: users_of(start) for start in starts}


def _assignments(start: str) -> set[str]:
    """Every name of an assignment that the start of a name may have."""
    return {start[:at] for at, char in enumerate(start) if char == "_" and at}
