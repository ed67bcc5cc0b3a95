"""One call of Aliyun's API by its own SDK: signed, over TLS, with timeouts, its errors as ours.

Never tries anything again: who calls knows what may be repeated. The SDK would not either: its table of what to retry
knows ECS alone (aliyun-python-sdk-core 2.16, data/retry_config.json).
"""

import json
import logging
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.http import protocol_type
from aliyunsdkcore.request import CommonRequest

from pipeline.errors import BadConfig, Rejected, RunnerError, Unreachable
from runners.cloud_account import CloudAccount

_REQUESTS = "aliyunsdkslb.request.v20140515"
# Error codes begin with one of these: too many calls; the balancer works on another change; trouble of theirs. From the SDK,
# terraform-provider-alicloud's errors.go and cloud-provider-alibaba-cloud.
_LATER = (
    *("Throttling", "Rejected.Throttling", "ServiceUnavailable", "InternalError", "UnknownError"),
    *(
        "SystemBusy",
        "OperationBusy",
        "ServiceIsStopping",
        "BackendServer.configuring",
        "ServiceIsConfiguring",
    ),
    *("VServerGroupProcessing", "RspoolVipExist", "ObtainIpFail", "OperationFailed.ListenerStatusNotSupport"),
)
# ALB: another job of the group, or this very order, is under way. From its documentation and terraform-provider-alicloud
_LATER_ALB = (
    *("IncorrectStatus.ServerGroup", "IncorrectStatus.serverGroup", "ResourceInConfiguring"),
    *("Conflict.Lock", "IdempotenceProcessing"),
)
# AliDNS: other changes of the domain or of the record are under way, or one of ours whose answer was lost
_LATER_DNS = ("LastOperationNotFinished", "DnsSystemBusyness", "DomainRecordLocked", "DomainRecordDuplicate")
_NO_ANSWER = "SDK.HttpError"
_KEYS = ("InvalidAccessKey", "SignatureDoesNotMatch", "Forbidden", "IncompleteSignature", "MissingAccessKey")
_PLACES = ("ALIYUN_ACCESS_KEY_ID", "ALIYUN_ACCESS_KEY_SECRET")  # the only ones that this SDK looks in
_CONNECT, _READ = 3, 10  # seconds
_LONG = 2048  # characters of a value, or of all of them


class AliyunApi:
    """For one account. The client and its connections are made at the first call."""

    def __init__(self, account: CloudAccount, package: str = _REQUESTS, host: str = "") -> None:
        """`package`: the product's request classes of the SDK; `host`: where it is asked when the account names no
        endpoint. Empty: the SDK knows."""
        self._account = account
        self._package = package
        self._name = account.name
        self._client: Any = None
        parts = urlsplit(account.endpoint)
        self._host, self._port = parts.hostname or host, parts.port
        # by identity: the SDK sends anything but this very object in clear, also an equal text
        self._protocol = protocol_type.HTTP if parts.scheme == "http" else protocol_type.HTTPS

    def call(self, action: str, **values: object) -> dict[str, Any]:
        """An action of the package's product."""
        return self._done(action, lambda: self._request(action, values))

    def ask(self, host: str, version: str, action: str, path: str = "", **values: object) -> dict[str, Any]:
        """An action of another product's API, at `host` when the account names no endpoint. With a `path` it is of the
        ROA kind, else of the RPC kind."""
        return self._done(action, lambda: self._common(host, version, action, path, values))

    def _done(self, action: str, request: Callable[[], Any]) -> dict[str, Any]:
        try:
            answer = self._opened().do_action_with_exception(request())
            found: dict[str, Any] = json.loads(answer)
        except ServerException as error:
            raise self._translated(action, error) from error
        except ClientException as error:
            raise self._translated(action, error) from error
        except (ValueError, IndexError) as error:
            # no JSON; or the SDK's own reading of a signature error without a colon in it (core 2.16, client.py)
            raise Unreachable(
                f"{self._name}: {action} got an answer that cannot be read: {error}."
            ) from error
        return found

    def _opened(self) -> Any:
        if self._client is None:
            account = self._account
            if not account.access_key and not all(os.environ.get(name) for name in _PLACES):
                # looked at here: a client that the SDK gave up on fails once more when it is collected
                raise BadConfig(
                    f"{self._name} has no credentials. Give it access_key and secret_key in shipway.yml, or set "
                    f"{' and '.join(_PLACES)} where Shipway runs."
                )
            # it calls every refusal an ERROR, also one that is tried again in a moment; what matters is told by us
            logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL)
            self._client = AcsClient(
                account.access_key or None,
                account.secret_key.reveal() or None,
                account.region,
                auto_retry=False,
                port=self._port or 80,
                connect_timeout=_CONNECT,
                timeout=_READ,
                # the SDK sends everything through HTTP_PROXY, whatever NO_PROXY says; plain http is this machine's own
                proxy={"http": None} if self._protocol is protocol_type.HTTP else None,
            )
        return self._client

    def _request(self, action: str, values: dict[str, object]) -> Any:
        """A new one for every try: with it come a new nonce and a new time."""
        name = f"{action}Request"
        request = getattr(import_module(f"{self._package}.{name}"), name)()
        request.set_protocol_type(self._protocol)
        if self._host:
            request.set_endpoint(self._host)
        for key, value in values.items():
            if isinstance(value, str) and len(value) > _LONG:
                request.add_body_params(key, value)  # a URL may not be that long
            else:
                getattr(request, f"set_{key}")(value)
        return request

    def _common(self, host: str, version: str, action: str, path: str, values: dict[str, object]) -> Any:
        request = CommonRequest(self._host or host, version, action, path or None)
        request.set_protocol_type(self._protocol)
        request.set_accept_format("json")
        request.set_method("GET" if path else "POST")
        short = path or sum(len(f"{key}={value}") for key, value in values.items()) <= _LONG
        for key, value in values.items():
            (request.add_query_param if short else request.add_body_params)(key, value)
        return request

    def _translated(self, action: str, error: Any) -> RunnerError:
        code = str(error.get_error_code() or "")
        text = f"{self._name}: {action}: {code}: {str(error.get_error_msg()).strip().rstrip('.')}"
        number = getattr(error, "request_id", None)
        text += f" (request {number})." if number else "."
        status = getattr(error, "http_status", None) or 0
        if code == _NO_ANSWER or code.startswith(_LATER + _LATER_ALB + _LATER_DNS) or status >= 500:
            return Unreachable(text)
        if code.startswith(_KEYS):
            return Rejected(f"{text} Correct its access key, or the rights of it: {self._account.rights}.")
        return Rejected(text)
