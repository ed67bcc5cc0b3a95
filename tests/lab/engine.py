"""The few calls of the Docker engine's API that the lab needs, over its unix socket. Knows nothing of containers' meaning."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import quote

from tests.lab.commands import LabError


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def call(sock: Path | str, method: str, path: str, timeout: float = 30) -> tuple[int, bytes]:
    """Status and body. A streamed answer is read to its end. Raises OSError when nobody answers."""
    connection = UnixConnection(str(sock), timeout)
    try:
        connection.request(method, path, headers={"Content-Length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(sock: Path) -> bool:
    try:
        return call(sock, "GET", "/_ping", timeout=2)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def wait(sock: Path, log: Path, seconds: float = 60) -> None:
    """Until the engine answers. Raises `LabError` with the log's last line when it never does."""
    deadline = time.monotonic() + seconds
    while not answers(sock):
        if time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["(its log is empty)"]
            raise LabError(
                f"the engine at {sock} did not answer within {seconds:.0f} s; {log} ends: {last[0]}"
            )
        time.sleep(0.05)


def version(sock: Path) -> str:
    return str(json.loads(call(sock, "GET", "/version")[1])["Version"])


def bridge_address(sock: Path) -> str:
    """The address of this machine that the engine's containers see on their default network; empty when unknown."""
    status, body = call(sock, "GET", "/networks/bridge")
    plans = (json.loads(body).get("IPAM") or {}).get("Config") or [] if status == 200 else []
    if not plans:
        return ""
    return str(plans[0].get("Gateway") or IPv4Network(plans[0]["Subnet"])[1])  # old engines name no gateway


def pull(sock: Path | str, image: str, alias: str) -> None:
    """Pull `image` and give it a second name."""
    status, body = call(sock, "POST", f"/images/create?fromImage={quote(image, safe='')}", timeout=300)
    last = body.decode(errors="replace").strip().splitlines()[-1:]
    if status != 200 or (last and '"error"' in last[0]):
        raise LabError(f"the engine at {sock} could not pull {image}: {last}")
    tag(sock, image, alias)


def tag(sock: Path | str, image: str, alias: str) -> bool:
    """Give an image another name. False: there is no such image."""
    name, _, label = alias.rpartition(":")
    path = f"/images/{quote(image, safe='/:@')}/tag?repo={quote(name, safe='')}&tag={label}"
    return call(sock, "POST", path)[0] == 201


def untag(sock: Path | str, name: str) -> None:
    """Take a name away; the image goes with its last one. Absent is fine."""
    call(sock, "DELETE", f"/images/{quote(name, safe='/:@')}", timeout=60)


def untag_all(sock: Path, registry: str) -> None:
    """Remove the images that came from this registry or were made for it."""
    for image in json.loads(call(sock, "GET", "/images/json")[1]):
        names = [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]
        for name in names:
            if name.startswith(f"{registry}/"):
                untag(sock, name)


def remove_containers(sock: Path, label: str = "") -> int:
    """Remove all containers (with this label) at once, running or not, with their volumes."""
    wanted = quote(json.dumps({"label": [label]} if label else {}))
    ids = [c["Id"] for c in json.loads(call(sock, "GET", f"/containers/json?all=1&filters={wanted}")[1])]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: call(sock, "DELETE", f"/containers/{i}?force=1&v=1", timeout=60), ids))
    return len(ids)
