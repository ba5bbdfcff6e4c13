"""Connections to checked addresses only.

A host is resolved once for each connection, every address is checked, and the connection goes to a checked address:
a name server that gives a private address on the second query (DNS rebinding) changes nothing. TLS still verifies the
host's name.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION, NetworkBackend, NetworkStream

from serving.outbound.errors import OutboundRefusedError
from serving.outbound.policy import Origin, OutboundPolicy

Resolve = Callable[[str, int], list[str]]
"""Host and port -> its addresses."""
_deadline: ContextVar[float] = ContextVar("deadline")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Every wait for the network inside of the block ends with it: a server cannot prolong it byte by byte."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def _remaining(timeout: float | None) -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time limit of the request is over")
    return left if timeout is None else min(timeout, left)


def resolve_host(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises OSError if it has none, UnicodeError for a label that is too long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedBackend(NetworkBackend):
    """Opens TCP connections for an httpcore pool. `inner` connects to an address."""

    def __init__(self, policy: OutboundPolicy, resolve: Resolve, inner: NetworkBackend) -> None:
        self._policy, self._resolve, self._inner = policy, resolve, inner
        self.origin: Origin | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Raises OutboundRefusedError if any address of the host is not permitted, httpcore errors as usual."""
        origin = self.origin
        if origin is None or (host.lower().removesuffix("."), port) != (origin.host, origin.port):
            raise OutboundRefusedError("The connection is not for the URL that was checked.")
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host name cannot be resolved") from error
        if not addresses or not all(self._policy.permits(origin, each) for each in addresses):
            raise OutboundRefusedError(
                f"{origin.host[:80]} is not a host of the public Internet. If it is a host of your institution, add "
                "its origin to GRADER_OUTBOUND_ALLOW."
            )
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses[:4]:
            try:
                stream = self._inner.connect_tcp(address, port, _remaining(timeout), local_address, socket_options)
                return _LimitedStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, *_: Any, **__: Any) -> NetworkStream:
        raise OutboundRefusedError("Requests to local sockets are not permitted.")


class _LimitedStream(NetworkStream):
    """A connection whose waits end with the time limit of the request that uses it."""

    def __init__(self, inner: NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        return _LimitedStream(self._inner.start_tls(ssl_context, server_hostname, _remaining(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
