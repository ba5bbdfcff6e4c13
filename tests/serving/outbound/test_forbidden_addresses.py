"""No spelling of a private address is reached: every connection attempt and a real listener are watched."""

import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore
import pytest

from serving.outbound.client import OutboundClient
from serving.outbound.connections import resolve_host
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError
from serving.outbound.policy import Origin, OutboundPolicy

WIDE_DIGITS = "127.0.0.1".translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})
LOOPBACK = [
    *("127.0.0.1", "127.1", "127.0.1", "127.127.127.127", "127.255.255.254", "2130706433", "017700000001"),
    *("0x7f000001", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "0177.0.0.01", "0x7f.0x0.0x0.0x1", "127.0.0.1.", "localhost"),
    *("LOCALHOST", "localhost.", "0", "0.0.0.0", "0x0", "00.00", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[0000::0001]", "[64:ff9b::127.0.0.1]"),
    *(
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::1]",
        "[2002:7f00:1::]",
        WIDE_DIGITS,
        "127。0。0。1",
    ),
    *("①②⑦.⓪.⓪.①", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"),
]
PRIVATE = [
    *("10.0.0.1", "10.255.255.255", "10.1", "0xa.1", "167772161", "012.0.0.1", "172.16.0.1", "172.31.255.254"),
    *("192.168.0.1", "192.168.257", "3232235521", "0xc0a80001", "100.64.0.1", "100.127.255.254", "[fc00::1]"),
    *("[fd12:3456:789a::1]", "[::ffff:10.0.0.1]", "[::ffff:c0a8:1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]"),
    *("[2002:c0a8:101::1]", "[fe80::1]", "[fec0::1]", "[::10.0.0.1]"),
]
METADATA = [
    *("169.254.169.254", "169.254.1.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe"),
    *("169.254.43518", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[fd00:ec2::254]"),
    *("[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "168.63.129.16", "0xa83f8110", "100.100.100.200"),
]
SPECIAL = [
    *("0.1.2.3", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "4294967295", "[ff02::1]"),
    *("[100::1]", "[2001::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[::ffff:224.0.0.1]", "[ff0e::1]"),
]
FORBIDDEN = LOOPBACK + PRIVATE + METADATA + SPECIAL


class Network(httpcore.NetworkBackend):
    """Records where connections go, and opens those to this machine."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        self.connected.append(host)
        if host not in ("127.0.0.1", "::1"):
            raise httpcore.ConnectError("not on this machine")
        return httpcore.SyncBackend().connect_tcp(host, port, *args, **options)


class Listener:
    """A web server on this machine; `paths` are the requests that it received."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.paths.append(self.path)
                if self.path == "/redirect":
                    self.send_response(302)
                    self.send_header("Location", f"http://127.0.0.1:{listener.port}/secret")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> Origin:
        return Origin("http", "127.0.0.1", self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def answers(*rounds: Iterable[str]) -> Any:
    """A name service that gives the next list of addresses on each query."""
    left = list(rounds)
    return lambda *_: list(left.pop(0))


def test_there_are_at_least_80_different_spellings() -> None:
    assert len(set(FORBIDDEN)) >= 80


@pytest.mark.parametrize("host", FORBIDDEN)
def test_a_forbidden_address_is_never_connected_to(host: str, listener: Listener) -> None:
    network = Network()
    policy = OutboundPolicy(ports=frozenset({listener.port, 443}))
    before = len(listener.paths)
    with OutboundClient(policy, network=network) as client:
        for port in (listener.port, 443):
            with pytest.raises((OutboundRefusedError, OutboundFailedError)):
                client.request("GET", f"https://{host}:{port}/")
    assert network.connected == []
    assert len(listener.paths) == before


@pytest.mark.parametrize("host", FORBIDDEN)
def test_an_allowed_name_never_leads_to_metadata_or_special_addresses(host: str) -> None:
    """The allow-list opens private networks, not the rest."""
    try:
        addresses = resolve_host(host.strip("[]"), 443)
    except (OSError, UnicodeError):
        return  # not a name for this machine's resolver
    origin, network = Origin("https", "lms.campus.example", 443), Network()
    policy = OutboundPolicy(frozenset({origin}))
    campus = host in LOOPBACK + PRIVATE and all(policy.permits(origin, each) for each in addresses)
    with (
        OutboundClient(policy, resolve=answers(addresses), network=network) as client,
        pytest.raises((OutboundRefusedError, OutboundFailedError)),
    ):
        client.request("GET", "https://lms.campus.example/")
    assert bool(network.connected) == campus


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%eth0", "x"])
@pytest.mark.parametrize("order", [1, -1])
def test_one_forbidden_answer_among_good_ones_refuses_the_host(bad: str, order: int) -> None:
    network = Network()
    mixed = ["93.184.216.34", bad, "2606:2800:220:1::1"][::order]
    with (
        OutboundClient(OutboundPolicy(), resolve=answers(mixed), network=network) as client,
        pytest.raises(OutboundRefusedError),
    ):
        client.request("GET", "https://lms.example/")
    assert network.connected == []


def test_a_second_resolution_to_a_private_address_is_refused() -> None:
    """DNS rebinding: the first connection goes to the address that was checked, and each connection is checked."""
    network = Network()
    resolve = answers(["93.184.216.34"], ["127.0.0.1"])
    with OutboundClient(OutboundPolicy(), resolve=resolve, network=network) as client:
        with pytest.raises(OutboundFailedError):
            client.request("GET", "https://lms.example/")
        assert network.connected == ["93.184.216.34"]
        with pytest.raises(OutboundRefusedError):
            client.request("GET", "https://lms.example/")
    assert network.connected == ["93.184.216.34"]


def test_a_redirect_is_returned_and_not_followed(listener: Listener) -> None:
    with OutboundClient(OutboundPolicy(frozenset({listener.origin}))) as client:
        response = client.request("GET", f"http://127.0.0.1:{listener.port}/redirect")
    assert response.status_code == 302
    assert "/secret" not in listener.paths


def test_a_proxy_of_the_environment_is_not_used(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    before = len(listener.paths)
    network = Network()
    with (
        OutboundClient(OutboundPolicy(), resolve=answers(["93.184.216.34"]), network=network) as client,
        pytest.raises(OutboundFailedError),
    ):
        client.request("GET", "https://lms.example/")
    assert network.connected == ["93.184.216.34"]
    assert len(listener.paths) == before


def test_an_allowed_origin_is_reached_exactly_as_listed(listener: Listener) -> None:
    with OutboundClient(OutboundPolicy(frozenset({listener.origin}))) as client:
        assert client.request("GET", f"http://127.0.0.1:{listener.port}/ok").status_code == 200
        with pytest.raises(OutboundRefusedError):
            client.request("GET", f"https://127.0.0.1:{listener.port}/")
        with pytest.raises(OutboundRefusedError):
            client.request("GET", f"http://localhost:{listener.port}/")
        with pytest.raises(OutboundRefusedError):
            client.request("GET", f"http://127.0.0.1:{listener.port + 1}/")
    assert "/ok" in listener.paths
