"""Machines on request, as a cloud makes them: `python -m tests.lab.machines STATE launch|list|terminate`, one JSON document in
and one out. It is the `command` of pools with `provider: lab`.

A machine is a network namespace with a Docker engine of its own, in a lab that is up. Its user data, a script, runs inside
the namespace once. One wish is one machine, however often it is asked for.
"""

import fcntl
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab import daemons, engine, network, spare
from tests.lab.commands import LabError
from tests.lab.layout import Lab, Machine, load

FIRST, LAST = 160, 199  # byte of their addresses
Row = dict[str, Any]


def main(words: list[str]) -> int:
    state, action = Path(words[0]), words[1]
    lab = load(state)
    if lab is None:
        sys.stderr.write(f"there is no lab at {state}; bring it up: bin/lab up\n")
        return 2
    asked = json.loads(sys.stdin.read() or "{}")
    try:
        answer = {"launch": launch, "list": listed, "terminate": terminate}[action](lab, asked)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(answer))
    return 0


def launch(lab: Lab, asked: Row) -> Row:
    with _alone(lab):
        known = next((row for row in _rows(lab) if row["wish"] == asked["wish"]), None)
        row = known or _written(lab, asked)
    if known is None:
        _made(lab, machine_of(lab, row), asked.get("user_data", ""))
    return {"instance": row["id"]}


def listed(lab: Lab, asked: Row) -> Row:
    return {"instances": [_shown(lab, row) for row in _rows(lab)]}


def terminate(lab: Lab, asked: Row) -> Row:
    for row in _rows(lab):
        if row["id"] in asked["instances"]:
            spare.take(machine_of(lab, row))
            _record(lab, row["number"]).unlink(missing_ok=True)
    return {}


def machine_of(lab: Lab, row: Row) -> Machine:
    number = row["number"]
    name = f"m{number}"
    return Machine(
        name,
        str(lab.subnet[number]),
        lab.state / name,
        f"shipway-{lab.name}-{name}",
        f"sl{lab.tag}{number}",
    )


def _made(lab: Lab, machine: Machine, user_data: str) -> None:
    network.plug(lab, machine)
    daemons.start_engine(lab, machine)
    if user_data.startswith("#!"):
        script = machine.folder / "user-data"
        script.write_text(user_data)
        script.chmod(0o700)
        daemons.launch(
            ["nsenter", f"--net=/run/netns/{machine.namespace}", str(script)],
            machine.folder / "user-data.log",
        )


def _written(lab: Lab, asked: Row) -> Row:
    taken = {row["number"] for row in _rows(lab)}
    number = next((n for n in range(FIRST, LAST + 1) if n not in taken), 0)
    if not number:
        raise LabError(f"this lab has no room for more than {LAST - FIRST + 1} machines")
    row = {
        "id": f"lab-{lab.tag}-{number}-{asked['wish'][:6]}",
        "number": number,
        "wish": asked["wish"],
        "name": asked["name"],
        "tags": asked["tags"],
        "launched_at": datetime.now(UTC).isoformat(),
    }
    path = _record(lab, number)
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(row))
    draft.replace(path)
    return row


def _shown(lab: Lab, row: Row) -> Row:
    machine = machine_of(lab, row)
    state = "running" if engine.answers(machine.socket) else "starting"
    return {key: row[key] for key in ("id", "tags", "launched_at")} | {
        "state": state,
        "address": machine.address,
    }


def _rows(lab: Lab) -> list[Row]:
    paths = sorted((lab.state / "machines").glob("*.json"))
    return [json.loads(path.read_text()) for path in paths]


def _record(lab: Lab, number: int) -> Path:
    return lab.state / "machines" / f"{number}.json"


@contextmanager
def _alone(lab: Lab) -> Iterator[None]:
    with (lab.state / "machines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
