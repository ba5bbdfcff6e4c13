"""Endpoints of webhooks and their dead messages. Every change is entered into the audit log."""

import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Literal, get_args

from pydantic import Field
from sqlalchemy import Row, case, func, insert, select, update

from labs_schema.errors import GraderError, issue_texts
from labs_schema.frozen import Frozen
from labs_schema.limits import WebhookLimits
from serving.outbound.policy import OutboundPolicy
from serving.store.access.session_key import session_key_file
from serving.store.errors import UnknownError
from serving.store.ledger import Ledger, audited_transaction, printable_name, timestamp
from serving.store.platforms.webhook_tables import endpoints, messages
from serving.store.store import Store
from serving.store.tables import audit_head
from serving.store.verification.webhook_rows import endpoint_version
from serving.webhooks.signing import endpoint_key, endpoint_secret, key_tag

EventName = Literal[
    "grade.accepted",
    "grade.needs_review",
    "grade.overridden",
    "regrade.requested",
    "regrade.answered",
    "delivery.conflict",
    "delivery.failed",
    "job.completed",
    "job.failed",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)
WEBHOOK_ID = "The id of the webhook."


class WebhookFault(Frozen):
    """The reason why messages wait."""

    code: str = Field(description="A stable name of the kind of problem.")
    message: str = Field(description="What is wrong, with the file.")
    hint: str = Field(description="How to fix it.")


class WebhookEndpoint(Frozen):
    """A receiver of events."""

    id: str = Field(description=WEBHOOK_ID)
    at: str = Field(description="When it was added: UTC, ISO 8601.")
    url: str = Field(description="Where messages are sent.")
    events: tuple[str, ...] = Field(description="The events that are sent.")
    course: str | None = Field(description="Null: those of all courses.")
    disabled_at: str | None = Field(description="Null while messages are sent.")
    disabled_reason: str | None = Field(description="Why no more messages are sent.")
    waiting: int = Field(description="The number of messages that have not been received yet.")
    dead: int = Field(description="The number of messages that could not be delivered.")
    fault: WebhookFault | None = Field(description="Why messages cannot be signed and wait; null if they can.")


class DeadMessage(Frozen):
    """A message that could not be delivered."""

    id: str = Field(description="The id of the message, which its receiver gets as `webhook-id`.")
    endpoint: str = Field(description=WEBHOOK_ID)
    event: str = Field(description="The event.")
    at: str = Field(description="When it happened: UTC, ISO 8601.")
    attempts: int = Field(description="The number of attempts to send it.")
    result: str | None = Field(description="The status of the last answer, or the code of the failure.")


class Endpoints:
    """`actor` is who changes them, for the audit log. All methods raise StoreError; those that return a secret raise
    GraderError (`bad-session-key`) if the key from which it is derived cannot be used."""

    def __init__(self, store: Store, actor: str) -> None:
        self._store, self._actor = store, actor

    def add(
        self, url: str, events: Sequence[str], course: str | None, policy: OutboundPolicy
    ) -> tuple[WebhookEndpoint, str]:
        """The endpoint and its secret. Only events from now on are sent.

        Raises OutboundRefusedError for a URL that no message may go to, GraderError for an unknown event.
        """
        policy.check_text(url)
        printable_name(url)
        if unknown := [each for each in events if each not in EVENTS]:
            raise GraderError(
                f"Unknown event {unknown[0][:40]!r}. Expected: {', '.join(EVENTS)}.", code="unknown-event"
            )
        key, identifier = self._key(), secrets.token_hex(8)
        with self._ledger() as ledger:
            row: dict[str, Any] = {"id": identifier, "at": ledger.at, "actor": self._actor, "url": url}
            row |= {"course": course, "since": ledger.at}
            row |= {"events": " ".join(events or EVENTS), "secret_number": 1, "key_tag": key_tag(key, identifier)}
            row["cursor"] = ledger.seq - 1  # the last entry before this transaction
            added = ledger.connection.execute(insert(endpoints).values(row).returning(endpoints)).one()
            self._record(ledger, added, "added")
        return self.read(identifier), endpoint_secret(key, identifier, 1)

    def read(self, identifier: str) -> WebhookEndpoint:
        """Raises UnknownError."""
        found = [each for each in self.all() if each.id == identifier]
        if not found:
            raise _unknown(identifier)
        return found[0]

    def all(self) -> list[WebhookEndpoint]:
        """Every endpoint, also disabled ones, oldest first."""
        count = select(messages.c.endpoint, func.count().label("number")).group_by(messages.c.endpoint)
        with self._store.database.reading() as connection:
            rows = connection.execute(select(endpoints).order_by(endpoints.c.at)).all()
            waiting = _counts(connection.execute(count.where(messages.c.due_at.is_not(None))))
            dead = _counts(connection.execute(count.where(messages.c.dead_at.is_not(None))))
        return [_endpoint(row, waiting.get(row.id, 0), dead.get(row.id, 0), self._fault(row)) for row in rows]

    def disable(self, identifier: str, reason: str = "by hand") -> WebhookEndpoint:
        """No more messages are made for it or sent to it. Raises UnknownError."""
        self._change(identifier, "disabled", {"disabled_at": self._now(), "disabled_reason": reason})
        return self.read(identifier)

    def enable(self, identifier: str) -> WebhookEndpoint:
        """Events during the pause are not sent. Raises UnknownError."""
        with self._store.database.reading() as connection:
            head = connection.execute(select(audit_head.c.seq)).scalar_one()
        fresh = {"disabled_at": None, "disabled_reason": None, "cursor": head, "since": self._now()}
        self._change(identifier, "enabled", fresh)
        return self.read(identifier)

    def rotate(self, identifier: str) -> str:
        """A new secret. The old one signs too for `WebhookLimits.rotation_hours`, unless it was derived from another
        key. Raises UnknownError."""
        key = self._key()
        tag, until = key_tag(key, identifier), self._now(timedelta(hours=WebhookLimits().rotation_hours))
        new = {"secret_number": endpoints.c.secret_number + 1, "key_tag": tag}
        new["old_until"] = case((endpoints.c.key_tag == tag, until))
        return endpoint_secret(key, identifier, self._change(identifier, "rotated", new).secret_number)

    def dead(self, identifier: str | None = None, limit: int | None = None) -> list[DeadMessage]:
        """Messages that were given up, oldest first."""
        query = select(messages).where(messages.c.dead_at.is_not(None)).order_by(messages.c.at, messages.c.id)
        query = query.limit(limit)
        if identifier is not None:
            query = query.where(messages.c.endpoint == identifier)
        columns = tuple(DeadMessage.model_fields)
        with self._store.database.reading() as connection:
            return [DeadMessage(**{name: getattr(row, name) for name in columns}) for row in connection.execute(query)]

    def replay(self, message: str, *, of: str | None = None) -> int:
        """Sends dead messages again, with a new schedule: one, or all of an endpoint. Returns their number.

        `of`: only a message of this endpoint. Raises UnknownError if there is none.
        """
        named = (messages.c.id == message) | (messages.c.endpoint == message)
        if of is not None:
            named &= messages.c.endpoint == of
        with self._ledger() as ledger:
            fresh = {"dead_at": None, "attempts": 0, "due_at": ledger.at}
            dead = update(messages).where(messages.c.dead_at.is_not(None), named)
            count = int(ledger.connection.execute(dead.values(fresh)).rowcount)
            if not count:
                raise UnknownError(f"No dead message of {message[:40]!r}. List them with: grader webhooks dead")
            ledger.append("webhook", self._actor, {"id": message, "change": "replayed"})
        return count

    def _change(self, identifier: str, change: str, values: dict[str, Any]) -> Row[Any]:
        """The changed row."""
        changed = update(endpoints).where(endpoints.c.id == identifier).values(values).returning(endpoints)
        with self._ledger() as ledger:
            if (row := ledger.connection.execute(changed).one_or_none()) is None:
                raise _unknown(identifier)
            self._record(ledger, row, change)
        return row

    def _record(self, ledger: Ledger, row: Row[Any], change: str) -> None:
        """Records the hash of the new state, so that `grader audit verify` finds a change that is not in the log."""
        ledger.append("webhook", self._actor, {"id": row.id, "change": change, "version": endpoint_version(row)})

    def _key(self) -> bytes:
        return session_key_file(self._store.database).read()

    def _fault(self, row: Row[Any]) -> WebhookFault | None:
        try:
            endpoint_key(self._store.database, row.id, row.key_tag)
        except GraderError as error:
            return WebhookFault(code=error.code, message=str(error), hint=issue_texts()[error.code]["hint"])
        return None

    def _ledger(self) -> AbstractContextManager[Ledger]:
        return audited_transaction(self._store.database)

    def _now(self, later: timedelta = timedelta()) -> str:
        return timestamp(self._store.database.now() + later)


def _counts(rows: Iterable[Row[Any]]) -> dict[str, int]:
    return {row.endpoint: row.number for row in rows}


def _unknown(identifier: str) -> UnknownError:
    return UnknownError(f"Unknown webhook {identifier[:40]!r}. List them with: grader webhooks list")


def _endpoint(row: Row[Any], waiting: int, dead: int, fault: WebhookFault | None) -> WebhookEndpoint:
    columns = ("id", "at", "url", "course", "disabled_at", "disabled_reason")
    values = {name: getattr(row, name) for name in columns}
    return WebhookEndpoint(**values, events=tuple(row.events.split()), waiting=waiting, dead=dead, fault=fault)
