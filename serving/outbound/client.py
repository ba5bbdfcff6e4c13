"""The HTTP client for course platforms, webhooks and key sets.

It follows no redirect and uses no proxy of the environment. Certificates are verified with certifi's list, or that of
SSL_CERT_FILE.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Any, Self

import httpcore
import httpx

from labs_schema.limits import OutboundLimits
from serving.outbound.connections import GuardedBackend, Resolve, resolve_host, time_limit
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError
from serving.outbound.policy import OutboundPolicy

LIMITS = OutboundLimits()
USER_AGENT = "grader"


class OutboundClient:
    """Sends requests one after another; thread-safe. Close it after use.

    `resolve` and `network` replace the name service and the network in tests.
    """

    def __init__(
        self,
        policy: OutboundPolicy,
        *,
        resolve: Resolve = resolve_host,
        network: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._policy, self._lock = policy, threading.Lock()
        self._backend = GuardedBackend(policy, resolve, network or httpcore.SyncBackend())
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=1,
            keepalive_expiry=LIMITS.keepalive_seconds,
            network_backend=self._backend,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def request(
        self, method: str, url: str, *, max_bytes: int = LIMITS.response_bytes, **content: Any
    ) -> httpx.Response:
        """The complete response, whatever its status. `content`: as for `httpx.Request` (headers, params, json, data).

        Raises OutboundRefusedError if the request was not sent, OutboundFailedError if there is no complete response
        within `OutboundLimits.request_seconds`, OutboundTooLargeError for a body above `max_bytes`.
        """
        try:
            request = httpx.Request(method, url, **content)
        except (httpx.InvalidURL, UnicodeError, TypeError, ValueError) as error:
            raise OutboundRefusedError(f"The request is malformed ({type(error).__name__}).") from error
        origin = self._policy.check_url(request.url)
        # A compressed response could be a thousand times larger than what was received.
        request.headers["Accept-Encoding"] = "identity"
        request.headers.setdefault("User-Agent", USER_AGENT)
        with self._lock, time_limit(LIMITS.request_seconds):
            self._backend.origin = origin
            return self._send(request, max_bytes)

    def _send(self, request: httpx.Request, max_bytes: int) -> httpx.Response:
        url = request.url
        prepared = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.read(),
            extensions={"timeout": {"connect": LIMITS.connect_seconds, "pool": LIMITS.connect_seconds}},
        )
        try:
            response = self._pool.handle_request(prepared)
            try:
                body = b"".join(_bounded(response.iter_stream(), max_bytes))
            finally:
                response.close()
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise OutboundFailedError(f"{url.host[:80]} did not answer ({type(error).__name__}).") from error
        headers = httpx.Headers(response.headers)
        if headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
            raise OutboundFailedError(f"{url.host[:80]} sent a compressed response, which was not requested.")
        reason = {"reason_phrase": response.extensions.get("reason_phrase", b"")}
        return httpx.Response(response.status, headers=headers, content=body, request=request, extensions=reason)


def decoded(response: httpx.Response) -> Any:
    """The JSON document in a response; None for anything else."""
    try:
        return response.json()
    except (ValueError, RecursionError):  # also bytes that are not text, and nesting without an end
        return None


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise OutboundTooLargeError(f"The response has more than {max_bytes:,} bytes.")
        yield chunk
