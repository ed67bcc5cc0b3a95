"""The part of Aliyun's container registry API that lends logins, on loopback: both editions, signatures checked."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from tests.parts.balancers.aliyun_signature import ApiError, Gate
from tests.parts.http_stand_in import StandIn, served

KEYS = {"AKID": "AKSECRET"}
INSTANCES = {"acme": "cri-acme0001"}


class RegistryApi(StandIn):
    """`lent`: logins given so far; each is another one. `life`: seconds that they are good for."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.gate = Gate(KEYS)
        self.life = 3600.0
        self.lent = 0
        self.empty = False

    def login(self) -> tuple[str, str, int]:
        self.lent += 1
        return "cr_temp_user", f"token-{self.lent}", int((time.time() + self.life) * 1000)


class _Handler(BaseHTTPRequestHandler):
    server: RegistryApi

    def do_GET(self) -> None:
        self._serve(self._personal)

    def do_POST(self) -> None:
        self._serve(self._enterprise)

    def log_message(self, *_: object) -> None: ...

    def _serve(self, act: object) -> None:
        try:
            status, answer = 200, act()  # type: ignore[operator]
        except ApiError as error:
            status, answer = error.status, {"Code": error.code, "Message": error.message}
        body = json.dumps({"RequestId": "R-1", **({} if self.server.empty else answer)}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _enterprise(self) -> dict[str, object]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        values = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        values |= dict(parse_qsl(body, keep_blank_values=True))
        self.server.gate.check("POST", values)
        if values["Version"] != "2018-12-01":
            raise ApiError(404, "InvalidVersion", "Specified parameter Version is not valid.")
        if values["Action"] == "ListInstance":
            rows = [
                {"InstanceName": n, "InstanceId": i}
                for n, i in INSTANCES.items()
                if n == values["InstanceName"]
            ]
            return {"IsSuccess": True, "Instances": rows}
        if values["Action"] != "GetAuthorizationToken":
            raise ApiError(404, "InvalidAction.NotFound", "Specified api is not found.")
        if values.get("InstanceId") not in INSTANCES.values():
            raise ApiError(400, "INSTANCE_NOT_EXIST", "instance is not exist")
        name, token, until = self.server.login()
        return {"IsSuccess": True, "TempUsername": name, "AuthorizationToken": token, "ExpireTime": until}

    def _personal(self) -> dict[str, object]:
        self._check_roa()
        name, token, until = self.server.login()
        return {"data": {"tempUserName": name, "authorizationToken": token, "expireDate": until}}

    def _check_roa(self) -> None:
        """https://help.aliyun.com/document_detail/30255.html: method, four headers, the x-acs- headers, the resource."""
        path, _, query = self.path.partition("?")
        if path != "/tokens" or self.headers.get("x-acs-version") != "2016-06-07":
            raise ApiError(404, "InvalidAction.NotFound", "Specified api is not found.")
        named = sorted((k.lower(), v) for k, v in self.headers.items() if k.lower().startswith("x-acs-"))
        lines = [
            "GET",
            *(self.headers.get(h) or "" for h in ("Accept", "Content-MD5", "Content-Type", "Date")),
        ]
        text = "\n".join([*lines, *(f"{k}:{v}" for k, v in named), f"{path}?{query}"])
        kind, _, sent = (self.headers.get("Authorization") or "").partition(" ")
        key, _, signature = sent.partition(":")
        mine = base64.b64encode(
            hmac.new(KEYS.get(key, "").encode(), text.encode(), hashlib.sha1).digest()
        ).decode()
        if kind != "acs" or key not in KEYS or not hmac.compare_digest(mine, signature):
            raise ApiError(400, "SignatureDoesNotMatch", f"server string to sign is: {text!r}")


@contextmanager
def registry_api() -> Iterator[RegistryApi]:
    with served(RegistryApi()) as server:
        yield server
