"""Asks one replica whether it is well: from inside its proxy's container, so by the path that requests take.

Without a proxy, or when it cannot be asked there, from here. Never raises, never follows a redirect, never decides how
many good answers are enough.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import docker.errors

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy
from pipeline.rollout.observed import Sample
from pipeline.rollout.release import HealthCheck, HealthKind
from runners.engine_errors import speaking
from runners.exchange import Answer, exchange, knock
from runners.proxies.container import name_of
from runners.reach import QUICK, USUAL, Reach

_MOST = 1 << 20  # bytes of an answer that are read from here
_SHOWN = 100  # characters of a body in a note
_FAILED = 500
_STILL_OPEN = (
    0.3  # seconds: docker's own forwarder accepts for a port where nobody listens, and closes at once
)
_PLAIN = "/?&=%+,;:@!$'()*~#[]"

Site = tuple[Proxy, Host] | None


class ReplicaProbe:
    """Port `Probe`. `now` is the clock of its samples."""

    def __init__(self, reach: Reach, now: Callable[[], datetime] | None = None) -> None:
        self._reach = reach
        self._now = now or (lambda: datetime.now(UTC))

    def sample(self, host: Host, site: Site, container: str, address: str, check: HealthCheck) -> Sample:
        if check.kind is HealthKind.IMAGE:
            ok, note = self._engine_says(host, container)
        elif check.kind is HealthKind.TCP:
            error = self._knock(site, address, check.timeout)
            ok, note = not error, f"TCP {address}: {error or 'connected'}"
        else:
            status, note = self._get(site, address, check.path, check)
            ok = status == check.status
        return Sample(container, self._now(), ok, note)

    def smoke(self, host: Host, site: Site, container: str, address: str, check: HealthCheck) -> Sample:
        notes = []
        for path in check.smoke:
            status, note = self._get(site, address, path, check)
            notes.append(note)
            if not 0 < status < _FAILED:
                return Sample(container, self._now(), False, note)
        return Sample(container, self._now(), True, "; ".join(notes) or "no smoke requests are set")

    def _engine_says(self, host: Host, container: str) -> tuple[bool, str]:
        try:
            client = self._reach.client(host, QUICK)
            with speaking(host, f"ask for the health of {container[:12]}"):
                health = client.inspect_container(container)["State"].get("Health") or {}
        except RunnerError as error:
            return False, str(error)
        status = str(health.get("Status", "none"))
        if status == "none":
            return False, "the image has no HEALTHCHECK; set health.path in .shipway.yml"
        said = next((str(entry.get("Output", "")) for entry in reversed(health.get("Log") or [])), "")
        return status == "healthy", f"HEALTHCHECK says {status}{_shown(said)}"

    def _knock(self, site: Site, address: str, timeout: float) -> str:
        if site is not None:
            proxy, stands = site
            try:
                client = self._reach.client(stands, USUAL)
                return knock(client, stands, name_of(proxy, stands), address, timeout).error
            except RunnerError as error:
                return _because(_knock_from_here(address, timeout), error)
        return _knock_from_here(address, timeout)

    def _get(self, site: Site, address: str, path: str, check: HealthCheck) -> tuple[int, str]:
        """(status, note); status 0 when there was no answer."""
        target = quote(path if path.startswith("/") else f"/{path}", safe=_PLAIN)
        request = (
            f"GET {target} HTTP/1.1\r\nHost: {check.host or address}\r\nUser-Agent: shipway-probe\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n"
        )
        answer = self._say(site, address, request.encode(), check.timeout)
        status, body = _read(answer.data)
        if not status:
            why = answer.error or (
                "an answer that is not HTTP" if answer.data else "the connection was closed unanswered"
            )
            return 0, f"GET {target}: {why}"
        return status, f"GET {target} answered {status}{_shown(body)}"

    def _say(self, site: Site, address: str, payload: bytes, timeout: float) -> Answer:
        if site is not None:
            proxy, stands = site
            try:
                client = self._reach.client(stands, USUAL)
                return exchange(client, stands, name_of(proxy, stands), address, payload, timeout)
            except RunnerError as error:
                answer = _say_from_here(address, payload, timeout)
                return replace(answer, error=_because(answer.error, error))
        return _say_from_here(address, payload, timeout)


def _because(error: str, inside: RunnerError) -> str:
    """When asking from here fails too, say first why it was not asked from the proxy, unless that just does not run."""
    cause = inside.__cause__
    if not error or (isinstance(cause, docker.errors.APIError) and cause.status_code in (404, 409)):
        return error
    return f"{error} (from here; from the proxy: {inside})"


def _say_from_here(address: str, payload: bytes, timeout: float) -> Answer:
    ip, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout
    got = bytearray()
    try:
        with socket.create_connection((ip, int(port)), timeout=timeout) as line:
            line.sendall(payload)
            while len(got) < _MOST:
                line.settimeout(max(0.01, deadline - time.monotonic()))
                piece = line.recv(65536)
                if not piece:
                    break
                got += piece
    except OSError as error:
        return Answer(bytes(got), _why(error, timeout))
    return Answer(bytes(got))


def _knock_from_here(address: str, timeout: float) -> str:
    ip, _, port = address.rpartition(":")
    try:
        with socket.create_connection((ip, int(port)), timeout=timeout) as line:
            line.settimeout(_STILL_OPEN)
            try:
                return "" if line.recv(1) else "connection closed at once"
            except TimeoutError:
                return ""
    except OSError as error:
        return _why(error, timeout)


def _why(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    return (error.strerror or str(error) or type(error).__name__).lower()


class _Bytes:
    """What http.client reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _read(data: bytes) -> tuple[int, str]:
    """(status, body) of one HTTP answer; (0, "") when it is none."""
    answer = http.client.HTTPResponse(_Bytes(data))  # type: ignore[arg-type]
    try:
        answer.begin()
        body = answer.read(_SHOWN * 4)
    except (http.client.HTTPException, ValueError):
        return (answer.status if isinstance(answer.status, int) else 0), ""
    finally:
        answer.close()
    return answer.status, body.decode(errors="replace")


def _shown(text: str) -> str:
    short = " ".join(text.split())[:_SHOWN]
    return f" {short!r}" if short else ""
