"""Idempotent retries: a request with the same `Idempotency-Key` gets the stored response of the first.

The response text is stored for a day. Failed work stores none, so it may be retried at once.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from serving.api.service import CourseService
from serving.store.errors import StoreError
from serving.store.idempotency import LIMITS, Claim, RequestClaims

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Identifies this request: a retry within 24 hours gets the same response without new work.",
    ),
]


class Idempotency:
    """A dependency: the key of a request, by which it responds once. `key` is None without one."""

    def __init__(self, request: Request, service: CourseService, idempotency_key: IdempotencyKey = None) -> None:
        self._request, self._service, self.key = request, service, idempotency_key

    async def respond(
        self, work: Callable[[str], Awaitable[BaseModel]], *, status: int = 200, student: str | None = None
    ) -> Response:
        """The response of `work`, or the stored one. `work` gets the id to record under, which is the same on a retry.

        `student`: the pseudonym with which the stored response is deleted. Raises OtherBodyError and InProgressError.
        """
        if self.key is None:
            return _response((await work(secrets.token_hex(16))).model_dump_json(), status)
        request, claims = self._request, self._service.store.claims
        body = hashlib.sha256(await request.body()).hexdigest()
        scope = f"{request.state.caller.actor} {self._service.course.name} {request.method} {request.url.path}"
        claim = await run_in_threadpool(claims.take, scope, self.key, body, student=student)
        if claim.answer is not None:
            return _response(claim.answer, status)
        done = asyncio.Event()
        heartbeat = asyncio.ensure_future(_renew_claim(claims, claim, done))
        try:
            try:
                text = (await work(claim.request)).model_dump_json()
            finally:
                done.set()
                await asyncio.wait({heartbeat})  # it must not renew the claim after it was released
            return _response(await run_in_threadpool(claims.record_answer, claim, text), status)
        except BaseException:
            with suppress(StoreError):  # the caller needs the first error, not this one
                await run_in_threadpool(claims.release, claim)
            raise

    async def respond_in_thread(self, work: Callable[[str], BaseModel], status: int, student: str | None) -> Response:
        """As `respond`, for work that blocks."""
        return await self.respond(lambda request: run_in_threadpool(work, request), status=status, student=student)


RespondsOnce = Annotated[Idempotency, Depends()]


async def _renew_claim(claims: RequestClaims, claim: Claim, done: asyncio.Event) -> None:
    """Renews the claim until `done`. Retries while the store is unavailable."""
    while not done.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LIMITS.heartbeat_seconds)
            return
        with suppress(StoreError):
            await run_in_threadpool(claims.renew, claim)


def _response(text: str, status: int) -> Response:
    return Response(text, status, media_type="application/json")
