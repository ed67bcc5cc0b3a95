"""One call of Tencent Cloud's API 3.0: JSON over HTTPS, signed with TC3-HMAC-SHA256, its errors as ours.

Never tries anything again: who calls knows what may be repeated. Errors come with status 200, so only the body counts.
https://cloud.tencent.com/document/api/1427/56189
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from pipeline.errors import BadConfig, Rejected, RunnerError, Unreachable
from runners.cloud_account import CloudAccount

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
SIGNED = "content-type;host"
_TIMEOUT = (3.0, 10.0)  # seconds to connect, and between two pieces of the answer
_MOST = 8 << 20  # bytes of an answer
# Codes begin with one of these: too many calls, trouble of theirs, or a record of ours whose creation was answered to nobody.
_LATER = ("RequestLimitExceeded", "FailedOperation.FrequencyLimit", "InvalidParameter.OperationIsTooFrequent",
          "InternalError", "ResourceUnavailable", "InvalidParameter.DomainRecordExist")  # fmt: skip
_KEYS = ("AuthFailure", "UnauthorizedOperation", "OperationDenied.NoPermission")
_PLACES = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY")  # the names that Tencent's own tools look for


class TencentApi:
    """For one account and product. `host`: where it is asked when the account names no endpoint."""

    def __init__(
        self,
        account: CloudAccount,
        service: str,
        version: str,
        host: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._service = service
        self._version = version
        self._url = account.endpoint or f"https://{host}"
        self._now = now

    def call(self, action: str, **values: object) -> dict[str, Any]:
        body = json.dumps(values).encode()
        try:
            with requests.Session() as session:
                session.trust_env = (
                    False  # no proxy of the environment, and no login of ~/.netrc in place of ours
                )
                session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
                answer = session.post(
                    f"{self._url}/", data=body, headers=self._headers(action, body), timeout=_TIMEOUT,
                    allow_redirects=False, stream=True,
                )  # fmt: skip
                text = answer.raw.read(_MOST, decode_content=True)
        except (requests.RequestException, HTTPError) as error:
            raise Unreachable(
                f"{self._account.name}: {action} got no answer ({type(error).__name__})."
            ) from error
        return self._read(action, answer.status_code, text)

    def _headers(self, action: str, body: bytes) -> dict[str, str]:
        key, secret = self._keys()
        stamp, host = int(self._now()), urlsplit(self._url).netloc
        day = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
        scope = f"{day}/{self._service}/tc3_request"
        signature = tc3(secret, scope, stamp, canonical(host, body))
        return {
            "Host": host,
            "Content-Type": CONTENT_TYPE,
            "Authorization": f"{ALGORITHM} Credential={key}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
            "X-TC-Action": action,
            "X-TC-Version": self._version,
            "X-TC-Timestamp": str(stamp),
        }

    def _keys(self) -> tuple[str, str]:
        if self._account.access_key:
            return self._account.access_key, self._account.secret_key.reveal()
        found = tuple(os.environ.get(name, "") for name in _PLACES)
        if not all(found):
            raise BadConfig(
                f"{self._account.name} has no credentials. Give it access_key and secret_key in shipway.yml, or set "
                f"{' and '.join(_PLACES)} where Shipway runs."
            )
        return found[0], found[1]

    def _read(self, action: str, status: int, text: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(text)["Response"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(
                f"{self._account.name}: {action} got an answer that cannot be read (status {status})."
            ) from error
        if "Error" in found:
            raise self._refused(action, found)
        return found

    def _refused(self, action: str, found: dict[str, Any]) -> RunnerError:
        code = str(found["Error"].get("Code", ""))
        text = f"{self._account.name}: {action}: {code}: {str(found['Error'].get('Message', '')).strip().rstrip('.')}"
        text += f" (request {found['RequestId']})." if found.get("RequestId") else "."
        if code.startswith(_LATER):
            return Unreachable(text)
        if code.startswith(_KEYS):
            return Rejected(f"{text} Correct its access key, or the rights of it: {self._account.rights}.")
        return Rejected(text)


def canonical(host: str, body: bytes) -> str:
    """POST of / without a query; only these two headers are signed."""
    headers = f"content-type:{CONTENT_TYPE}\nhost:{host}\n"
    return f"POST\n/\n\n{headers}\n{SIGNED}\n{hashlib.sha256(body).hexdigest()}"


def tc3(secret: str, scope: str, stamp: int, request: str) -> str:
    day, service, end = scope.split("/")
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = f"TC3{secret}".encode()
    for part in (day, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{hashed}".encode(), hashlib.sha256).hexdigest()
