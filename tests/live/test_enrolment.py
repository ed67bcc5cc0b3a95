"""A fresh machine becomes one of the hosts by the real line, works by TLS with pinned authorities, renews, and is revoked."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import docker
import pytest
import requests
from docker.errors import DockerException
from docker.tls import TLSConfig

from runners.agents.record import AgentFolder, agents_of
from runners.authority import CONTROLLERS, HOSTS, Authority, Usage, founded, key_pem, new_key, pem
from tests.enrolment.ground import Kept
from tests.lab import bare
from tests.lab.layout import Machine
from tests.parts.house import House, ending, free_port
from tests.parts.laboratory import Laboratory
from tests.parts.needed import own_network
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live


@pytest.fixture
def machine(lab: Laboratory) -> Iterator[Machine]:
    found = own_network(lab)
    made = bare.machine_of(found, "bare-1")
    bare.add(found, made)
    yield made
    bare.take(made)


@pytest.fixture
def open_house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """With a door at the lab's gateway; its environment takes every host with the label."""
    found = own_network(lab)
    with ending(House(tmp_path / "house", lab.first(1), shop.remote)) as made:
        made.config["enrolment"] = {"listen": f"0.0.0.0:{free_port()}", "address": found.gateway}
        made.production["hosts"] = {"role": "web"}
        yield made.start()


def line_of(house: House, *words: str, via: str = "tls") -> str:
    return house.shipway("hosts", "invite", "--labels", "role=web", "--via", via, *words).strip()


def obeys(machine: Machine, ca: str, own: str) -> bool:
    tls = TLSConfig(client_cert=(own, own), ca_cert=ca, verify=True)
    client = docker.APIClient(f"https://{machine.address}:2376", version="1.40", timeout=10, tls=tls)
    client.trust_env = False
    try:
        return bool(client.ping())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()


def test_machine_joins_by_the_line_and_serves_and_is_revoked(
    open_house: House, machine: Machine, shop: SampleRepository
):
    line = line_of(open_house, "--region", "hz", "--name", "guest-1")
    assert "\n" not in line

    done = bare.execute(machine, line)

    assert done.returncode == 0, done.stdout + done.stderr + open_house.log()
    assert "guest-1 joined" in done.stdout
    host = next(one for one in open_house.get("/hosts")["hosts"] if one["name"] == "guest-1")
    assert (host["address"], host["region"], host["labels"]) == (machine.address, "hz", {"role": "web"})
    assert host["joined"]["engine_version"]
    assert host["reachable"]
    _keeps_its_keys_and_closes_metadata(machine)
    _serves(open_house, machine, shop)
    checks = {one["name"]: one["state"] for one in open_house.get("/hosts/guest-1/checklist")["checks"]}
    assert checks == {
        **dict.fromkeys(("reachable", "engine", "disk", "clock", "registry", "proxy"), "ok"),
        "load balancer": "none",
    }
    _renews(open_house, machine)
    _is_revoked(open_house, machine)


def test_machine_joins_by_agent_listens_nowhere_serves_and_is_revoked(
    open_house: House, machine: Machine, shop: SampleRepository
):
    done = bare.execute(machine, line_of(open_house, "--name", "guest-1", via="agent"))

    assert done.returncode == 0, done.stdout + done.stderr + open_house.log()
    assert _guest(open_house)["engine"] == "agent:guest-1"
    assert _guest(open_house)["agent"].startswith("connected since")
    assert bare.execute(machine, "ss -ltnH").stdout == ""
    _serves(open_house, machine, shop)

    before = bare.files(machine, "client.pem")
    assert bare.execute(machine, "sh /etc/shipway/host.sh renew now").returncode == 0
    assert bare.files(machine, "client.pem") != before
    bare.execute(machine, "systemctl restart shipway-agent.service")
    open_house.until("it comes back", lambda: _guest(open_house)["reachable"], 20)

    open_house.shipway("hosts", "revoke", "guest-1")
    socket = AgentFolder(agents_of(str(open_house.folder / "data"))).socket("guest-1")
    open_house.until("its agent is cut", lambda: not socket.exists(), 30)


def _guest(house: House) -> dict[str, Any]:
    return next(one for one in house.get("/hosts")["hosts"] if one["name"] == "guest-1")


def _keeps_its_keys_and_closes_metadata(machine: Machine) -> None:
    listed = bare.execute(machine, "cd /etc/shipway && stat -c '%a %n' *").stdout
    assert "600 key.pem" in listed
    assert "token" not in listed
    rules = bare.execute(machine, "iptables -S DOCKER-USER").stdout
    for metadata in ("169.254.169.254", "100.100.100.200"):
        assert f"-A DOCKER-USER -d {metadata}/32 -j DROP" in rules
    open_ports = bare.execute(machine, "ss -ltnH").stdout
    assert [row.split()[3] for row in open_ports.splitlines()] == [f"{machine.address}:2376"]


def _serves(house: House, machine: Machine, shop: SampleRepository) -> None:
    """A push reaches the machine that no file names."""
    shop.commit("v1")
    shop.push()
    run = house.post(f"{house.environment}/runs", {"ref": "main"})["run"]
    finished = house.finished_run(run, 240)
    assert finished["status"] == "succeeded", finished
    with urlopen(f"http://{machine.address}:{house.listen}/", timeout=5) as answer:
        assert answer.status == 200


def _renews(house: House, machine: Machine) -> None:
    before = bare.files(machine, "client.pem", "server.pem")
    idle = bare.execute(machine, "sh /etc/shipway/host.sh renew")
    assert bare.files(machine, "client.pem", "server.pem") == before, idle.stderr

    done = bare.execute(machine, "sh /etc/shipway/host.sh renew now")

    assert done.returncode == 0, done.stderr
    after = bare.files(machine, "client.pem", "server.pem")
    assert all(after[name] != before[name] for name in before)
    shown = ssl.get_server_certificate((machine.address, 2376))
    assert shown.strip() in after["server.pem"]
    house.until("it answers again", lambda: _reachable(house), 20)


def _reachable(house: House) -> bool:
    return all(one["state"] != "bad" for one in house.get("/hosts/guest-1/checklist")["checks"][:2])


def _is_revoked(house: House, machine: Machine) -> None:
    house.shipway("hosts", "revoke", "guest-1")

    assert [one["name"] for one in house.get("/hosts")["hosts"]] == ["web-1"]
    done = bare.execute(machine, "sh /etc/shipway/host.sh renew now")
    assert done.returncode == 1
    assert re.search(r"certificate of guest-1 was revoked on .* by local", done.stderr), done.stderr


def test_engine_that_joined_obeys_our_certificate_and_no_other(
    open_house: House, machine: Machine, tmp_path: Path
):
    bare.execute(machine, line_of(open_house, "--name", "guest-1"))
    keys = open_house.folder / "data" / "keys"
    ca, own = str(keys / "hosts-ca.pem"), str(keys / "controller.pem")

    assert obeys(machine, ca, own)

    theirs = bare.files(machine, "client.pem", "server.pem", "key.pem")
    foreign, key = Authority(CONTROLLERS, Kept()), new_key()
    stranger = pem(foreign.issue(key.public_key(), "shipway-controller", (), Usage.CLIENT)) + key_pem(key)
    impostors = {
        "a host's own": theirs["client.pem"] + theirs["key.pem"],
        "its engine's": theirs["server.pem"] + theirs["key.pem"],
        "of a stranger's authority": stranger,
    }
    for name, text in impostors.items():
        (tmp_path / name).write_text(text)
    assert {name: obeys(machine, ca, str(tmp_path / name)) for name in impostors} == dict.fromkeys(
        impostors, False
    )
    other = tmp_path / "other.pem"
    other.write_text(founded(HOSTS, foreign.certificate.not_valid_before_utc)[0])
    assert not obeys(machine, str(other), own)


def test_line_is_worth_nothing_to_a_second_machine_nor_to_an_impostor_of_the_controller(
    open_house: House, machine: Machine
):
    line = line_of(open_house, "--name", "guest-1")
    forged = re.sub(r'"[0-9a-f]{64}  ', f'"{"0" * 64}  ', line)
    refused = bare.execute(machine, forged)
    assert refused.returncode != 0
    assert bare.execute(machine, "ls /etc/shipway").stdout == "new.ca.pem\n"

    done = bare.execute(machine, line)
    assert done.returncode == 0, done.stderr + (machine.folder / "log").read_text()[-3000:]
    bare.execute(machine, "rm /etc/shipway/key.pem")
    second = bare.execute(machine, line)

    assert second.returncode == 1
    assert "used by another machine (guest-1)" in second.stderr
