"""A request that is sent again gets the answer it got, by its `Idempotency-Key`. Knows no route.

Answers are kept as the text that was sent, for a day. Work that failed leaves no answer: it may be tried again at once.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller
from serving.api.service import Service
from serving.store.errors import StoreError
from serving.store.idempotency import LIMITS, Claim
from serving.store.store import Store

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Names this request: sent again within 24 hours, it gets the same answer without new work.",
    ),
]


async def once(
    service: Service,
    caller: Caller,
    request: Request,
    key: str | None,
    work: Callable[[str], Awaitable[BaseModel]],
    *,
    status: int = 200,
    student: str | None = None,
) -> Response:
    """The answer of `work`, or the one it gave before. `work` is told the name to record under, the same on a retry.

    `student`: the pseudonym with whom the answer is forgotten. Raises OtherBodyError and InProgressError.
    """
    if key is None:
        return _answer((await work(secrets.token_hex(16))).model_dump_json(), status)
    store, body = service.store, hashlib.sha256(await request.body()).hexdigest()
    scope = f"{caller.actor} {service.course} {request.method} {request.url.path}"
    claim = await run_in_threadpool(store.claim_request, scope, key, body, student=student)
    if claim.answer is not None:
        return _answer(claim.answer, status)
    done = asyncio.Event()
    working = asyncio.ensure_future(_say_so(store, claim, done))
    try:
        try:
            text = (await work(claim.request)).model_dump_json()
        finally:
            done.set()
            await asyncio.wait({working})  # lest it says so after the claim was given back
        return _answer(await run_in_threadpool(store.record_answer, claim, text), status)
    except BaseException:
        with suppress(StoreError):  # what went wrong before is what the caller must know
            await run_in_threadpool(store.release_claim, claim)
        raise


async def _say_so(store: Store, claim: Claim, done: asyncio.Event) -> None:
    """That the work goes on, until it is `done`. A store that is away for a moment is asked again."""
    while not done.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LIMITS.heartbeat_seconds)
            return
        with suppress(StoreError):
            await run_in_threadpool(store.renew_claim, claim)


def _answer(text: str, status: int) -> Response:
    return Response(text, status, media_type="application/json")
