"""Two machines on one PostgreSQL and one Redis behind one address: what a user and a forge see of it, without a lab."""

import http.client
import re
import subprocess
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from pipeline.secret import Secret
from runners.store import open_store
from tests.parts.control_plane import Follower, Plane, control_plane
from tests.parts.house import SHIPWAY
from tests.parts.pushes import signed
from tests.parts.repository import SampleRepository
from tests.parts.workshop import Workshop

pytestmark = pytest.mark.live
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleRepository:
    folder = tmp_path_factory.mktemp("plane")
    made = SampleRepository(folder / "shop", folder / "shop.git").create()
    made.commit("v1")
    made.push()
    return made


@pytest.fixture(scope="module")
def plane(shop: SampleRepository) -> Iterator[Plane]:
    """Runs wait in their build stage, whose log grows: the builder's engine never answers."""
    folder = shop.tree.parent
    one, two = (Workshop(folder / name, shop.remote) for name in ("one", "two"))
    with control_plane(folder, one, two) as made:
        yield made.start()


@pytest.fixture
def run(plane: Plane) -> Iterator[int]:
    number = int(plane.entry.post(f"{plane.entry.environment}/runs", {"ref": "main"})["run"])
    plane.entry.until("it builds", lambda: stage(plane, number) == "running", 60, plane.one.log)
    yield number
    plane.entry.post(f"/runs/{number}/cancel")
    plane.entry.finished_run(number)


def stage(plane: Plane, run: int) -> str:
    return next(str(s["status"]) for s in plane.entry.get(f"/runs/{run}")["stages"] if s["name"] == "build")


def hook(plane: Plane, commit: str, port: int = 0) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer to a webhook; by default at the front."""
    body, headers = signed(plane.entry, commit)
    connection = http.client.HTTPConnection("127.0.0.1", port or plane.front, timeout=30)
    connection.request("POST", "/hooks/git", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def form(port: int, path: str, fields: dict[str, str], cookie: str = "") -> tuple[int, str, str]:
    """Status, the session's cookie and the page, as a browser that stands at the front's address would get them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html", "Cookie": cookie}
    headers["Origin"] = f"http://127.0.0.1:{port}"
    connection.request("POST" if fields else "GET", path, urlencode(fields) or None, headers)
    answer = connection.getresponse()
    given = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    text = answer.read().decode()
    connection.close()
    return answer.status, given, text


def test_who_signed_in_at_one_server_is_known_to_the_other_and_so_are_his_forms(plane: Plane) -> None:
    store = open_store(plane.postgres.url, str(plane.one.folder / "data" / "keys"))
    store.users.create("ada", "admin", (), Secret(PASSWORD))
    store.close()
    _, cookie, _ = form(plane.one.port, "/sign-in", {"name": "ada", "password": PASSWORD})

    status, _, page = form(plane.two.port, f"/services/{plane.one.service}", {}, cookie)
    token = re.findall(r'name="form_token" value="([^"]+)"', page)[0]
    path = f"/services/{plane.one.service}/environments/production/runs"
    sent, _, text = form(plane.one.port, path, {"form_token": token, "ref": "main"}, cookie)

    assert status == 200
    assert sent in (302, 303), text
    newest = plane.entry.get(f"/runs?service={plane.one.service}")["runs"][0]
    plane.entry.post(f"/runs/{newest['id']}/cancel")
    assert newest["requested_by"].endswith("ada")


def test_a_log_is_the_same_on_both_servers_within_a_second(plane: Plane, run: int) -> None:
    path = f"/api/v1/runs/{run}/log"
    begun = time.monotonic()
    first, second = (house.call("GET", path)[1] for house in plane.houses)

    assert first
    assert second.startswith(first)
    assert time.monotonic() - begun < 1.0
    assert not list((plane.one.folder / "data" / "logs").rglob("*.log"))


def test_a_follower_goes_on_at_the_other_server_where_he_stood(plane: Plane, run: int) -> None:
    path = f"/api/v1/runs/{run}/log?follow=1"
    first = Follower(plane.one.port, path, plane.one.token)
    before = first.read(20, enough=40)
    first.close()

    second = Follower(plane.two.port, path, plane.one.token, last=first.last)
    after = second.read(20, enough=20)
    second.close()

    whole = plane.entry.call("GET", f"/api/v1/runs/{run}/log")[1]
    assert before
    assert after
    assert whole.startswith(before + after)


def test_without_redis_webhooks_are_taken_and_run_when_it_is_back(
    plane: Plane, shop: SampleRepository
) -> None:
    plane.redis.stop()
    commit = shop.commit("without redis")
    shop.push()
    try:
        status, _, text = hook(plane, commit)
        assert status == 202, text
        assert plane.entry.call("GET", "/readyz?only=database")[0] == 200
    finally:
        plane.redis.start()

    run = plane.entry.run_of(commit)
    plane.entry.until("it runs", lambda: plane.entry.get(f"/runs/{run}")["status"] == "running", 60)
    plane.entry.post(f"/runs/{run}/cancel")
    plane.entry.finished_run(run)


def test_without_a_database_webhooks_are_refused_with_a_moment_to_come_again(
    plane: Plane, shop: SampleRepository
) -> None:
    commit = shop.commit("without a database")
    shop.push()
    plane.postgres.stop()
    try:
        for port in (plane.one.port, plane.front):  # a server, and the front, which may know already
            status, headers, text = hook(plane, commit, port)
            assert status == 503, text
            assert headers["retry-after"] == "5"
    finally:
        plane.postgres.start()

    plane.entry.until("it is taken", lambda: hook(plane, commit)[0] in (200, 202), 60, plane.one.log)
    run = plane.entry.run_of(commit, 60)
    plane.entry.post(f"/runs/{run}/cancel")
    assert plane.entry.finished_run(run, 60)["status"] == "cancelled"


def test_a_machine_with_another_key_is_refused_and_makes_none(plane: Plane) -> None:
    plane.two.stop(20)
    key = plane.two.folder / "data" / "keys" / "seal.key"
    kept = key.read_bytes()
    key.unlink()
    try:
        said = plane.refused()

        assert "Copy keys/seal.key from the data folder of the machine that has it" in said
        assert not key.exists()
    finally:
        key.write_bytes(kept)
        key.chmod(0o600)
        plane.two.start(90)


def test_a_machine_with_a_redis_of_its_own_is_refused(plane: Plane) -> None:
    plane.two.stop(20)
    shared = plane.two.config["server"].pop("redis")
    try:
        assert "Set server.redis on both to one Redis that both reach." in plane.refused()
    finally:
        plane.two.config["server"]["redis"] = shared
        plane.two.start(90)


def test_a_machine_may_run_a_part_of_it(plane: Plane) -> None:
    assert "there is no part 'web'" in plane.refused("up", "--only", "web")
    plane.two.stop(20)
    plane.two.write()
    log = plane.two.folder / "part.log"
    words = [str(SHIPWAY), "--config", str(plane.two.file), "up", "--only", "worker"]
    with log.open("ab") as out:
        part = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=plane.two.folder)
    try:
        plane.two.until("its workers wait", lambda: log.read_text().count("worker waits") == 4, 60)
        started = set(re.findall(r"process started child=(\S+)", log.read_text()))
        assert started == {"crew", "deploy-1", "deploy-2", "deliver-1", "deliver-2"}
    finally:
        part.terminate()
        part.wait(20)
        plane.two.start(90)
