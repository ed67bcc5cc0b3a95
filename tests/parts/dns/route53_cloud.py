"""Amazon Route 53 in memory: the calls that Shipway makes, as strict as its documentation says. Changes are PENDING, and its
name servers answer the old, until `late` is over."""

import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.parts.balancers.faults import Faults
from tests.parts.dns.aws_signature import refusal
from tests.parts.http_stand_in import StandIn, served

SPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
KEYS = {"AKID": "AKSECRET"}
ZONE = "Z1D633PJN98FT9"
Key = tuple[str, str, str]


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Route53:
    """`rows`: by name, type and identifier. `served`: what the name servers know."""

    late: float = 0.0
    faults: Faults = field(default_factory=Faults)
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    versions: list[tuple[float, dict[Key, dict[str, Any]]]] = field(default_factory=list)

    def shares(self, name: str) -> dict[str, float]:
        """Weight 0 is not answered, unless all have it."""
        with self.lock:
            known = [rows for since, rows in self.versions if since <= time.monotonic()]
            served = known[-1] if known else {}
            weights = {
                v: float(row.get("Weight", 100))
                for (n, _, _), row in served.items()
                if n == f"{name}."
                for v in row["values"]
            }
        return weights if any(weights.values()) else dict.fromkeys(weights, 1.0)

    def add_other(self, name: str, value: str) -> None:
        with self.lock:
            self.rows[f"{name}.", "A", "theirs"] = {"Weight": 10, "TTL": 60, "values": [value]}
            self.publish(0.0)

    def publish(self, late: float) -> None:
        self.versions.append((time.monotonic() + late, dict(self.rows)))

    def change(self, body: bytes) -> str:
        """All of it or nothing."""
        with self.lock:
            rows = dict(self.rows)
            for one in ElementTree.fromstring(body).iter(f"{{{SPACE}}}Change"):  # noqa: S314 (our own client's)
                self._one(one, rows)
            _check_siblings(rows)
            self.rows = rows
            self.publish(self.late)
            return f"/change/C{len(self.versions) - 1}"

    def settled(self, token: str) -> bool:
        with self.lock:
            return self.versions[int(token.removeprefix("C"))][0] <= time.monotonic()

    def _one(self, change: ElementTree.Element, rows: dict[Key, dict[str, Any]]) -> None:
        def text(path: str) -> str:
            return change.findtext(f".//{{{SPACE}}}{path}") or ""

        key = text("Name"), text("Type"), text("SetIdentifier")
        row = {
            "TTL": int(text("TTL") or 0),
            "values": [one.text or "" for one in change.iter(f"{{{SPACE}}}Value")],
            **({"Weight": int(text("Weight"))} if text("Weight") else {}),
        }
        if key[2] and not 0 <= row.get("Weight", -1) <= 255:
            raise ApiError(400, "InvalidInput", "Weight must be between 0 and 255.")
        if text("Action") == "DELETE" and rows.get(key) != row:
            raise ApiError(400, "InvalidChangeBatch", f"Tried to delete {key}, but it was not found so.")
        if text("Action") == "CREATE" and key in rows:
            raise ApiError(400, "InvalidChangeBatch", f"Tried to create {key}, but it already exists.")
        if text("Action") == "DELETE":
            del rows[key]
        else:
            rows[key] = row


def _check_siblings(rows: dict[Key, dict[str, Any]]) -> None:
    """Weighted ones share a TTL, and none stands beside a plain one."""
    for name, kind in {(name, kind) for name, kind, _ in rows}:
        group = [(key[2], row) for key, row in rows.items() if key[:2] == (name, kind)]
        if len({row["TTL"] for _, row in group}) > 1:
            raise ApiError(400, "InvalidChangeBatch", "Weighted records of one name must share a TTL.")
        if len(group) > 1 and any(not identifier for identifier, _ in group):
            raise ApiError(400, "InvalidChangeBatch", "A plain record with this name and type exists.")


class Server(StandIn):
    def __init__(self, cloud: Route53) -> None:
        super().__init__(_Handler)
        self.cloud = cloud


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, *_: object) -> None: ...

    def _serve(self, method: str) -> None:
        cloud, body = self.server.cloud, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        action = (
            "GetChange"
            if "/change/" in parts.path
            else "ChangeResourceRecordSets"
            if method == "POST"
            else "ListResourceRecordSets"
        )
        cloud.calls.append(action)
        fault = cloud.faults.take(action)
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            wrong = refusal(method, unquote(parts.path), parts.query, headers, body, KEYS)
            if wrong:
                raise ApiError(403, wrong, "The request could not be authenticated.")
            if fault and not fault.lost:
                raise ApiError(fault.status, fault.code, "This was asked for.")
            status, answer = 200, _acted(cloud, action, parts.path, parse_qs(parts.query), body)
        except ApiError as error:
            status = error.status
            said = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
            answer = f'<ErrorResponse xmlns="{SPACE}"><Error>{said}</Error><RequestId>r-1</RequestId></ErrorResponse>'
        if fault and fault.lost:
            self.close_connection = True
            return
        sent = answer.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


def _acted(cloud: Route53, action: str, path: str, query: dict[str, list[str]], body: bytes) -> str:
    if action == "GetChange":
        return _info("GetChangeResponse", path.rpartition("/")[2], cloud)
    if f"/hostedzone/{ZONE}/" not in path:
        raise ApiError(404, "NoSuchHostedZone", "No hosted zone found with this ID.")
    if action == "ChangeResourceRecordSets":
        return _info("ChangeResourceRecordSetsResponse", cloud.change(body).rpartition("/")[2], cloud)
    start = query.get("name", [""])[0]
    with cloud.lock:
        rows = sorted((key, row) for key, row in cloud.rows.items() if key[0] >= start)
    sets = "".join(_set(key, row) for key, row in rows)
    return (
        f'<ListResourceRecordSetsResponse xmlns="{SPACE}"><ResourceRecordSets>{sets}</ResourceRecordSets>'
        "<IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListResourceRecordSetsResponse>"
    )


def _info(name: str, token: str, cloud: Route53) -> str:
    status = "INSYNC" if cloud.settled(token) else "PENDING"
    info = f"<Id>/change/{token}</Id><Status>{status}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt>"
    return f'<{name} xmlns="{SPACE}"><ChangeInfo>{info}</ChangeInfo></{name}>'


def _set(key: Key, row: dict[str, Any]) -> str:
    name, kind, identifier = key
    values = "".join(f"<ResourceRecord><Value>{value}</Value></ResourceRecord>" for value in row["values"])
    weighted = (
        f"<SetIdentifier>{escape(identifier)}</SetIdentifier><Weight>{row.get('Weight')}</Weight>"
        if identifier
        else ""
    )
    return (
        f"<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{weighted}<TTL>{row['TTL']}</TTL>"
        f"<ResourceRecords>{values}</ResourceRecords></ResourceRecordSet>"
    )


@contextmanager
def route53_server(cloud: Route53) -> Iterator[Server]:
    with served(Server(cloud)) as server:
        yield server
