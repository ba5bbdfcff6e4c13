"""The real service behind a real nginx with deploy/nginx.conf. Skipped where nginx is not installed."""

import getpass
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serving.api.server import server

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
CONFIG = Path(__file__).parents[4] / "deploy" / "nginx.conf"
HOST = "grader.example.edu"
MAIN = """
user {user};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/grader.conf;
}}
"""


class Proxy:
    """nginx with deploy/nginx.conf in front of a service. `key`: the header of a TA's key."""

    def __init__(self, port: int, key: dict[str, str], service: Any) -> None:
        self.port, self.key, self.service = port, key, service
        self.url = f"https://127.0.0.1:{port}"
        self.insecure = ssl.create_default_context()
        self.insecure.check_hostname, self.insecure.verify_mode = False, ssl.CERT_NONE

    def client(self, **options: Any) -> httpx.Client:
        headers = {"Host": HOST, **self.key}
        return httpx.Client(base_url=self.url, verify=self.insecure, headers=headers, timeout=30, **options)

    def connect(self) -> socket.socket:
        """A TLS connection; the caller closes it."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return self.insecure.wrap_socket(plain, server_hostname=HOST)

    def request(self, method: str = "GET", path: str = "/labs", *fields: str) -> bytes:
        """The head of a request with the key, without its final empty line."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: {self.key['Authorization']}", *fields]
        return "".join(f"{line}\r\n" for line in lines).encode()


@pytest.fixture
def behind_nginx(course: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts the service and nginx. Keyword arguments are those of the service; `timeouts` replaces nginx's."""

    @contextmanager
    def start(timeouts: dict[str, str] | None = None, **options: Any) -> Iterator[Proxy]:
        key = course.key("ta")
        app = course.serve(**options).app
        with _serving(app) as (port, http), _nginx(tmp_path, port, timeouts or {}) as listening:
            yield Proxy(listening, key, http)

    return start


@contextmanager
def _serving(app: Any) -> Iterator[tuple[int, Any]]:
    http = server(app, app.state.service.stopping, 10)
    http.config.port = 0
    running = threading.Thread(target=http.run)
    running.start()
    while not http.started:
        time.sleep(0.01)
    try:
        yield http.servers[0].sockets[0].getsockname()[1], http
    finally:
        http.should_exit = True
        running.join(20)
    assert not running.is_alive()


@contextmanager
def _nginx(folder: Path, upstream: int, timeouts: dict[str, str]) -> Iterator[int]:
    if NGINX is None:
        pytest.skip("nginx is not installed: requirements/debian-package nginx nginx")
    port, plain = _free_port(), _free_port()
    _write_certificate(folder)
    replacements = {
        r"server 127\.0\.0\.1:8000;": f"server 127.0.0.1:{upstream};",
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"listen 80;": f"listen 127.0.0.1:{plain};",
        r"ssl_certificate [^;]+;": f"ssl_certificate {folder}/cert.pem;",
        r"ssl_certificate_key [^;]+;": f"ssl_certificate_key {folder}/key.pem;",
        **{rf"\b{name} \w+;": f"{name} {value};" for name, value in timeouts.items()},
    }
    config = CONFIG.read_text(encoding="utf-8")
    for pattern, replacement in replacements.items():
        config, count = re.subn(pattern, replacement, config)
        assert count == 1, pattern
    (folder / "grader.conf").write_text(config)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=getpass.getuser()))
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    )
    try:
        _wait_for_port(port, process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for_port(port: int, process: Any, folder: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    pytest.fail((folder / "error.log").read_text())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    certificate = builder.sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
