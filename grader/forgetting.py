"""Erases a student, or a course's inactive students, from the store, exports and datasets. Reports contain no ids."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from grader.service.local_store import cli_actor, local_store
from labs_schema.frozen import Frozen
from serving.head.feature_cache import forget_features
from serving.observing.observation_cache import forget_observations
from serving.store.exports import erase_from_exports
from serving.store.store import Forgotten, Store
from training.forgetting import forget_in_data

MAX_DAYS = 36_525
DAYS = {"d": 1.0, "w": 7.0, "m": 30.44, "y": 365.25}
UNKNOWN_STUDENT = (
    "The course has no such student. The course's name is the --course of serve or regrade, by default the name of the "
    "labs folder. Without --course, all courses are searched."
)
NOT_SCRUBBED = (
    "Another process uses the store's file, which still contains deleted bytes. Run this command again later."
)
LEARNED = "was trained on the student's submissions: rebuild its dataset and train again, or delete it."
REBUILD = (
    "STILL CONTAINS THE SUBMISSIONS, because its row format has no pseudonyms: remove them from the labs folder and "
    "rebuild the dataset with grader build-dataset, or delete it."
)
FEATURES = (
    "All cached features and observations of programs were deleted; they are computed again when they are needed."
)
NO_DATA = "No dataset or run was searched: pass them with --data."
MANUAL = "Delete these yourself: labs folders, rosters, reports, backups."


class Scope(Frozen):
    """Where to erase: one course or all (None), `exports` that the store does not list, datasets and runs `data`."""

    course: str | None
    exports: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()


def in_days(text: str) -> float:
    """Parses `400`, `400d`, `12w`, `18m`, `2y`. Raises ValueError for anything else, and for more than a century."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in DAYS else (text, "d")
    if not number.isdecimal():
        raise ValueError(f"{text!r} is not a time span; expected days, or a number with a unit: 12w, 18m, 2y")
    if (days := int(number) * DAYS[unit]) > MAX_DAYS:
        raise ValueError(f"{text!r} is longer than a century")
    return days


class Erasure(Frozen):
    """`students`: once per course. `notes`: what was changed in files, and what is left to do."""

    students: int
    records: int
    notes: tuple[str, ...]


def forget_student(student: str, scope: Scope) -> Erasure:
    """Raises StoreError, and GraderError for an unreadable dataset before anything is deleted."""
    with local_store() as store:
        forget = partial(store.forget_student, student, scope.course, actor=cli_actor())
        return _forget_everywhere(store, {student}, scope, forget)


def forget_inactive(days: float, course: str, scope: Scope) -> Erasure:
    """Forgets all students of a course without a grade in the last `days`.

    The time is fixed at the start. Otherwise, a student who becomes inactive in the meantime would remain in the files.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    with local_store() as store:
        forget = partial(store.forget_inactive_students, before, course, actor=cli_actor())
        return _forget_everywhere(store, store.list_inactive_students(before, course), scope, forget)


def _forget_everywhere(
    store: Store, students: Collection[str], scope: Scope, forget: Callable[[], Forgotten]
) -> Erasure:
    """Files first, because a forgotten student's id is unknown; then again, for files written in the meantime."""
    report = _erase_from_files(store, students, scope)
    forgotten = forget()
    _erase_from_files(store, students, scope)
    lines = []
    if not forgotten.students and scope.course and len(students) == 1:
        lines.append(UNKNOWN_STUDENT)
    if not forgotten.scrubbed:
        lines.append(NOT_SCRUBBED)
    return Erasure(students=forgotten.students, records=forgotten.records, notes=(*lines, *report))


def _erase_from_files(store: Store, students: Collection[str], scope: Scope) -> list[str]:
    """Erases from the exports that the store lists for the course, and from the files in `scope`."""
    students = {student for student in students if student}
    data = list(_erase_from_data(students, scope.data))
    forget_features()
    forget_observations()
    exports = store.list_exports(scope.course)
    here = [each.path for each in exports if each.here]
    erased = erase_from_exports(students, [*scope.exports, *(path for path in here if path.exists())])
    return [
        f"{len(set(erased.changed))} export files changed.",
        *(f"still names a student: {path}" for path in sorted(set(erased.left))),
        *(f"on another machine, erase it there: {each.host}:{each.path}" for each in exports if not each.here),
        *(f"missing; if it was moved, pass its new path with --export: {path}" for path in here if not path.exists()),
        *data,
        FEATURES,
        *([] if scope.data else [NO_DATA]),
        MANUAL,
    ]


def _erase_from_data(students: Collection[str], folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        erased = forget_in_data(students, folder)
        if erased.learned or erased.rebuild:
            yield f"{folder} {LEARNED if erased.learned else REBUILD}"
        else:
            yield f"{erased.rows} rows removed from {folder}."
