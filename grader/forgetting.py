"""Forgets a student, or a course's old work, wherever grader has put it, and tells what was done. Prints no id."""

from collections.abc import Collection, Sequence
from pathlib import Path

from grader.local_store import at_terminal, local_store
from serving.store.export_files import forget_in_exports
from serving.store.store import Forgotten, Store
from training.forgetting import forget_in_data

DAYS = {"d": 1.0, "w": 7.0, "m": 30.44, "y": 365.25}


def in_days(text: str) -> float:
    """`400`, `400d`, `12w`, `18m`, `2y`. Raises ValueError for anything else."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in DAYS else (text, "d")
    if not number.isdecimal():
        raise ValueError(f"{text!r} is no span of time; write days, or such as 12w, 18m or 2y")
    return int(number) * DAYS[unit]


def forget_student(student: str, course: str | None, exports: Sequence[Path], data: Sequence[Path]) -> list[str]:
    """What was done, in lines. Raises StoreError, and GraderError where a file is being written or cannot be read."""
    with local_store() as store:
        lines = _told(store.forget(student, course, actor=at_terminal()))
        return lines + _files(store, {student}, exports, data)


def forget_old(days: float, course: str, exports: Sequence[Path], data: Sequence[Path]) -> list[str]:
    """The same for everybody of a course without a grade in the last `days`. The files come first, for who was
    forgotten has no name any more to look for, and once more after, for what was written meanwhile."""
    with local_store() as store:
        old = store.older(days, course)
        _files(store, old, exports, data, course)
        lines = _told(store.forget_older(days, course, actor=at_terminal()))
        return lines + _files(store, old, exports, data)


def _files(
    store: Store, students: Collection[str], exports: Sequence[Path], data: Sequence[Path], but: str | None = None
) -> list[str]:
    """Takes `students` out of what lies outside of the store: folders that it knows of, and those that were named.

    Folders that the store knows are left alone for a student who is in another course than `but` still, as they do not
    say whose course they are of.
    """
    students = {student for student in students if student}
    known = [each for each in store.exports() if each.path.exists() or not each.here]
    here = [each.path for each in known if each.here]
    alone = {student for student in students if not store.courses_of(student) - {but}}
    found = [forget_in_exports(students, exports), forget_in_exports(alone, here)]
    lines = [f"{len({path for each in found for path in each.changed})} export files changed."]
    lines += [f"still names a student: {path}" for path in sorted({path for each in found for path in each.left})]
    if here and len(alone) < len(students):
        lines.append("A student is in another course too: name this course's folders with --export, of these:")
        lines += [f"  {path}" for path in here]
    lines += [f"on another machine, to be forgotten there: {each.host}:{each.path}" for each in known if not each.here]
    for folder in data:
        gone = forget_in_data(students, folder)
        lines.append(f"{gone.rows} rows taken out of {folder}." if not gone.learned else _LEARNED.format(folder=folder))
    return lines


_LEARNED = "{folder} has learned from the work: build its data set again and train anew, or delete it."


def _told(forgotten: Forgotten) -> list[str]:
    busy = "Another process has the store's file in use, so that deleted bytes are still in it: run this again later."
    done = f"{forgotten.students} students forgotten, one for each course, with {forgotten.records} records."
    return [done, *[busy] * (not forgotten.scrubbed)]
