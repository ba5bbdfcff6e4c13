"""Sends the messages of webhooks on the published schedule until they are received or given up.

Any number of processes may send: a message is claimed by moving its due time. If a process ends while it sends, the
message is due again when the claim ends, under the same id, by which a receiver recognises it.
"""

import logging
import random
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from labs_schema.limits import WebhookLimits
from serving.jobs.poller import Poller
from serving.outbound.client import OutboundClient
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError
from serving.store.errors import StoreError
from serving.store.ledger import timestamp
from serving.store.store import Store
from serving.webhooks.endpoints import Endpoints
from serving.webhooks.events import make_messages
from serving.webhooks.signing import signed_headers
from serving.webhooks.tables import endpoints, messages

log = logging.getLogger("grader.webhooks")
LIMITS = WebhookLimits()
# Standard Webhooks, "Deliverability": seconds from one attempt to the next.
SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
BUSY = (429, 502, 504)


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

    def look(self) -> int:
        """Makes new messages and sends those that are due; returns how many were sent."""
        make_messages(self._store, self._clock())
        sent, failing = 0, set[str]()
        while not self._stopping.is_set() and (message := self._claim(failing)) is not None:
            if not self._send(message):
                failing.add(message.endpoint)
            sent += 1
        return sent

    def _claim(self, failing: Collection[str]) -> Row[Any] | None:
        """A message that is due, of an endpoint that is not disabled. Its next due time is the end of the claim.

        None of the endpoints that failed in this look: one that does not answer must not hold up the others.
        """
        now = self._clock()
        due = messages.c.due_at <= timestamp(now), endpoints.c.disabled_at.is_(None), endpoints.c.id.not_in(failing)
        query = select(messages, endpoints.c.url, endpoints.c.secret, endpoints.c.old_secret, endpoints.c.old_until)
        joined = query.join(endpoints, endpoints.c.id == messages.c.endpoint).where(*due)
        with self._store.database.writing() as connection:
            for row in connection.execute(joined.order_by(messages.c.due_at).limit(10)).all():
                mine = messages.c.id == row.id, messages.c.due_at == row.due_at
                until = timestamp(now + timedelta(seconds=LIMITS.claim_seconds))
                if connection.execute(update(messages).where(*mine).values(due_at=until)).rowcount:
                    return row
        return None

    def _send(self, message: Row[Any]) -> bool:
        """Whether it was received."""
        now, body = self._clock(), message.body.encode()
        keys = [message.secret]
        if message.old_secret and (message.old_until or "") > timestamp(now):
            keys.append(message.old_secret)
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
