"""Finds a student's row in a platform's table: by ids, never by name."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labs_schema.imports.identities import folded
from labs_schema.imports.records import IdKind, Ids


@dataclass(frozen=True)
class RowMatch:
    """`row_of`: student -> row index. `missing`: students with no row or several. `unused`: rows of no student."""

    row_of: dict[str, int]
    missing: tuple[str, ...]
    unused: int


def match_rows(students: Sequence[str], rows: Iterable[Ids]) -> RowMatch:
    """`rows` are the ids of each row, empty for rows that are not students.

    A student's id is compared with the ids of a row kind by kind: number, login, e-mail address, the part of the
    address before the `@`, then the platform's own id. The first kind that knows the student decides.
    """
    index: dict[tuple[str, str], set[int]] = {}
    known = set()
    for at, row in enumerate(rows):
        known |= {at} if row else set()
        for kind, value in row:
            index.setdefault((kind, folded(value)), set()).add(at)
            if kind is IdKind.EMAIL:
                index.setdefault(("local part", folded(value.split("@", 1)[0])), set()).add(at)
    kinds = (IdKind.NUMBER, IdKind.LOGIN, IdKind.EMAIL, "local part", IdKind.PLATFORM)
    row_of: dict[str, int] = {}
    for student in students:
        found = next((same for kind in kinds if (same := index.get((kind, folded(student))))), set())
        if len(found) == 1:
            row_of[student] = next(iter(found))
    times = Counter(row_of.values())  # two students with one row: none of them is written
    row_of = {student: row for student, row in row_of.items() if times[row] == 1}
    missing = tuple(student for student in students if student not in row_of)
    return RowMatch(row_of, missing, len(known - set(row_of.values())))
