"""Asks one replica whether it is well: from inside its proxy's container, so by the path that requests take.

Without a proxy, or when it cannot be asked there, from here. Never raises, never follows a redirect, never decides how
many good answers are enough.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
_FROM_HERE = (
    "asked from Shipway's machine, since there is no proxy: where that cannot reach a host that dials out, give the "
    "environment a proxy, or the image a HEALTHCHECK"
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
            return self._engine_says(host, container)
        if check.kind is HealthKind.TCP:
            answer = self._knock(site, address, check.timeout)
            note = f"TCP {address}: {answer.error or 'connected'}"
            return _placed(Sample(container, self._now(), not answer.error, note, answer.asked), host, site)
        reply = self._get(site, address, check.path, check)
        well = reply.status == check.status
        return _placed(Sample(container, self._now(), well, reply.note, reply.asked), host, site)

    def smoke(self, host: Host, site: Site, container: str, address: str, check: HealthCheck) -> Sample:
        notes = []
        for path in check.smoke:
            reply = self._get(site, address, path, check)
            notes.append(reply.note)
            if not 0 < reply.status < _FAILED:
                return _placed(Sample(container, self._now(), False, reply.note, reply.asked), host, site)
        return Sample(container, self._now(), True, "; ".join(notes) or "no smoke requests are set")

    def _engine_says(self, host: Host, container: str) -> Sample:
        try:
            client = self._reach.client(host, QUICK)
            with speaking(host, f"ask for the health of {container[:12]}"):
                health = client.inspect_container(container)["State"].get("Health") or {}
        except RunnerError as error:
            return Sample(container, self._now(), False, str(error), asked=False)
        status = str(health.get("Status", "none"))
        if status == "none":
            note = "the image has no HEALTHCHECK; set health.path in .shipway.yml"
            return Sample(container, self._now(), False, note)
        said = next((str(entry.get("Output", "")) for entry in reversed(health.get("Log") or [])), "")
        return Sample(container, self._now(), status == "healthy", f"HEALTHCHECK says {status}{_shown(said)}")

    def _knock(self, site: Site, address: str, timeout: float) -> "_Heard":
        if site is not None:
            proxy, stands = site
            try:
                client = self._reach.client(stands, USUAL)
                answer = knock(self._reach.lines, client, stands, name_of(proxy, stands), address, timeout)
                return _Heard(error=answer.error)
            except RunnerError as error:
                return _instead(Answer(b"", _knock_from_here(address, timeout)), error)
        return _Heard(error=_knock_from_here(address, timeout))

    def _get(self, site: Site, address: str, path: str, check: HealthCheck) -> "_Reply":
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
            return _Reply(0, f"GET {target}: {why}", answer.asked)
        return _Reply(status, f"GET {target} answered {status}{_shown(body)}", answer.asked)

    def _say(self, site: Site, address: str, payload: bytes, timeout: float) -> "_Heard":
        if site is not None:
            proxy, stands = site
            try:
                client = self._reach.client(stands, USUAL)
                container = name_of(proxy, stands)
                answer = exchange(self._reach.lines, client, stands, container, address, payload, timeout)
            except RunnerError as error:
                return _instead(_say_from_here(address, payload, timeout), error)
        else:
            answer = _say_from_here(address, payload, timeout)
        return _Heard(answer.data, answer.error)


@dataclass(frozen=True)
class _Heard:
    """`asked` False: neither from the proxy nor from here; that says nothing about the replica."""

    data: bytes = b""
    error: str = ""
    asked: bool = True


@dataclass(frozen=True)
class _Reply:
    """`status` 0: there was none."""

    status: int
    note: str
    asked: bool


def _placed(sample: Sample, host: Host, site: Site) -> Sample:
    """A host that dials out may be where nothing can be asked from here."""
    if sample.ok or site is not None or not host.agent:
        return sample
    return replace(sample, note=f"{sample.note} ({_FROM_HERE})")


def _instead(answer: Answer, inside: RunnerError) -> _Heard:
    """What was heard from here, since it could not be asked from the proxy. A proxy that just does not run is no excuse
    for the replica; an engine that does not answer is one."""
    cause = inside.__cause__
    absent = isinstance(cause, docker.errors.APIError) and cause.status_code in (404, 409)
    if not answer.error or absent:
        return _Heard(answer.data, answer.error)
    return _Heard(answer.data, f"{answer.error} (from here; from the proxy: {inside})", asked=False)


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
