"""Forgets a student, or a course's old work, in the store and in exports, and tells what was done. Prints no id."""

from collections.abc import Sequence
from pathlib import Path

from grader.local_store import at_terminal, local_store
from serving.store.export_files import forget_in_exports
from serving.store.store import Forgotten


def forget_student(student: str, course: str | None, exports: Sequence[Path]) -> list[str]:
    """What was done, in lines. Raises StoreError, and GraderError where an export is being written."""
    with local_store() as store:
        lines = _told(store.forget(student, course, actor=at_terminal()))
    files = forget_in_exports(student, exports)
    lines += [f"{len(files.changed)} export files changed."] * bool(exports)
    return lines + [f"still names the student: {path}" for path in files.left]


def forget_old(days: float, course: str) -> list[str]:
    """What was done, in lines. Raises StoreError."""
    with local_store() as store:
        return _told(store.forget_older(days, course, actor=at_terminal()))


def _told(forgotten: Forgotten) -> list[str]:
    busy = "Another process has the store's file in use, so that deleted bytes are still in it: run this again later."
    done = f"{forgotten.students} students forgotten, one for each course, with {forgotten.records} records."
    return [done, *[busy] * (not forgotten.scrubbed)]
