"""Idempotent retries: a request sent again within 24 hours gets the first answer, also across processes and restarts.

A request is claimed before it is processed and answered afterwards; until then its holder renews the claim every
`heartbeat_seconds`. The claim of a crashed process is taken over: at once if the process is known to have ended, else
when its lease expires. Its `request` stays the same, so that grades recorded under it are not recorded again.

Claims are single rows under a primary key, changed in short transactions of their own. They are not audited, so that
a claim never waits for the audit log's lock. The clocks of machines that share a store must differ by less than the
lease.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from labs_schema.frozen import Frozen
from labs_schema.limits import IdempotencyLimits
from serving.store.database import Database, insert_new
from serving.store.errors import ForgottenError, InProgressError, OtherBodyError
from serving.store.ledger import timestamp
from serving.store.students import lock_student
from serving.store.tables import idempotency

LIMITS = IdempotencyLimits()
ANSWER_AGE = timedelta(hours=LIMITS.answer_hours)
LEASE = timedelta(seconds=LIMITS.lease_seconds)
SWEEP_ROWS = 500
PROC = Path("/proc")


class Claim(Frozen):
    """`answer` is the stored answer; None if this caller must process the request and then record an answer.

    `request` is the name to record grades under: random, as a client's own key may name a student.
    """

    id: str
    request: str
    holder: str
    answer: str | None


class RequestClaims:
    """Thread-safe. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._released: set[str] = set()
        """Holders in this process that gave up, perhaps while the database could not be reached."""

    def take(self, scope: str, key: str, body_hash: str, *, student: str | None = None) -> Claim:
        """The stored answer to this idempotency key, or a claim: finish it with `record_answer` or `release`.

        `scope`: API key id and route. `student`: the pseudonym with whom the answer is erased. Raises OtherBodyError
        (422), InProgressError (409), ForgottenError (410).
        """
        with self._database.writing() as connection:
            lock_student(connection, student)
            now = self._database.now()
            claim_id = hashlib.sha256(f"{scope}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
            mine, expired = idempotency.c.id == claim_id, timestamp(now - ANSWER_AGE)
            connection.execute(delete(idempotency).where(mine, idempotency.c.created_at <= expired))
            holder = f"{secrets.token_hex(8)} {this_process()}"
            fresh = {"id": claim_id, "request": secrets.token_hex(16), "holder": holder}
            times = {"created_at": timestamp(now), "claimed_at": timestamp(now)}
            if insert_new(connection, idempotency, [{**fresh, **times, "body_hash": body_hash, "student": student}]):
                _sweep(connection, expired)
                return Claim(**fresh, answer=None)
            row = connection.execute(select(idempotency).where(mine).with_for_update()).one_or_none()
            if row is None:  # erased with its student between the two statements
                raise InProgressError(
                    "The first request with this idempotency key was erased. Send this request again."
                )
            if row.body_hash != body_hash:
                raise OtherBodyError("This idempotency key was used with another body. Send a new key with a new body.")
            if row.answer is None:
                self._take_over(connection, now, row, holder)
            return Claim(id=row.id, request=row.request, holder=holder, answer=row.answer)

    def renew(self, claim: Claim) -> None:
        """Call every `heartbeat_seconds` while processing. Has no effect if another process took the claim over."""
        with self._database.writing() as connection:
            row = _own_row(claim).where(idempotency.c.answer.is_(None))
            connection.execute(row.values(claimed_at=timestamp(self._database.now())))

    def record_answer(self, claim: Claim, answer: str) -> str:
        """Stores the answer and returns the one to send: another's, if the claim was taken over and answered.

        Stores nothing once the student was forgotten.
        """
        mine = idempotency.c.id == claim.id
        with self._database.writing() as connection:
            student = connection.execute(select(idempotency.c.student).where(mine)).scalar_one_or_none()
            with suppress(ForgottenError):
                lock_student(connection, student)
                connection.execute(
                    update(idempotency).where(mine, idempotency.c.answer.is_(None)).values(answer=answer)
                )
            stored = connection.execute(select(idempotency.c.answer).where(mine)).scalar_one_or_none()
        return answer if stored is None else str(stored)

    def release(self, claim: Claim) -> None:
        """Called after a failure: a retry may start at once, in this process even if the database cannot be reached
        now."""
        self._released.add(claim.holder)
        with self._database.writing() as connection:
            connection.execute(_own_row(claim).values(claimed_at=""))
        self._released.discard(claim.holder)

    def _take_over(self, connection: Connection, now: datetime, row: Row[Any], holder: str) -> None:
        """Raises InProgressError unless the claim was released, or its process ended, or its lease expired."""
        ended = row.holder in self._released or has_ended(row.holder.partition(" ")[2])
        if row.claimed_at > timestamp(now - LEASE) and not ended:
            raise InProgressError("The first request with this idempotency key is still being processed.")
        same = update(idempotency).where(idempotency.c.id == row.id)
        connection.execute(same.values(holder=holder, claimed_at=timestamp(now)))


def _own_row(claim: Claim) -> Any:
    return update(idempotency).where(idempotency.c.id == claim.id, idempotency.c.holder == claim.holder)


def _sweep(connection: Connection, expired: str) -> None:
    """Deletes expired answers. Skips rows locked by others: waiting for them here could deadlock."""
    old = select(idempotency.c.id).where(idempotency.c.created_at <= expired).limit(SWEEP_ROWS)
    old = old.with_for_update(skip_locked=True)
    connection.execute(delete(idempotency).where(idempotency.c.id.in_(old)))


def this_process() -> str:
    """An id that no other process has, on any machine or in any container; "" where /proc is missing."""
    return _process_id(os.getpid())


def has_ended(process: str) -> bool:
    """Whether `process` is known to have ended. Always False for another machine or container, or without /proc."""
    namespace, _, rest = process.rpartition("/")
    pid, _, started = rest.partition("@")
    if not process or namespace != _pid_namespace():
        return False
    return _start_time(int(pid)) != started


@cache
def _process_id(pid: int) -> str:
    namespace, started = _pid_namespace(), _start_time(pid)
    return f"{namespace}/{pid}@{started}" if namespace and started else ""


@cache
def _pid_namespace() -> str:
    """Within one boot of one machine and one PID namespace, pid and start time identify a process."""
    with suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    return ""


def _start_time(pid: int) -> str:
    """Clock ticks from boot to the start of the process (proc(5), field 22); "" if there is none or it has ended."""
    with suppress(OSError):
        # The process name in parentheses may contain spaces and parentheses.
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]  # zombie or dead
    return ""
