"""Authority, server and client certificates for the host that is reached by mutual TLS, made with openssl. Never renewed:
a lab does not live that long."""

from pathlib import Path

from tests.lab.commands import run

_YEARS = "825"


def files(folder: Path) -> dict[str, str]:
    """What a client needs, as lab.json says it."""
    return {
        "ca": str(folder / "ca.pem"),
        "cert": str(folder / "client-cert.pem"),
        "key": str(folder / "client-key.pem"),
    }


def make(folder: Path, address: str) -> None:
    """Elliptic keys; the server's certificate is bound to `address`. What is there is kept."""
    if (folder / "client-cert.pem").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    authority(folder)
    signed(folder, "server", f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
    signed(folder, "client", "extendedKeyUsage=clientAuth\n")


def authority(folder: Path) -> None:
    _key(folder / "ca-key.pem")
    run(["openssl", "req", "-x509", "-new", "-key", str(folder / "ca-key.pem"), "-sha256", "-days", _YEARS,
         "-subj", "/CN=shipway-lab", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
         "-out", str(folder / "ca.pem")])  # fmt: skip


def signed(folder: Path, name: str, extensions: str, common_name: str = "") -> None:
    """A new key and its certificate, `<name>-key.pem` and `<name>-cert.pem`."""
    key, request, extra = (folder / f"{name}{end}" for end in ("-key.pem", ".csr", ".ext"))
    _key(key)
    # Python 3.13 refuses certificates without these two
    extra.write_text(f"{extensions}subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run(
        [
            "openssl",
            "req",
            "-new",
            "-key",
            str(key),
            "-subj",
            f"/CN={common_name or 'shipway-lab-' + name}",
            "-out",
            str(request),
        ]
    )
    run(["openssl", "x509", "-req", "-in", str(request), "-CA", str(folder / "ca.pem"), "-CAkey",
         str(folder / "ca-key.pem"), "-CAcreateserial", "-days", _YEARS, "-sha256", "-extfile", str(extra),
         "-out", str(folder / f"{name}-cert.pem")])  # fmt: skip
    request.unlink()
    extra.unlink()


def _key(path: Path) -> None:
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)])
    path.chmod(0o600)
