"""Private CAs and proxies: what a company's network asks of a client."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from finops_pack.errors import ConfigError
from finops_pack.report import tls
from finops_pack.report.client import Client, Reply
from finops_pack.report.keys import Secret
from finops_pack.report.tls import http_client, is_loopback
from finops_pack.server import run

HOST = "finops.test"  # never resolved: only a proxy can reach it


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem` and a server's certificate and key, signed by that CA."""
    folder = tmp_path_factory.mktemp("ca")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _certificate("our CA", ca_key, None, ca_key)
    leaf = _certificate(HOST, key, ca, ca_key)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem) + secret)
    return folder


def _certificate(name: str, key: Any, issuer: Any, signed_by: Any) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    return (
        x509.CertificateBuilder(
            issuer.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - dt.timedelta(days=1),
            now + dt.timedelta(days=1),
        )
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_signer(signed_by), critical=False)
        .add_extension(_usage(issuer is None), critical=True)
        .sign(signed_by, hashes.SHA256())
    )


def _signer(key: Any) -> x509.AuthorityKeyIdentifier:
    """What Python asks for from 3.13 on, as the next."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


@pytest.fixture
def https(platform: Callable[..., Any], authority: Path) -> Any:
    """A platform that speaks TLS with a certificate of the private CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    return platform(tls=context)


def ask(url: str) -> Reply:
    with Client(url, Secret("finops_x"), deadline=2) as client:
        return client.trends()


def test_a_connection_is_kept_while_an_agent_waits_for_its_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    came: list[Any] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        accept, monotonic = server.get_request, time.monotonic
        monkeypatch.setattr(server, "get_request", lambda: came.append(1) or accept())
        url = f"http://127.0.0.1:{server.server_port}"
        with http_client(url, 5) as client:
            client.get(url)
            monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 40)
            client.get(url)
            assert len(came) == 1
        monkeypatch.undo()
        server.shutdown()
    assert tls.KEPT_SECONDS < run.KEPT_SECONDS, "else the server may close what is asked on"


def test_an_unknown_ca_is_refused(https: Any) -> None:
    reply = ask(https.url)
    assert reply.kind == "retry"
    assert "certificate" in reply.message.lower()
    assert https.asked == []


def test_a_private_ca_is_trusted_where_named(
    https: Any, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    assert ask(https.url).kind == "ok"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_ca_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=variable):
        http_client("https://finops.test", 1)


def test_a_proxy_is_used_for_what_leaves_the_machine(
    https: Any, authority: Path, monkeypatch: pytest.MonkeyPatch, proxy: Any
) -> None:
    proxy.to = https.url.rpartition(":")[2]
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert ask(f"https://{HOST}").kind == "ok"
    assert proxy.asked == [f"CONNECT {HOST}:443"]


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(ConfigError, match="HTTPS_PROXY"):
        http_client("https://finops.test", 1)


def test_nor_is_its_password_repeated_when_it_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2/9@127.0.0.1:1")
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as refusal:
        http_client("https://finops.test", 1)
    assert "hunter2" not in f"{refusal.value}{refusal.value.mend}"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "a.localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(f"http://{host}:8765")
    assert not is_loopback("http://10.0.0.1")
    assert not is_loopback("https://localhost.evil.test")


class Proxy:
    """CONNECT to anywhere leads to one port of this machine."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.to = "0"
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += near.recv(1024)
        self.asked.append(" ".join(head.decode().split(" ")[:2]))
        with near, socket.create_connection(("127.0.0.1", int(self.to))) as far:
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for side in select.select([near, far], [], [], 2)[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (far if side is near else near).sendall(data)

    def close(self) -> None:
        """No more connections."""
        self._socket.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy on this machine."""
    made = Proxy()
    yield made
    made.close()
