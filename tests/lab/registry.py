"""Puts an image (a folder made by `image.py`) into a registry over its HTTP API. Needs no engine."""

import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.lab.commands import LabError


def wait(address: str, log: Path, seconds: float = 20) -> None:
    """Until the registry answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if _call(address, "GET", "/v2/")[0] == 200:
                return
        except OSError:
            pass  # not listening yet
        if time.monotonic() > deadline:
            raise LabError(f"the registry at {address} did not answer within {seconds:.0f} s: see {log}")
        time.sleep(0.05)


def answers(address: str) -> bool:
    try:
        return _call(address, "GET", "/v2/")[0] == 200
    except OSError:
        return False


def put(address: str, image: Path, name: str) -> None:
    """Upload what the registry does not have, then name it. `name` is repository:tag."""
    repository, tag = name.rsplit(":", 1)
    text = (image / "manifest.json").read_bytes()
    manifest = json.loads(text)
    for part, file in ((manifest["config"], "config.json"), (manifest["layers"][0], "layer.tar.gz")):
        _blob(address, repository, part["digest"], image / file)
    kind = {"Content-Type": manifest["mediaType"]}
    status, _, said = _call(address, "PUT", f"/v2/{repository}/manifests/{tag}", text, kind)
    if status != 201:
        raise LabError(f"the registry at {address} refused {name} ({status}): {said[:200]!r}")


def _blob(address: str, repository: str, digest: str, file: Path) -> None:
    if _call(address, "HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200:
        return
    _, headers, _ = _call(address, "POST", f"/v2/{repository}/blobs/uploads/")
    place = urlsplit(headers["location"])
    target = f"{place.path}?{place.query}&digest={digest}".replace("?&", "?")
    kind = {"Content-Type": "application/octet-stream"}
    status, _, said = _call(address, "PUT", target, file.read_bytes(), kind)
    if status != 201:
        raise LabError(f"the registry at {address} refused {file} ({status}): {said[:200]!r}")


def _call(
    address: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()
