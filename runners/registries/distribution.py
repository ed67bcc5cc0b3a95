"""Plain registries: anonymous, or a user name and a password; and what any registry of the distribution API has and loses.

Logging in is by the registry's own challenge, Basic or Bearer. TLS is verified by the machine's own authorities. Never
pulls or pushes an image: the engines do that.
"""

import base64
import json
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
import urllib3.exceptions

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.host import RegistryAccess

TIMEOUT = urllib3.Timeout(connect=5.0, read=20.0)
DOCKER, OCI = "application/vnd.docker.distribution.manifest", "application/vnd.oci.image"
MANIFESTS = f"{DOCKER}.v2+json, {DOCKER}.list.v2+json, {OCI}.manifest.v1+json, {OCI}.index.v1+json"
LARGEST = 8 << 20  # bytes of a manifest or an image's configuration
PAGE = 500
NOBODY = "sha256:" + "0" * 64  # no image has it
LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:|$)")  # engines speak plain HTTP with these as well
RUNS = "Check that it runs and is reachable from here"
FIELD = re.compile(r'(\w+)="([^"]*)"')


class Anonymous:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        return "", ""


class Basic:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        if not access.username or not access.password:
            raise BadConfig(f"registry.auth of {access.address}: kind basic needs a username and a password.")
        return access.username, access.password.reveal()


@dataclass(frozen=True)
class Layer:
    """`id` is the one that engines know it by; `size` is compressed, as it is pulled."""

    id: str
    size: int


class Registry:
    """`credentials` are asked for when a call needs them. Images are `repository@digest`, with the address in front."""

    def __init__(self, access: RegistryAccess, credentials: Callable[[], tuple[str, str]]) -> None:
        self._access = access
        self._credentials = credentials
        self._plain = access.insecure or bool(LOOPBACK.match(access.address))
        self._url = f"{'http' if self._plain else 'https'}://{access.address}"
        self._login = ""  # what the registry wanted to see the last time

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """Made for the first question: reading the machine's authorities takes 30 ms, and most processes ask nothing."""
        context = None if self._plain else ssl.create_default_context()
        return urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT)

    @property
    def address(self) -> str:
        return self._access.address

    def tags(self, repository: str) -> list[str]:
        """Empty when there is no such repository."""
        path, found = f"/v2/{self._name(repository)}/tags/list?n={PAGE}", list[str]()
        while path:
            answer = self._ask("GET", path, (200, 404))
            if answer.status == 404:
                return found
            found += [str(tag) for tag in self._json(answer, path).get("tags") or []]
            path = _next(answer.headers.get("Link", ""))
        return found

    def digest(self, repository: str, tag: str) -> str:
        """Empty when the tag is gone."""
        path = f"/v2/{self._name(repository)}/manifests/{tag}"
        answer = self._ask("HEAD", path, (200, 404))
        return str(answer.headers.get("Docker-Content-Digest", "")) if answer.status == 200 else ""

    def has(self, image: str) -> bool:
        repository, _, digest = image.partition("@")
        return bool(digest and self.digest(repository, digest))

    def size(self, image: str) -> int | None:
        """Compressed bytes of all that it consists of; None when it is gone."""
        manifest = self._manifest(image)
        if manifest is None:
            return None
        parts = [manifest.get("config") or {}, *(manifest.get("layers") or [])]
        below = [self._beside(image, child) for child in manifest.get("manifests") or []]
        return sum(int(p.get("size", 0)) for p in parts) + sum(self.size(child) or 0 for child in below)

    def layers(self, image: str) -> tuple[Layer, ...]:
        """Of one machine's kind, the largest when there are several. Empty when it is gone."""
        manifest = self._manifest(image)
        if manifest is None:
            return ()
        children = [self._beside(image, child) for child in _for_linux(manifest)]
        if children:
            return max((self.layers(c) for c in children), key=lambda found: sum(x.size for x in found))
        sizes = [int(layer.get("size", 0)) for layer in manifest.get("layers") or []]
        name, config = self._name(image.partition("@")[0]), manifest.get("config") or {}
        path = f"/v2/{name}/blobs/{config.get('digest', '')}"
        ids = (self._json(self._ask("GET", path, (200,)), path).get("rootfs") or {}).get("diff_ids") or []
        ids = [str(found) for found in ids] if len(ids) == len(sizes) else [""] * len(sizes)
        return tuple(Layer(found, size) for found, size in zip(ids, sizes, strict=True))

    def lets_delete(self, repository: str) -> bool:
        """Asked by deleting what nobody has: a registry with deletion turned off answers 405 to that as well."""
        return self._ask("DELETE", f"/v2/{self._name(repository)}/manifests/{NOBODY}", None).status != 405

    def try_push(self, repository: str) -> None:
        """Opens an upload and gives it up. Raises `Rejected` when we may not push there."""
        path = f"/v2/{self._name(repository)}/blobs/uploads/"
        place = urlsplit(str(self._ask("POST", path, (202,)).headers.get("Location", "")))
        if place.path.startswith("/v2/"):
            self._ask("DELETE", f"{place.path}?{place.query}".rstrip("?"), None)

    def delete(self, image: str) -> None:
        """The manifest and every tag of it. Absent is fine."""
        repository, _, digest = image.partition("@")
        self._ask("DELETE", f"/v2/{self._name(repository)}/manifests/{digest}", (200, 202, 404))

    def _manifest(self, image: str) -> dict[str, Any] | None:
        repository, _, digest = image.partition("@")
        path = f"/v2/{self._name(repository)}/manifests/{digest}"
        answer = self._ask("GET", path, (200, 404))
        return self._json(answer, path) if answer.status == 200 else None

    def _beside(self, image: str, child: dict[str, Any]) -> str:
        return f"{image.partition('@')[0]}@{child.get('digest', '')}"

    def _name(self, repository: str) -> str:
        return repository.removeprefix(f"{self._access.address}/")

    def _ask(self, method: str, path: str, good: tuple[int, ...] | None) -> urllib3.BaseHTTPResponse:
        """One call, and once more when the registry wanted another login. `good` None: whatever it answers."""
        answer = self._call(method, path)
        if answer.status == 401:
            self._login = self._answer_to(answer.headers.get("WWW-Authenticate", ""))
            answer = self._call(method, path)
        if good is not None and answer.status not in good:
            raise self._refused(method, path, answer)
        return answer

    def _call(self, method: str, path: str) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": MANIFESTS} | ({"Authorization": self._login} if self._login else {})
        return self._send(method, self._url + path, headers)

    def _send(self, method: str, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, headers=headers, retries=urllib3.Retry(0, redirect=3))
        except urllib3.exceptions.HTTPError as error:
            said = _brief(error)
            plain = "WRONG_VERSION_NUMBER" in said
            advice = "Does it speak plain HTTP? Then set registry.insecure: true" if plain else RUNS
            raise Unreachable(
                f"Registry {self.address}: no answer to {method} {urlsplit(url).path}: {said}. {advice}."
            ) from error

    def _answer_to(self, challenge: str) -> str:
        """https://distribution.github.io/distribution/spec/auth/token/"""
        user, password = self._credentials()
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        if not challenge.lower().startswith("bearer"):
            return f"Basic {basic}" if user else ""
        fields = dict(FIELD.findall(challenge))
        realm = fields.pop("realm", "")
        if not realm.startswith("https://") and not self._plain:
            raise Rejected(
                f"Registry {self.address}: it asks for the login at {realm!r}, which is no https:// address; not sent."
            )
        wanted = {key: value for key, value in fields.items() if key in ("service", "scope")}
        headers = {"Authorization": f"Basic {basic}"} if user else {}
        answer = self._send("GET", f"{realm}?{urlencode(wanted)}", headers)
        given = self._json(answer, urlsplit(realm).path) if answer.status == 200 else {}
        return f"Bearer {given.get('token') or given.get('access_token') or ''}"

    def _json(self, answer: urllib3.BaseHTTPResponse, path: str) -> dict[str, Any]:
        try:
            read = json.loads(answer.data) if len(answer.data) <= LARGEST else None
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise Rejected(f"Registry {self.address}: the answer to {path} is not what a registry says.")
        return read

    def _refused(self, method: str, path: str, answer: urllib3.BaseHTTPResponse) -> Rejected | Unreachable:
        said = " ".join(answer.data[:300].decode(errors="replace").split())
        what = (
            f"Registry {self.address}: it answered {answer.status} to {method} {path}: {said or 'no words'}."
        )
        if answer.status >= 500 or answer.status == 429:
            return Unreachable(f"{what} Try again later, or look at its log.")
        return Rejected(f"{what} Check registry.auth and what it may do there.")


def _for_linux(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in manifest.get("manifests") or []:
        if (child.get("platform") or {}).get("os", "linux") == "linux":
            yield child


def _next(link: str) -> str:
    """RFC 8288; registries write an address of their own below /v2/."""
    match = re.search(r"<([^>]+)>", link)
    if not match:
        return ""
    url = urlsplit(match[1])
    return f"{url.path}?{url.query}" if url.path.startswith("/v2/") else ""


def _brief(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", None) or error).split())[:200]
