"""What the demo stands on: a lab and a Shipway in folders of their own, and how every trace of them is removed."""

import http.client
import json
import os
import shutil
from pathlib import Path

from tests.lab import daemons
from tests.lab.commands import LabError, say
from tests.lab.down import down as lab_down
from tests.lab.layout import PREFIX, free_port
from tests.lab.needs import install
from tests.lab.up import up as lab_up
from tests.parts.house import House
from tests.parts.laboratory import laboratory

FOLDER = Path(os.environ.get("SHIPWAY_DEMO") or "/var/tmp/shipway-demo")
LAB = Path(PREFIX + "demo")
SERVICE = "shop"
# hurried, so that the story is told in a minute; the defaults watch each host for 10 s
_ROLLOUT = {"healthy_for": "500ms", "bake": "500ms", "deadline": "30s"}
_RECORD = FOLDER / "demo.json"


def prepare() -> House:
    """A lab with three hosts, a bare repository with its hook, and `shipway up`."""
    if running():
        raise LabError(f"the demo runs already ({_RECORD}): bin/demo --down ends it")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    install(("git",) + (("redis-server",) if os.geteuid() == 0 else ()))
    lab_up(LAB, hosts=3, tls=False, ssh=False)
    os.environ["SHIPWAY_LAB"] = str(LAB)
    house = _house()
    house.start()
    assert house.process
    _RECORD.write_text(json.dumps({"pid": house.process.pid, "url": house.url}))
    say(f"shipway up: {house.url}")
    return house


def _house() -> House:
    lab = laboratory()
    listen = 80 if lab.mode == "namespaces" else free_port("127.0.0.1", 8000)
    house = House(FOLDER / "house", lab, FOLDER / "shop.git", service=SERVICE, listen=listen)
    house.move_to(free_port("127.0.0.1", 8080))
    house.production["rollout"] = dict(_ROLLOUT)
    house.write()
    made = json.loads(house.shipway("--json", "repo", "init", SERVICE))
    source = {"url": made["path"], "project": made["project"], "secret": f"file:{made['secret_file']}"}
    house.config["services"][SERVICE]["repository"] |= source
    say(f"shipway repo init {SERVICE}: {made['path']}, its hook tells Shipway of each push")
    return house


def running() -> int:
    """The pid of the demo's `shipway up`, 0 when there is none."""
    try:
        pid = int(json.loads(_RECORD.read_text())["pid"])
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError, KeyError):
        return 0
    return pid if str(FOLDER) in line or "pipeline.supervisor" in line else 0


def remove() -> None:
    """Every trace but the cache of packages and images."""
    pid = running()
    if pid:
        daemons.stop([pid], seconds=15)
        say("shipway up has ended")
    try:
        lab_down(LAB)
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"the lab at {LAB} could not be removed: {error}") from error
    shutil.rmtree(FOLDER, ignore_errors=True)
