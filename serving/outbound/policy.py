"""The hosts, schemes and ports that requests may go to."""

import re
from dataclasses import dataclass

import httpx

from labs_schema.errors import quoted
from labs_schema.settings import Settings
from serving.outbound.addresses import is_address, is_campus, is_public
from serving.outbound.errors import OutboundRefusedError

PORTS = frozenset({443, 8443})
"""Ports of hosts that are not on the allow-list."""
DEFAULT_PORTS = {"https": 443, "http": 80}
HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a URL; the host in lower case, without brackets and without a final dot."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class OutboundPolicy:
    """`allowed` origins may use http, any port and private addresses; all other hosts only https and `ports`."""

    allowed: frozenset[Origin] = frozenset()
    ports: frozenset[int] = PORTS

    def check_url(self, url: httpx.URL) -> Origin:
        """Raises OutboundRefusedError for a URL that no request may go to, whatever its host's address."""
        if url.userinfo:
            raise OutboundRefusedError("The URL contains a user name or a password.")
        origin = _origin(url)
        if origin in self.allowed:
            return origin
        if origin.scheme != "https":
            raise OutboundRefusedError(f"{_shown(origin)} is not https. {_ALLOW}")
        if origin.port not in self.ports:
            raise OutboundRefusedError(f"{_shown(origin)} has a port other than 443. {_ALLOW}")
        return origin

    def check_text(self, url: str) -> None:
        """Like `check_url`, for a URL that a person entered: also refuses a malformed one, and a private address."""
        if not url.isprintable():
            raise OutboundRefusedError("The URL has characters that are not printable.")
        try:
            origin = self.check_url(httpx.URL(url))
        except (httpx.InvalidURL, ValueError) as error:
            raise OutboundRefusedError("The URL is malformed.") from error
        if is_address(origin.host) and not self.permits(origin, origin.host):
            raise OutboundRefusedError(f"{_shown(origin)} is not a host of the public Internet. {_ALLOW}")

    def permits(self, origin: Origin, address: str) -> bool:
        """Whether a connection to `origin` may go to this one of its addresses."""
        return is_public(address) or (origin in self.allowed and is_campus(address))


_ALLOW = "If it is a host of your institution, add its origin to GRADER_OUTBOUND_ALLOW."


def configured_policy() -> OutboundPolicy:
    """The policy with the operator's allow-list. Raises OutboundRefusedError if an entry is not an origin."""
    return OutboundPolicy(frozenset(map(parse_origin, Settings().outbound_allow.split())))


def parse_origin(text: str) -> Origin:
    """`https://host`, `http://host:8080`. Raises OutboundRefusedError for anything else."""
    try:
        url = httpx.URL(text)
        origin = _origin(url)
    except (httpx.InvalidURL, OutboundRefusedError):
        origin = None
    if origin is None or url.userinfo or url.query or url.fragment or url.path not in ("", "/"):
        raise OutboundRefusedError(
            f"GRADER_OUTBOUND_ALLOW has the entry {quoted(text)}. Expected scheme and host, such as "
            "https://moodle.campus.example.",
            code="outbound-allow-list",
        )
    return origin


def _origin(url: httpx.URL) -> Origin:
    # The encoded host, as it is connected to: a name with full-width digits is the address that it is encoded as.
    host = url.raw_host.decode("ascii").lower()
    if url.scheme not in DEFAULT_PORTS or not HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise OutboundRefusedError("The URL is not http or https with a plain host name.")
    return Origin(url.scheme, host.removesuffix("."), url.port or DEFAULT_PORTS[url.scheme])


def _shown(origin: Origin) -> str:
    return f"{origin.scheme}://{origin.host[:80]}:{origin.port}"
