"""Texts of students and TAs, as erasable rows under keyed hashes.

The hash is an HMAC-SHA-256 with the student's secret over canonical JSON. Everything that stays after a student is
forgotten refers to contents by this hash, which reveals nothing once the secret is deleted: a plain hash could be
confirmed by anyone who has the program or guesses the id.
"""

import hmac
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from labs_schema.hashes import canonical_json
from serving.store.database import insert_new
from serving.store.tables import contents


class Content(NamedTuple):
    """A row of `contents`: keyed hash, pseudonym, canonical JSON."""

    hash: str
    student: str
    document: str


def keyed_hash(secret: str, document: str) -> str:
    """64 hexadecimal digits. `document` is canonical JSON."""
    return hmac.new(bytes.fromhex(secret), document.encode("ascii"), "sha256").hexdigest()


def make_content(pseudonym: str, secret: str, value: object) -> Content:
    """The row of `value`, which is plain JSON."""
    document = canonical_json(value)
    return Content(keyed_hash(secret, document), pseudonym, document)


def store_contents(connection: Connection, rows: Sequence[Content]) -> None:
    """Inserts the rows that are not stored yet."""
    insert_new(connection, contents, [row._asdict() for row in rows])
