"""Of a request without a key in force no body is read: who has none cannot make the service hold or parse anything.

The refusal itself is the route's. Knows no route and no role.
"""

from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import answer
from serving.api.store_problems import store_problem
from serving.store.errors import StoreError
from serving.store.keys import ApiKey
from serving.store.store import Store


class AuthBeforeBody:
    """ASGI middleware. Leaves the key that it found in the request's state, as `key`."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self.app, self.store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if not ("content-length" in headers or "transfer-encoding" in headers):
            return await self.app(scope, receive, send)
        try:
            key = await self._key(headers.get("authorization"))
        except StoreError as error:
            return await answer(store_problem(error))(scope, receive, send)
        if key is None:
            return await self._without_body(scope, receive, send)
        scope.setdefault("state", {})["key"] = key
        return await self.app(scope, receive, send)

    async def _key(self, authorization: str | None) -> ApiKey | None:
        scheme, token = get_authorization_scheme_param(authorization)
        return await run_in_threadpool(self.store.find_key, token) if scheme.lower() == "bearer" and token else None

    async def _without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def nothing() -> Message:
            nonlocal begun
            if begun:
                return await receive()
            begun = True
            return {"type": "http.request"}

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, nothing, last)
