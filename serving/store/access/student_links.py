"""Links by which a student reaches the feedback of one grade. The store holds only the hashes of their tokens.

A link works until it expires, any number of times, and for no other grade.
"""

import secrets
from datetime import timedelta

from sqlalchemy import insert, select

from labs_schema.frozen import Frozen
from serving.store.access.keys import hash_token
from serving.store.database import Database
from serving.store.grades.grades import read_grade
from serving.store.ledger import audited_transaction, timestamp
from serving.store.tables import student_links


class LinkOptions(Frozen):
    """`include_review`: also show criteria that a person has not confirmed yet. `probabilities`: show them."""

    include_review: bool = False
    probabilities: bool = False


class StudentLink(LinkOptions):
    grade: str
    expires_at: str


class StudentLinks:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, grade_id: str, valid_for: timedelta, options: LinkOptions, *, actor: str) -> tuple[str, str]:
        """The token of a new link and its end. Raises UnknownError for an unknown grade."""
        now, token = self._database.now(), secrets.token_urlsafe(32)
        with audited_transaction(self._database) as ledger:
            read_grade(ledger.connection, grade_id)
            row = {"grade": grade_id, "expires_at": timestamp(now + valid_for), **options.model_dump()}
            created = {"token_hash": hash_token(token), "created_at": ledger.at}
            ledger.connection.execute(insert(student_links).values(**created, **row))
            detail = {"grade": grade_id, "expires_at": row["expires_at"]}
            ledger.append("student-link", actor, detail)
        return token, str(row["expires_at"])

    def find(self, token: str) -> StudentLink | None:
        """None for a token that is unknown or expired."""
        columns = [student_links.c[name] for name in StudentLink.model_fields]
        now = timestamp(self._database.now())
        same = student_links.c.token_hash == hash_token(token), student_links.c.expires_at > now
        with self._database.reading() as connection:
            row = connection.execute(select(*columns).where(*same)).one_or_none()
        return None if row is None else StudentLink(**row._mapping)
