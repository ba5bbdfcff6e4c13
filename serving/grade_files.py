"""`grades.jsonl`: a grade a line, only ever appended to, safe against a kill at any moment. Knows no model.

A line counts once it ends in a new line. What a kill left after the last new line is cut off before the next append.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from labs_schema.errors import Fault, FaultsError, GraderError, Severity
from labs_schema.grades import Grade


class GradeFile:
    """An open `grades.jsonl`. `grades` is what was there; `torn`, how many bytes of half a line were cut off."""

    def __init__(self, descriptor: int, grades: tuple[Grade, ...], torn: int) -> None:
        self.grades, self.torn = grades, torn
        self._descriptor = descriptor

    def append(self, grades: Sequence[Grade]) -> None:
        """Returns once the grades are on the disk."""
        rest = "".join(grade.model_dump_json() + "\n" for grade in grades).encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)


@contextmanager
def open_grades(path: Path) -> Iterator[GradeFile]:
    """Opens or makes the file, for this process alone.

    Raises FaultsError with every line that is no grade, GraderError where another process has the file open.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        _lock(descriptor, path)
        _sync_folder(path.parent)
        whole, torn = _lines(path.read_bytes())
        grades = _grades(whole, path)
        if torn:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - torn)
            os.fsync(descriptor)
        yield GradeFile(descriptor, grades, torn)
    finally:
        os.close(descriptor)


def read_grades(path: Path) -> tuple[Grade, ...]:
    """The grades of a file that nothing writes. Raises FaultsError with every line that is no grade."""
    return _grades(_lines(path.read_bytes())[0], path)


def _lines(data: bytes) -> tuple[list[bytes], int]:
    """The whole lines, and how many bytes follow the last of them."""
    *whole, torn = data.split(b"\n")
    return whole, len(torn)


def _grades(lines: Sequence[bytes], path: Path) -> tuple[Grade, ...]:
    grades, faults = [], []
    for number, line in enumerate(lines, start=1):
        try:
            grades.append(Grade.model_validate_json(line))
        except ValidationError:
            faults.append(_not_a_grade(path, number))
    if faults:
        raise FaultsError(faults)
    return tuple(grades)


def _not_a_grade(path: Path, line: int) -> Fault:
    return Fault(
        code="not-a-grade",
        severity=Severity.ERROR,
        path=path.name,
        line=line,
        found="a line that is no grade",
        expected="a grade as `grader regrade` writes it",
        mend="Take the file from a backup, or choose another --out.",
    )


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise GraderError(f"{path} is being written by another run; wait for it, or choose another --out.") from None


def _sync_folder(folder: Path) -> None:
    """A new file's name is durable only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
