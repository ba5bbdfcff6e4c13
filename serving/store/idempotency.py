"""The same request sent twice gets the same answer, for 24 hours and across restarts.

A request is claimed before it is worked on and answered afterwards; meanwhile its holder says every `BEAT_SECONDS` that
it works. A claim that a crash left behind is taken over at once where the holder is known to have ended, else `LEASE`
after it was last heard of; its `request` stays the same, so that what was recorded under it is not recorded again.
"""

import hashlib
import secrets
from collections.abc import Container
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from labs_schema.frozen import Frozen
from serving.store.errors import InProgressError, OtherBodyError
from serving.store.ledger import Ledger, stamp
from serving.store.processes import has_ended, this_process
from serving.store.tables import idempotency

KEPT = timedelta(hours=24)
LEASE, BEAT_SECONDS = timedelta(seconds=30), 5.0
"""The clocks of machines that share a store must agree better than that."""


class Claim(Frozen):
    """`answer` is what was answered before; None where this caller is to do the work, and to say so by `answered`.

    `request` is the name to record grades under: random, as a client's own key may name a student.
    """

    id: str
    request: str
    holder: str
    answer: str | None


def claim(
    ledger: Ledger,
    now: datetime,
    scope: str,
    key: str,
    body_hash: str,
    student: str | None,
    given_up: Container[str] = (),
) -> Claim:
    """`scope` is who asks and for what (key id and route), `student` the pseudonym with which the answer must go.

    `given_up`: holders who are known to work no more, though they could not say so to the database. Raises
    OtherBodyError and InProgressError.
    """
    connection = ledger.connection
    connection.execute(delete(idempotency).where(idempotency.c.created_at <= stamp(now - KEPT)))
    name = hashlib.sha256(f"{scope}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    found = connection.execute(select(idempotency).where(idempotency.c.id == name)).one_or_none()
    holder = f"{secrets.token_hex(8)} {this_process()}"
    if found is None:
        fresh = {"id": name, "request": secrets.token_hex(16), "holder": holder}
        times = {"created_at": ledger.at, "claimed_at": ledger.at}
        connection.execute(insert(idempotency).values(**fresh, **times, body_hash=body_hash, student=student))
        return Claim(**fresh, answer=None)
    if found.body_hash != body_hash:
        raise OtherBodyError("This idempotency key was used with another body. Send a new key with a new body.")
    if found.answer is None:
        ended = found.holder in given_up or has_ended(found.holder.partition(" ")[2])
        if found.claimed_at > stamp(now - LEASE) and not ended:
            raise InProgressError("The first request with this idempotency key is still being worked on.")
        mine = update(idempotency).where(idempotency.c.id == name)
        connection.execute(mine.values(holder=holder, claimed_at=ledger.at))
    return Claim(id=name, request=found.request, holder=holder, answer=found.answer)


def still_held(connection: Connection, mine: Claim, at: str) -> None:
    """The work goes on at the time `at`. Nothing where another has taken the claim over."""
    held = update(idempotency).where(idempotency.c.id == mine.id, idempotency.c.holder == mine.holder)
    connection.execute(held.where(idempotency.c.answer.is_(None)).values(claimed_at=at))


def answered(ledger: Ledger, mine: Claim, answer: str) -> str:
    """Keeps `answer`, unless another has taken the claim over and answered: then that one is the answer."""
    row = idempotency.c.id == mine.id
    unanswered = update(idempotency).where(row, idempotency.c.answer.is_(None))
    ledger.connection.execute(unanswered.values(answer=answer))
    kept = ledger.connection.execute(select(idempotency.c.answer).where(row)).scalar_one_or_none()
    return answer if kept is None else str(kept)


def abandoned(ledger: Ledger, mine: Claim) -> None:
    """Gives the claim back, so that a retry may be made at once: for work that failed and left no answer."""
    held = update(idempotency).where(idempotency.c.id == mine.id, idempotency.c.holder == mine.holder)
    ledger.connection.execute(held.values(claimed_at=""))
