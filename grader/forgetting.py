"""Forgets a student, or a course's old work, wherever grader has put it, and tells what was done. Prints no id."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from grader.service.local_store import cli_actor, local_store
from serving.store.exports import erase_from_exports
from serving.store.store import Forgotten, Store
from training.forgetting import forget_in_data

CENTURY = 36_525
DAYS = {"d": 1.0, "w": 7.0, "m": 30.44, "y": 365.25}


def in_days(text: str) -> float:
    """`400`, `400d`, `12w`, `18m`, `2y`. Raises ValueError for anything else, and for more than a century."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in DAYS else (text, "d")
    if not number.isdecimal():
        raise ValueError(f"{text!r} is no span of time; write days, or such as 12w, 18m or 2y")
    if (days := int(number) * DAYS[unit]) > CENTURY:
        raise ValueError(f"{text!r} is longer than a century")
    return days


def forget_student(student: str, course: str | None, exports: Sequence[Path], data: Sequence[Path]) -> list[str]:
    """What was done, in lines. Raises StoreError, and GraderError where a data set cannot be read: before anything is
    deleted."""
    with local_store() as store:
        forget = partial(store.forget_student, student, course, actor=cli_actor())
        return _everywhere(store, {student}, course, exports, data, forget, nobody=_NOBODY if course else "")


def forget_old(days: float, course: str, exports: Sequence[Path], data: Sequence[Path]) -> list[str]:
    """The same for everybody of a course without a grade in the last `days`. Old is who is old now: whoever grows old
    while files are read would be left in them for good."""
    before = datetime.now(UTC) - timedelta(days=days)
    with local_store() as store:
        forget = partial(store.forget_inactive_students, before, course, actor=cli_actor())
        return _everywhere(store, store.list_inactive_students(before, course), course, exports, data, forget)


def _everywhere(
    store: Store,
    students: Collection[str],
    course: str | None,
    exports: Sequence[Path],
    data: Sequence[Path],
    forget: Callable[[], Forgotten],
    nobody: str = "",
) -> list[str]:
    """The files come first, for who was forgotten has no name any more to look for, and once more after, for what was
    written meanwhile. `nobody`: what is told where the store knew nobody."""
    lines = _files(store, students, course, exports, data)
    told = _told(forget(), nobody)
    _files(store, students, course, exports, data)
    return told + lines


def _files(
    store: Store, students: Collection[str], course: str | None, exports: Sequence[Path], data: Sequence[Path]
) -> list[str]:
    """Takes `students` out of what lies outside of the store: folders that it knows of as the course's, or as any
    course's, and those that were named."""
    students = {student for student in students if student}
    of_data = []
    for folder in data:
        gone = forget_in_data(students, folder)
        still = _LEARNED if gone.learned else _BUILD_AGAIN if gone.rebuild else ""
        of_data.append(f"{folder} {still}" if still else f"{gone.rows} rows taken out of {folder}.")
    known = store.list_exports(course)
    here = [each.path for each in known if each.here]
    found = erase_from_exports(students, [*exports, *(path for path in here if path.exists())])
    return [
        f"{len(set(found.changed))} export files changed.",
        *(f"still names a student: {path}" for path in sorted(set(found.left))),
        *(f"on another machine, to be forgotten there: {each.host}:{each.path}" for each in known if not each.here),
        *(
            f"not where it was written; if it was moved, --export names it: {path}"
            for path in here
            if not path.exists()
        ),
        *of_data,
        *[_NO_DATA] * (not data),
        _YOURS,
    ]


_LEARNED = "has learned from the work: build its data set again and train anew, or delete it."
_BUILD_AGAIN = (
    "STILL HOLDS THE WORK, as rows of its format do not say whose they are: take the work out of the labs' folder and "
    "build the data set again with grader build-dataset, or delete it."
)
_NOBODY = (
    "That course has no such student. Its name is what serve or regrade had as --course, else that of the folder of "
    "labs; without --course all are looked through."
)
_NO_DATA = "No data set and no run was looked at: --data names them."
_YOURS = "Yours to clear: the folders of labs, rosters, reports, base models of init-model, backups."


def _told(forgotten: Forgotten, nobody: str) -> list[str]:
    busy = "Another process has the store's file in use, so that deleted bytes are still in it: run this again later."
    done = f"{forgotten.students} students forgotten (once for each course), with {forgotten.records} records."
    return [done, *[nobody] * (not forgotten.students and bool(nobody)), *[busy] * (not forgotten.scrubbed)]
