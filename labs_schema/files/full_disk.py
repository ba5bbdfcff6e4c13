"""Turns a full disk into an error that names the path and the next command."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labs_schema.errors import GraderError

FULL = (errno.ENOSPC, errno.EDQUOT)
TEXTS = (
    "no space left on device",  # safetensors and tokenizers, which raise their own errors
    "disk quota exceeded",
    "database or disk is full",  # SQLite
    # torch.save reports no reason, only that a write failed and that the file is shorter than it should be.
    "pytorchstreamwriter failed",
    "unexpected pos",
)


class DiskFullError(GraderError):
    """The disk, or the user's quota on it, is full."""

    code = "disk-full"


@contextmanager
def reporting_full_disk(path: Path, next_step: str) -> Iterator[None]:
    """Raises DiskFullError instead of any error that a full disk causes inside.

    `path`: what is written, named if the error names no file. `next_step`: what to do once there is space.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DiskFullError) or not is_full_disk(error):
            raise
        what = f" ({error})" if isinstance(error, GraderError) else ""  # names the store if its disk is full
        raise DiskFullError(
            f"{_file_of(error) or path}: no space left on the disk{what}. Free some space, then {next_step}"
        ) from error


def is_full_disk(error: BaseException) -> bool:
    """Whether `error`, or an error that caused it, reports a full disk."""
    return any(_reports_it(each) for each in _chain(error))


def _reports_it(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(text in str(error).lower() for text in TEXTS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def _file_of(error: BaseException) -> str | None:
    return next((str(each.filename) for each in _chain(error) if isinstance(each, OSError) and each.filename), None)
