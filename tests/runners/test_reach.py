"""Which addresses are understood, whom TLS trusts, what a fork does to clients. Real hosts: tests/live/test_reach.py."""

import datetime
import http.server
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import Host, SshFiles, TlsFiles
from runners.reach import Reach, _agree
from runners.tunnel import Tunnel


@pytest.fixture
def reach() -> Iterator[Reach]:
    made = Reach()
    yield made
    made.close()


class _Engine(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}' if self.path.endswith("/version") else b"OK"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Authority:
    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    @property
    def cert(self) -> str:
        return str(self.folder / "cert.pem")

    @property
    def private(self) -> str:
        return str(self.folder / "key.pem")


def authority(folder: Path) -> Authority:
    """An authority, and a certificate for 127.0.0.1 that it signed."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _signed(_name("ca"), key, _name("ca"), key, x509.BasicConstraints(ca=True, path_length=None))
    own = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = Authority(folder, key, ca)
    pem = serialization.Encoding.PEM
    Path(made.ca).write_bytes(ca.public_bytes(pem))
    Path(made.cert).write_bytes(_signed(_name("engine"), own, _name("ca"), key, names).public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    Path(made.private).write_bytes(own.private_bytes(pem, *plain))
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(subject, key, issuer, by, extension) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(
        now - datetime.timedelta(hours=1)
    )
    builder = builder.not_valid_after(now + datetime.timedelta(hours=1)).add_extension(
        extension, critical=True
    )
    for more in (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()),
    ):  # Python 3.13 refuses certificates without them
        builder = builder.add_extension(more, critical=False)
    if isinstance(extension, x509.BasicConstraints):
        builder = builder.add_extension(_SIGNS, critical=True)
    return builder.sign(by, hashes.SHA256())


@pytest.fixture
def engine_of(tmp_path: Path):
    """Starts a TLS engine with an authority's certificate; its address."""
    servers = []

    def start(who: Authority) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Engine)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(who.cert, who.private)
        context.load_verify_locations(who.ca)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # refused handshakes are what is tested
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return f"tcp://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def host(engine: str, tls: TlsFiles | None = None) -> Host:
    return Host("web-1", engine, "127.0.0.1", tls=tls)


def test_impostor_is_refused_even_when_the_environment_trusts_it(reach, engine_of, tmp_path, monkeypatch):
    """requests prefers REQUESTS_CA_BUNDLE to the pinned authority unless it is told not to look."""
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", theirs.ca)
    monkeypatch.setenv("CURL_CA_BUNDLE", theirs.ca)
    pinned = TlsFiles(ours.ca, ours.cert, ours.private)

    with pytest.raises(Rejected, match=r"hosts\.web-1\.tls"):
        reach.client(host(engine_of(theirs), pinned))

    assert reach.client(host(engine_of(ours), pinned)).version()["ApiVersion"] == "1.41"


def test_client_is_kept_and_its_version_asked_once(reach, engine_of, tmp_path):
    ours = authority(tmp_path / "ours")
    known = host(engine_of(ours), TlsFiles(ours.ca, ours.cert, ours.private))

    assert reach.client(known) is reach.client(known)
    assert reach.client(known, 5) is not reach.client(known)
    assert reach.client(known).api_version == "1.41"


def test_child_of_a_fork_opens_clients_of_its_own(reach, engine_of, tmp_path):
    ours = authority(tmp_path / "ours")
    known = host(engine_of(ours), TlsFiles(ours.ca, ours.cert, ours.private))
    mine = reach.client(known)
    real = os.getpid()
    try:
        reach._pid = real + 1  # what a child finds: kept by another process
        assert reach.client(known) is not mine
    finally:
        mine.close()


def test_tls_file_that_cannot_be_read_is_named(reach):
    with pytest.raises(Rejected, match=r"tls\.ca '/no/ca'"):
        reach.client(host("tcp://127.0.0.1:1", TlsFiles("/no/ca", "/no/cert", "/no/key")))


@pytest.mark.parametrize(
    "engine", ["http://x", "tcp://", "unix:", "", "-x", "tcp://-x:1", "npipe:////./pipe/x"]
)
def test_address_that_is_not_understood_is_rejected(reach, engine: str):
    with pytest.raises(Rejected, match="Write unix"):
        reach.client(host(engine))


@pytest.mark.parametrize(
    "engine",
    ["ssh://-oProxyCommand=x", "ssh://-x@web", "ssh://", "ssh://a b@web", "ssh://u@we$(id)b", "ssh://u@-web"],
)
def test_ssh_address_that_could_be_an_option_is_rejected(reach, engine: str):
    with pytest.raises(Rejected, match="not an ssh address"):
        reach.client(host(engine))


def test_missing_socket_is_unreachable_and_named(reach, tmp_path):
    with pytest.raises(Unreachable, match=r"web-1.*No such file"):
        reach.client(host(f"unix://{tmp_path}/engine.sock"))


@pytest.mark.parametrize(
    ("theirs", "least", "agreed"),
    [("1.41", "1.12", "1.41"), ("9.99", "1.24", None), ("1.40", "", "1.40")],
)
def test_version_is_the_newest_that_both_speak(theirs: str, least: str, agreed: str | None):
    found = _agree(host("tcp://x:1"), {"ApiVersion": theirs, "MinAPIVersion": least})

    assert found == agreed or (agreed is None and found < theirs)


@pytest.mark.parametrize("theirs", ["1.39", "", "1.24"])
def test_engine_that_is_too_old_is_said(theirs: str):
    with pytest.raises(Rejected, match=r"19\.03"):
        _agree(host("tcp://x:1"), {"ApiVersion": theirs})


def test_ssh_never_asks_and_never_trusts_a_new_key():
    tunnel = Tunnel(replace(host("ssh://ada@10.0.0.1:2222"), ssh=SshFiles("/id", "/known")))
    words = tunnel._words
    tunnel.close()

    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ExitOnForwardFailure=yes"} <= set(words)
    assert {"UserKnownHostsFile=/known", "IdentitiesOnly=yes", "2222"} <= set(words)
    assert words[-1] == "ada@10.0.0.1"
