"""Looks at regions over HTTP as users would, from this machine: at a region's own address, under the entrance's name.

TLS is verified for the name that users ask for. A redirect is an answer, and not followed. Never decides what it means.
"""

import http.client
import socket
import ssl
from urllib.parse import quote, urlsplit

from pipeline.entrances.entrance import Region

WELL = 400
AGENT = "shipway-entrance"


class FromHere:
    """Implements `pipeline.entrances.book.Outside`."""

    def look(self, url: str, address: str, timeout: float) -> str:
        said = _asked(url, address, timeout)
        return said if isinstance(said, str) else "" if said < WELL else f"{address} answered {said}"

    def ask(self, probe: str, region: Region, domain: str, timeout: float) -> str:
        places = {"address": region.address, "region": region.name, "name": domain}
        url = probe.format(**{name: quote(value, safe="") for name, value in places.items()})
        host = urlsplit(url).hostname or ""
        said = _asked(url, host, timeout)
        if isinstance(said, str):
            return f"probe {host}: {said}"
        return "" if said == http.client.OK else f"probe {host} answered {said}"


def _asked(url: str, address: str, timeout: float) -> int | str:
    """The status, or why there is none. `timeout` bounds each of connecting, sending and reading."""
    parts = urlsplit(url)
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, address, timeout)
    except OSError as error:
        return _why(address, error, timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": AGENT, "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return _why(address, error, timeout)
    finally:
        connection.close()


def _connection(
    scheme: str, name: str, port: int | None, address: str, timeout: float
) -> http.client.HTTPConnection:
    """Made to the address; what is sent, and what the certificate must say, has the name."""
    secure = scheme == "https"
    wire = socket.create_connection((address, port or (443 if secure else 80)), timeout)
    connection = http.client.HTTPConnection(name, port, timeout=timeout)
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(wire, server_hostname=name) if secure else wire
        )
    except OSError:
        wire.close()
        raise
    return connection


def _why(address: str, error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"{address} gave no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{address} has no certificate that holds: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return f"{address} refuses connections"
    return f"{address} cannot be asked: {error or type(error).__name__}"
