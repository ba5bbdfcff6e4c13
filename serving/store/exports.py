"""The folders into which results were written, under students' ids, so that forgetting finds them. Reads no file."""

import socket
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from labs_schema.frozen import Frozen
from serving.store.tables import exports


class Export(Frozen):
    """`path` is absolute, on the machine `host`; `at`: when it was last written, with results of `course`, None where
    that was not noted yet."""

    host: str
    path: Path
    at: str
    course: str | None

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()


def exported(connection: Connection, course: str, folder: Path, at: str) -> None:
    """Notes that results of `course` are written into `folder` of this machine: before they are, lest a kill hide
    them."""
    place = {"host": socket.gethostname(), "path": str(folder.resolve())}
    known = exports.c.host == place["host"], exports.c.path == place["path"]
    if not connection.execute(update(exports).where(*known).values(at=at, course=course)).rowcount:
        connection.execute(insert(exports).values(**place, at=at, course=course))


def read_exports(connection: Connection, course: str | None) -> list[Export]:
    """Those that were written and may be of `course`, or all, the oldest first; some may be gone from the disk."""
    found = connection.execute(select(exports).order_by(exports.c.at, exports.c.host, exports.c.path))
    every = [Export.model_validate(dict(row._mapping)) for row in found]
    return [each for each in every if course is None or each.course in (course, None)]
