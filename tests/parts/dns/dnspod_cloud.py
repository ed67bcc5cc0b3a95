"""DNSPod in memory behind Tencent Cloud's API 3.0 on loopback: TC3 signatures are checked, errors come with status 200.

A weight of 0, or none, switches weighting off for all records of the name: each gets as much as the others.
"""

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.parts.balancers.faults import Faults
from tests.parts.http_stand_in import StandIn, served

KEYS = {"AKIDSECRETID": "SKEY"}
VERSION = "2021-03-23"
LINES = ("默认", "电信", "联通", "境外")
FORM = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/([0-9-]{10})/(\w+)/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
Row = dict[str, Any]


class ApiError(Exception):
    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


@dataclass
class Dnspod:
    domain: str
    faults: Faults = field(default_factory=Faults)
    rows: dict[int, Row] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    number: int = 0

    def shares(self, name: str) -> dict[str, float]:
        sub = name.removesuffix(self.domain).rstrip(".") or "@"
        with self.lock:
            rows = [
                row for row in self.rows.values() if row["SubDomain"] == sub and row["RecordLine"] == LINES[0]
            ]
        enabled = [row for row in rows if row["Status"] == "ENABLE"]
        weighted = all(row.get("Weight") for row in enabled)
        return {
            row["Value"]: (float(row["Weight"]) if weighted else 1.0) if row in enabled else 0.0
            for row in rows
        }

    def add_other(self, name: str, value: str) -> None:
        sub = name.removesuffix(self.domain).rstrip(".") or "@"
        record = {"SubDomain": sub, "RecordType": "A", "RecordLine": LINES[0], "Value": value, "Weight": 10}
        self._create({"Domain": self.domain, **record})

    def act(self, action: str, values: Row) -> Row:
        known: dict[str, Callable[[Row], Row]] = {
            "DescribeRecordList": self._list,
            "CreateRecord": self._create,
            "ModifyRecord": self._modify,
            "ModifyRecordStatus": self._status,
            "ModifyRecordRemark": self._remark,
            "DeleteRecord": self._delete,
        }
        if action not in known:
            raise ApiError("InvalidAction")
        if values.get("Domain") != self.domain:
            raise ApiError("InvalidParameterValue.DomainNotExists", "当前域名有误，请返回重新操作。")
        with self.lock:
            return known[action](values)

    def _list(self, values: Row) -> Row:
        rows = [
            {"RecordId": number, "Name": row["SubDomain"], "Type": row["RecordType"], "Line": row["RecordLine"],
             **{key: row.get(key) for key in ("Value", "Status", "Weight", "TTL", "Remark")}}
            for number, row in self.rows.items()
            if row["SubDomain"] == values.get("Subdomain", row["SubDomain"])
        ]  # fmt: skip
        if not rows and values.get("ErrorOnEmpty", "yes") != "no":
            raise ApiError("ResourceNotFound.NoDataOfRecord", "记录列表为空。")
        return {"RecordCountInfo": {"TotalCount": len(rows)}, "RecordList": rows}

    def _create(self, values: Row) -> Row:
        row = _row(values)
        same = ("SubDomain", "RecordType", "RecordLine", "Value")
        if any(all(one[key] == row[key] for key in same) for one in self.rows.values()):
            raise ApiError("InvalidParameter.DomainRecordExist", "记录已经存在，无需再次添加。")
        self.number += 1
        self.rows[self.number] = row
        return {"RecordId": self.number}

    def _modify(self, values: Row) -> Row:
        """A full replace: what is left out is lost."""
        self._known(values)
        self.rows[values["RecordId"]] = _row(values)
        return {"RecordId": values["RecordId"]}

    def _status(self, values: Row) -> Row:
        if values["Status"] not in ("ENABLE", "DISABLE"):
            raise ApiError("InvalidParameter.RecordStatusInvalid")
        self._known(values)["Status"] = values["Status"]
        return {"RecordId": values["RecordId"]}

    def _remark(self, values: Row) -> Row:
        self._known(values)["Remark"] = values.get("Remark", "")
        return {"RecordId": values["RecordId"]}

    def _delete(self, values: Row) -> Row:
        self._known(values)
        del self.rows[values["RecordId"]]
        return {}

    def _known(self, values: Row) -> Row:
        if values.get("RecordId") not in self.rows:
            raise ApiError("InvalidParameter.RecordIdInvalid", "记录编号错误。")
        return self.rows[values["RecordId"]]


def _row(values: Row) -> Row:
    for key in ("RecordType", "RecordLine", "Value"):
        if key not in values:
            raise ApiError("MissingParameter", key)
    if values["RecordLine"] not in LINES:
        raise ApiError("InvalidParameter.RecordLineInvalid", "记录线路不正确。")
    if not 0 <= values.get("Weight", 0) <= 100:
        raise ApiError("InvalidParameter.InvalidWeight")
    keys = ("SubDomain", "RecordType", "RecordLine", "Value", "Weight", "Remark")
    kept = {key: values[key] for key in keys if key in values}
    return {"SubDomain": "@", "TTL": values.get("TTL", 600), "Status": values.get("Status", "ENABLE"), **kept}


def refusal(headers: dict[str, str], body: bytes) -> str:
    """Tencent's code of what is wrong; empty: the signature is good."""
    found = FORM.fullmatch(headers.get("authorization", ""))
    if not found or not {"content-type", "host"} <= set(found[4].split(";")):
        return "AuthFailure.SignatureFailure"
    key, day, service, signed, signature = found.groups()
    if key not in KEYS:
        return "AuthFailure.SecretIdNotFound"
    stamp = int(headers.get("x-tc-timestamp", "0"))
    if abs(time.time() - stamp) > 300 or day != datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d"):
        return "AuthFailure.SignatureExpire"
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in signed.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/{service}/tc3_request\n{hashed}"
    secret = f"TC3{KEYS[key]}".encode()
    for part in (day, service, "tc3_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest(expected, signature) else "AuthFailure.SignatureFailure"


class Server(StandIn):
    def __init__(self, cloud: Dnspod) -> None:
        super().__init__(_Handler)
        self.cloud = cloud


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        cloud, body = self.server.cloud, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        action = headers.get("x-tc-action", "")
        cloud.calls.append(action)
        fault = cloud.faults.take(action)
        try:
            if wrong := refusal(headers, body):
                raise ApiError(wrong, "The provided credentials could not be validated.")
            if headers.get("x-tc-version") != VERSION:
                raise ApiError("NoSuchVersion")
            if fault and not fault.lost:
                raise ApiError(fault.code, "This was asked for.")
            answer = cloud.act(action, json.loads(body or b"{}"))
        except ApiError as error:
            answer = {"Error": {"Code": error.code, "Message": str(error)}}
        if fault and fault.lost:
            self.close_connection = True
            return
        sent = json.dumps({"Response": {**answer, "RequestId": "r-1"}}, ensure_ascii=False).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


@contextmanager
def dnspod_server(cloud: Dnspod) -> Iterator[Server]:
    with served(Server(cloud)) as server:
        yield server
