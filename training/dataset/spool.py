"""Rows that wait on disk until it is known which file they belong in. Knows no labs and no sides.

Each block holds all rows of one submission, so a file can be put together in any order while memory holds only the
places of the blocks.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from training.dataset.rows import OutputFile


class Block(NamedTuple):
    """Where a submission's rows lie: `start` and `size` in bytes, and how many `rows` they are."""

    start: int
    size: int
    rows: int


class Spool:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, lines: Sequence[bytes]) -> Block:
        self._file.writelines(lines)
        block = Block(self._end, sum(map(len, lines)), len(lines))
        self._end += block.size
        return block

    def write(self, blocks: Iterable[Block], path: Path) -> OutputFile:
        """Writes the blocks to a new file, in the order given, and waits until it is on disk."""
        self._file.flush()
        digest, size, rows = hashlib.sha256(), 0, 0
        with path.open("wb") as out:
            for block in blocks:
                lines = os.pread(self._file.fileno(), block.size, block.start)
                out.write(lines)
                digest.update(lines)
                size, rows = size + block.size, rows + block.rows
            out.flush()
            os.fsync(out.fileno())
        return OutputFile(sha256=digest.hexdigest(), bytes=size, rows=rows)
