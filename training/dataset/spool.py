"""A temporary file for rows whose side is not decided yet."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from training.dataset.manifest import OutputFile


class Block(NamedTuple):
    """Position of a submission's rows in the spool: `start` and `size` in bytes, and the number of `rows`."""

    start: int
    size: int
    rows: int


class Spool:
    """Rows on disk in blocks of one submission each; memory has only the blocks' positions."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, lines: Sequence[bytes]) -> Block:
        self._file.writelines(lines)
        block = Block(self._end, sum(map(len, lines)), len(lines))
        self._end += block.size
        return block

    def write(self, blocks: Iterable[Block], path: Path) -> OutputFile:
        """Writes the blocks to a new file in the given order, and syncs it to disk."""
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
