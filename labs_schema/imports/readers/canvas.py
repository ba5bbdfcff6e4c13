"""Canvas: the zip of "Download Submissions", rubrics as CSV, and the table of rubric assessments.

A name is `student_LATE_user_attachment_file`; the student's display name may contain `_` itself, so the two numbers
separate it from the file's name.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.platform_tables import PlatformTable, number_of
from labs_schema.imports.records import Assessment, ExportFile, IdKind, PlatformExport, Work
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.submissions.archives import ARCHIVE_ERRORS

_FILE = r"_(?:\d+_(?P<file>.+)|(?P<entry>text\.html|link\.html))"
"""An attachment; a text entry and a web address have no number of their own."""
_ANONYMOUS = re.compile(rf"(?:LATE_)?anon_(?P<user>[A-Za-z0-9]+)(?P<late>_LATE)?{_FILE}", re.DOTALL)
_NAMED = re.compile(rf"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+){_FILE}", re.DOTALL)
_RESUBMITTED = re.compile(r"(?P<stem>.+?)-\d{1,2}(?P<suffix>\.[^.]+)?", re.DOTALL)


def _match(path: str) -> re.Match[str] | None:
    name = path.split("/")[-1]
    return _ANONYMOUS.fullmatch(name) or _NAMED.fullmatch(name)


def recognizes(paths: Sequence[str]) -> bool:
    top = [path for path in paths if "/" not in path and not path.lower().endswith((".csv", ".json", ".txt"))]
    return bool(top) and sum(_match(path) is not None for path in top) > len(top) / 2


def read(export: Export) -> PlatformExport:
    """Works by user id. Canvas exports the latest attempt only."""
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    late, unused = set(), []
    for each in export.files:
        match = _match(each.path)
        if match is None:
            unused.append(each.path)
            continue
        files.setdefault(match["user"], []).append((match["file"] or match["entry"], each))
        if match["late"] or each.path.split("/")[-1].startswith("LATE_"):
            late.add(match["user"])
    works = tuple(
        Work(user, (ids((IdKind.PLATFORM, user)),), _original_names(found), late=user in late)
        for user, found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))


def _original_names(files: Sequence[tuple[str, ExportFile]]) -> tuple[tuple[str, ExportFile], ...]:
    """Canvas renames a resubmitted `sq.h` to `sq-1.h`, which breaks `#include "sq.h"`: the number is removed.

    It remains if another file of the student has the shorter name, or if a file mentions the longer one.
    """
    names = [name for name, _ in files]
    shorter = [f"{m['stem']}{m['suffix'] or ''}" if (m := _RESUBMITTED.fullmatch(name)) else name for name in names]
    contents = [_start(file) for _, file in files] if shorter != names else []

    def original(name: str, short: str) -> str:
        stem = name.rsplit(".", 1)[0].encode()
        clash = short in names or shorter.count(short) > 1
        return name if clash or any(stem in content for content in contents) else short

    return tuple((original(name, short), file) for (name, file), short in zip(files, shorter, strict=True))


def _start(file: ExportFile) -> bytes:
    try:
        return file.read(LabLimits().source_bytes)
    except ARCHIVE_ERRORS:
        return b""


def is_assessments(headings: Collection[str]) -> bool:
    """Whether a table has assessments, by its normalized headings."""
    return {"studentid", "studentname"} <= set(headings) and any(key.startswith("rating") for key in headings)


def read_assessments(table: PlatformTable) -> tuple[Assessment, ...]:
    """Reads the columns `Rating: CRITERION`, `Points: CRITERION` and `Comments: CRITERION` of each criterion."""
    columns: dict[str, dict[str, int]] = {}
    for index, heading in enumerate(table.header):
        part, colon, criterion = heading.partition(":")
        if colon and part.strip().casefold() in ("rating", "points", "comments"):
            columns.setdefault(criterion.strip(), {})[part.strip().casefold()] = index
    student = table.headings.index("studentid")
    return tuple(
        assessment
        for row in table.rows
        for criterion, cells in columns.items()
        if (assessment := _assessment(row, student, criterion, cells))
    )


def _assessment(row: Sequence[str], student: int, criterion: str, cells: Mapping[str, int]) -> Assessment | None:
    def cell(part: str) -> str:
        return row[cells[part]] if part in cells else ""

    if not row[student] or not (cell("rating") or cell("points")):
        return None
    owner = ids((IdKind.PLATFORM, row[student]), (IdKind.NUMBER, row[student]))
    marks = number_of(cell("points"))
    return Assessment(criterion, cell("rating"), owner=owner, marks=marks, comment=cell("comments"))


def is_rubric(headings: Collection[str]) -> bool:
    return {"rubricname", "criterianame", "criteriadescription", "ratingname"} <= set(headings)


def read_rubric(table: PlatformTable) -> tuple[Criterion, ...]:
    """The criteria of a rubric exported as CSV: the three columns of a rating are repeated for each one."""
    keys = table.headings
    starts = [index for index, key in enumerate(keys) if key == "ratingname"]
    title, description = keys.index("criterianame"), keys.index("criteriadescription")
    criteria = []
    for row in table.rows:
        ratings = [
            Rating(title=row[at], description=row[at + 1], marks=number_of(row[at + 2]))
            for at in starts
            if row[at] and at + 2 < len(row)
        ]
        if row[title] and ratings:
            texts = {"title": row[title], "description": row[description]}
            bonus = is_bonus_title(row[title])
            criteria.append(Criterion(**texts, ratings=tuple(ratings), bonus=bonus))
    return tuple(criteria)
