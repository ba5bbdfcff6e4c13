"""Sends the messages of webhooks on the published schedule until they are received or given up.

Any number of processes may send: a message is claimed by moving its due time. If a process ends while it sends, the
message is due again when the claim ends, under the same id, by which a receiver recognises it.
"""

import logging
import random
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Row, select, update

from labs_schema.errors import GraderError
from labs_schema.limits import WebhookLimits
from serving.jobs.poller import Poller
from serving.outbound.client import OutboundClient
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError
from serving.store.errors import StoreError
from serving.store.ledger import timestamp
from serving.store.platforms.webhook_tables import endpoints, messages
from serving.store.store import Store
from serving.webhooks.endpoints import Endpoints
from serving.webhooks.events import make_messages
from serving.webhooks.signing import endpoint_key, endpoint_secret, signed_headers

log = logging.getLogger("grader.webhooks")
LIMITS = WebhookLimits()
# Standard Webhooks, "Deliverability": seconds from one attempt to the next.
SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
BUSY = (429, 502, 504)
SECRET: tuple[Column[Any], ...] = (endpoints.c.secret_number, endpoints.c.key_tag, endpoints.c.old_until)


class WebhookSender(Poller):
    """`client` makes the requests. `clock` and `jitter` are replaced in tests."""

    def __init__(
        self,
        store: Store,
        client: OutboundClient,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = lambda: random.uniform(0.9, 1.1),
    ) -> None:
        super().__init__("webhooks", poll_seconds=LIMITS.poll_seconds, stop_seconds=LIMITS.stop_seconds)
        self._store, self._client, self._clock, self._jitter = store, client, clock, jitter
        self._reported = set[tuple[str, str]]()

    def look(self) -> int:
        """Makes new messages and sends those that are due; returns how many were sent."""
        make_messages(self._store, self._clock())
        sent, failing = 0, self._without_key()
        while not self._stopping.is_set() and (message := self._claim(failing)) is not None:
            keys = self._secrets(message)  # none if another process replaced the key just now
            if not keys or not self._send(message, keys):
                failing.add(message.endpoint)
            sent += bool(keys)
        return sent

    def _claim(self, failing: Collection[str]) -> Row[Any] | None:
        """A message that is due, of an endpoint that is not disabled. Its next due time is the end of the claim.

        Skips endpoints that failed in this round: one that does not answer must not delay the others.
        """
        now = self._clock()
        due = messages.c.due_at <= timestamp(now), endpoints.c.disabled_at.is_(None), endpoints.c.id.not_in(failing)
        query = select(messages, endpoints.c.url, *SECRET)
        joined = query.join(endpoints, endpoints.c.id == messages.c.endpoint).where(*due)
        with self._store.database.writing() as connection:
            for row in connection.execute(joined.order_by(messages.c.due_at).limit(10)).all():
                mine = messages.c.id == row.id, messages.c.due_at == row.due_at
                until = timestamp(now + timedelta(seconds=LIMITS.claim_seconds))
                if connection.execute(update(messages).where(*mine).values(due_at=until)).rowcount:
                    return row
        return None

    def _without_key(self) -> set[str]:
        """The endpoints whose messages this process cannot sign. They wait, for another process or a new secret."""
        query = select(endpoints.c.id.label("endpoint"), *SECRET).where(endpoints.c.disabled_at.is_(None))
        with self._store.database.reading() as connection:
            rows = connection.execute(query).all()
        return {row.endpoint for row in rows if not self._secrets(row)}

    def _secrets(self, message: Row[Any]) -> list[str]:
        """The secrets that sign a message: the current one and, after a rotation, the previous one. Empty without the
        key."""
        try:
            key = endpoint_key(self._store.database, message.endpoint, message.key_tag)
        except GraderError as error:
            self._report(message.endpoint, error)
            return []
        before = (message.old_until or "") > timestamp(self._clock())
        numbers = (message.secret_number, message.secret_number - 1)[: 1 + before]
        return [endpoint_secret(key, message.endpoint, number) for number in numbers]

    def _report(self, endpoint: str, error: GraderError) -> None:
        """Once for each fault, not at every look."""
        if (endpoint, error.code) not in self._reported:
            self._reported.add((endpoint, error.code))
            log.error("webhook %s: nothing is sent: %s (%s)", endpoint, error, error.code)

    def _send(self, message: Row[Any], keys: Sequence[str]) -> bool:
        """Whether it was received."""
        now, body = self._clock(), message.body.encode()
        headers = signed_headers(message.id, int(now.timestamp()), body, keys)
        try:
            response = self._client.request(
                "POST",
                message.url,
                content=body,
                headers=headers | {"Content-Type": "application/json"},
                max_bytes=LIMITS.answer_bytes,
            )
        except (OutboundFailedError, OutboundRefusedError, OutboundTooLargeError) as error:
            self._retry(message, error.code, 0)
            return False
        status = response.status_code
        if 200 <= status < 300:
            self._record(message, due_at=None, delivered_at=timestamp(self._clock()), result=str(status))
            return True
        if status == 410:
            self._disable(message, "the receiver answered 410 Gone")
            self._give_up(message, "410")
            return False
        wait = response.headers.get("Retry-After", "") if status in (*BUSY, 503) else ""
        self._retry(message, str(status), int(wait) if re.fullmatch(r"\d{1,6}", wait) else 0)
        return False

    def _retry(self, message: Row[Any], result: str, wait: int) -> None:
        """At the next time of the schedule, or after the receiver's Retry-After if that is later."""
        attempt = message.attempts + 1
        if attempt >= len(SCHEDULE):
            self._give_up(message, result)
            if not self._delivered_since(message):
                self._disable(message, "no message was received for about three days")
            return
        seconds = max(SCHEDULE[attempt] * self._jitter(), min(wait, SCHEDULE[-1]))
        due = timestamp(self._clock() + timedelta(seconds=seconds))
        self._record(message, attempts=attempt, due_at=due, result=result)

    def _give_up(self, message: Row[Any], result: str) -> None:
        dead = timestamp(self._clock())
        self._record(message, attempts=message.attempts + 1, due_at=None, dead_at=dead, result=result)

    def _delivered_since(self, message: Row[Any]) -> bool:
        later = messages.c.endpoint == message.endpoint, messages.c.delivered_at > message.at
        with self._store.database.reading() as connection:
            return connection.execute(select(messages.c.id).where(*later).limit(1)).first() is not None

    def _record(self, message: Row[Any], **values: Any) -> None:
        with self._store.database.writing() as connection:
            connection.execute(update(messages).where(messages.c.id == message.id).values(**values))

    def _disable(self, message: Row[Any], reason: str) -> None:
        log.warning("webhook %s is disabled: %s", message.endpoint, reason)
        with suppress(StoreError):
            Endpoints(self._store, "webhooks").disable(message.endpoint, reason)
