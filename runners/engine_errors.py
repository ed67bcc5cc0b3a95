"""Engine SDK errors to Shipway's own, as sentences: what was tried, on which host, what to do now.

Never decides whether to try again; `Unreachable` means that trying again may help, `Rejected` that it will not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from pipeline.errors import DiskFull, PortTaken, Rejected, RunnerError, Unreachable
from pipeline.fleet.host import Host
from runners.fence import told_outdated

FENCED = 412  # of an agent; no engine says it
_FULL = ("no space left on device", "disk quota exceeded")
_TAKEN = ("port is already allocated", "address already in use")
_CERTIFICATE = ("certificate", "ssl:", "tlsv1", "wrong version number", "unknown ca")
_INNERMOST = re.compile(r"""\[Errno -?\d+\] ([^'")]+)|Error\(\d+, '([^']+)'\)""")  # of requests' nested reprs
_SILENT = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    docker.errors.DockerException,
    OSError,
)


@contextmanager
def speaking(host: Host, deed: str) -> Iterator[None]:
    """Everything the SDK may raise inside becomes a RunnerError about `deed` on this host."""
    try:
        yield
    except docker.errors.APIError as error:
        raise said_no(host, deed, error) from error
    except _SILENT as error:
        raise no_answer(host, deed, error) from error


def words(error: docker.errors.APIError) -> str:
    """The engine's own message, in one line."""
    return " ".join(str(error.explanation or error).split())[:600]


def said_no(host: Host, deed: str, error: docker.errors.APIError) -> RunnerError:
    text = words(error)
    if error.status_code == FENCED:
        return told_outdated(text)
    return refused(host, deed, text) or (
        Unreachable(
            f"Host {host.name}: could not {deed}: the engine failed: {text}. Look at the engine's log there."
        )
        if error.is_server_error()
        else Rejected(f"Host {host.name}: could not {deed}: the engine refused: {text}.")
    )


def refused(host: Host, deed: str, text: str) -> RunnerError | None:
    """The refusals that have a class of their own."""
    low = text.lower()
    if any(mark in low for mark in _FULL):
        return DiskFull(
            f"Host {host.name}: could not {deed}: its disk is full ({text}). Free space there, then try again."
        )
    if any(mark in low for mark in _TAKEN):
        return PortTaken(f"Host {host.name}: could not {deed}: {text}. Another program holds that port.")
    return None


def no_answer(host: Host, deed: str, error: Exception) -> RunnerError:
    text = " ".join(str(error).split())[:300]
    if any(mark in text.lower() for mark in _CERTIFICATE):
        return Rejected(
            f"Host {host.name}: could not {deed}: TLS with the engine at {host.engine} failed: {text}. "
            f"Check hosts.{host.name}.tls and the engine's own certificate."
        )
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        text = "it did not answer in time"
    inner = _INNERMOST.search(text)
    if inner:
        text = inner[1] or inner[2]
    mend = "Check that the machine is up and its engine runs."
    if host.agent:
        mend = "`shipway hosts` tells whether its agent is connected; it comes back by itself."
    return Unreachable(
        f"Host {host.name}: could not {deed}: no answer from the engine at {host.engine}: {text}. {mend}"
    )
