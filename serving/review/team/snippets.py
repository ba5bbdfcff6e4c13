"""Texts that TAs insert into comments: their own and those of the course."""

from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from labs_schema.limits import PageLimits
from serving.store.database import Database
from serving.store.errors import UnknownError
from serving.store.ledger import audited_transaction, printable_name
from serving.store.review.tables import snippets

LIMITS = PageLimits()


class Snippet(Frozen):
    """`owner` is the TA who alone uses it, None if all TAs of the course do; `actor` is who wrote it."""

    id: str
    actor: str
    owner: str | None
    text: str

    @property
    def shared(self) -> bool:
        return self.owner is None


class Snippets:
    """Thread-safe. Every method that writes is one audited transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, course: str, actor: str) -> list[Snippet]:
        """The snippets that a TA may use: their own, then those of the course, both sorted by text."""
        mine = or_(snippets.c.owner == actor, snippets.c.owner.is_(None))
        query = select(snippets).where(snippets.c.course == course, snippets.c.removed_at.is_(None), mine)
        with self._database.reading() as connection:
            found = [_snippet(row) for row in connection.execute(query)]
        return sorted(found, key=lambda each: (each.shared, each.text.casefold()))

    def add(self, course: str, text: str, *, shared: bool, request: str, actor: str) -> bool:
        """Idempotent per request. False if there are as many snippets as are allowed."""
        with audited_transaction(self._database) as ledger:
            connection = ledger.connection
            if connection.execute(select(snippets.c.id).where(snippets.c.request == request)).first():
                return True
            owner = None if shared else actor
            same = snippets.c.owner.is_(None) if shared else snippets.c.owner == actor
            there = select(snippets.c.id).where(snippets.c.course == course, snippets.c.removed_at.is_(None), same)
            if len(connection.execute(there).all()) >= LIMITS.snippets:
                return False
            row = ledger.new_row(
                actor,
                request=printable_name(request),
                course=printable_name(course),
                owner=owner,
                text_hash=canonical_hash(text),
            )
            connection.execute(insert(snippets).values(**row, text=text))
            ledger.append("snippet", actor, row)
            return True

    def remove(self, course: str, snippet: str, *, any_of_course: bool, actor: str) -> None:
        """Erases the text. `any_of_course`: also one that another person wrote. Idempotent.

        Raises UnknownError for a snippet that the TA may not remove.
        """
        with audited_transaction(self._database) as ledger:
            found = ledger.connection.execute(
                select(snippets).where(snippets.c.id == snippet, snippets.c.course == course)
            ).one_or_none()
            if found is None or (found.actor != actor and (found.owner is not None or not any_of_course)):
                raise UnknownError("There is no such snippet that you may remove.")
            if found.removed_at is None:
                row = update(snippets).where(snippets.c.id == snippet)
                ledger.connection.execute(row.values(text=None, removed_at=ledger.at))
                ledger.append("snippet-removal", actor, {"id": snippet})


def _snippet(row: Row[Any]) -> Snippet:
    return Snippet(id=row.id, actor=row.actor, owner=row.owner, text=row.text)
