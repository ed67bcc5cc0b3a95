"""Calls the API of a running Shipway: where it is, with which token, and what its problem documents mean.

http.client and json alone, so that a command starts fast. Where: SHIPWAY_URL and SHIPWAY_TOKEN; else the operator's file
on the machine that runs Shipway, with the token that `shipway up` keeps in its data folder.
"""

import http.client
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pipeline.commands.asked import Asked
from pipeline.errors import (
    BadConfig,
    BadSignature,
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    RunnerError,
    ShipwayError,
    StageFailed,
    TooLarge,
    Unreachable,
)

TIMEOUT = 30.0
API = "/api/v1"
KINDS: Mapping[int, type[ShipwayError]] = {
    401: BadSignature,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: StageFailed,
    502: RunnerError,
    503: Unreachable,
}
ANYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]", "[::]": "[::1]"}  # noqa: S104 (never listened on)


@dataclass(frozen=True)
class Api:
    """One running Shipway. Every call is a connection of its own."""

    url: str
    token: str

    def get(self, path: str, **query: object) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, object] | None = None, patience: float = TIMEOUT) -> Any:
        return self._call("POST", path, body=body or {}, patience=patience)

    def delete(self, path: str, **query: object) -> Any:
        return self._call("DELETE", path, query=query)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        patience: float = TIMEOUT,
    ) -> Any:
        with self.opened(method, path, query, body, patience=patience) as response:
            return json.loads(response.read() or b"{}")

    @contextmanager
    def opened(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        patience: float = TIMEOUT,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer while it is still being read. Raises the error that a problem document stands for."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=patience)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(
                method, parts.path.rstrip("/") + API + path + _query(query), text, self._headers(headers)
            )
            response = connection.getresponse()
            if response.status >= 400:
                raise _error(response.status, response.read())
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"Shipway at {self.url} does not answer ({error or type(error).__name__}). "
                "Start it with `shipway up`, or point SHIPWAY_URL at the right place."
            ) from error
        finally:
            connection.close()

    def _headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            **(more or {}),
        }


def api(asked: Asked) -> Api:
    """Raises `BadConfig` when nothing says where Shipway is or who we are."""
    url, token = os.environ.get("SHIPWAY_URL", ""), os.environ.get("SHIPWAY_TOKEN", "")
    if url and token:
        return Api(url, token)
    server = _server_section(asked)
    found_token = token or _local_token(server, asked)
    return Api(url or _local_url(server, bool(token)), found_token)


def _server_section(asked: Asked) -> Mapping[str, object]:
    import yaml  # only here: a command that is told by the environment starts 30 ms sooner

    path = asked.config_if_any()
    if not path:
        raise BadConfig(
            "Where is Shipway? Set SHIPWAY_URL and SHIPWAY_TOKEN (one from `shipway token create NAME`), or name its "
            "shipway.yml with --config on its own machine."
        )
    try:
        read = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadConfig(
            f"The configuration {path} cannot be read: {error}. `shipway config check` says more."
        ) from error
    server = read.get("server") if isinstance(read, dict) else None
    return server if isinstance(server, dict) else {}


def _text(server: Mapping[str, object], key: str, default: str) -> str:
    """`${NAME}` and `${NAME:-default}` as in the whole file."""

    def value(match: re.Match[str]) -> str:
        return os.environ.get(match[1]) or match[2] or ""

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", value, str(server.get(key) or default))


def _local_url(server: Mapping[str, object], remote: bool) -> str:
    """On its own machine Shipway is called where it listens; with somebody's own token, at its public address."""
    if remote and server.get("url"):
        return _text(server, "url", "")
    host, _, port = _text(server, "listen", "127.0.0.1:8080").rpartition(":")
    return f"http://{ANYWHERE.get(host, host)}:{port}"


def _local_token(server: Mapping[str, object], asked: Asked) -> str:
    path = Path(asked.config_path()).parent / _text(server, "data", "./data") / "keys" / "local.token"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadConfig(
            f"There is no token at {path} ({error.strerror}). `shipway up` writes it at its first start; "
            "elsewhere set SHIPWAY_TOKEN to one from `shipway token create`."
        ) from error


def _query(query: Mapping[str, object] | None) -> str:
    given = {key: value for key, value in (query or {}).items() if value not in (None, "")}
    return f"?{urlencode(given)}" if given else ""


def _error(status: int, body: bytes) -> ShipwayError:
    try:
        document = json.loads(body)
        detail = str(document.get("detail") or document.get("title"))
    except (ValueError, AttributeError):
        detail = f"The server answered {status} and no explanation."
    kind = KINDS.get(status, Refused if status < 500 else ShipwayError)
    return kind(detail)
