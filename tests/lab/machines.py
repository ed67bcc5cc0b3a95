"""Machines on request, as a cloud makes them: `python -m tests.lab.machines STATE launch|list|terminate`, one JSON document in
and one out. It is the `command` of pools with `provider: lab`.

A machine is a bare one of the lab (see `bare`): it boots in a process of its own, and then runs its user data, a script, once.
One wish is one machine, however often it is asked for.
"""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab import bare, daemons
from tests.lab.commands import LabError
from tests.lab.layout import Lab, Machine, load

FIRST, LAST = 170, 199  # byte of their addresses
ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


def main(words: list[str]) -> int:
    state, action = Path(words[0]), words[1]
    lab = load(state)
    if lab is None:
        sys.stderr.write(f"there is no lab at {state}; bring it up: bin/lab up\n")
        return 2
    asked = json.loads(sys.stdin.read() or "{}")
    try:
        answer = {"launch": launch, "list": listed, "terminate": terminate, "boot": boot}[action](lab, asked)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(answer))
    return 0


def launch(lab: Lab, asked: Row) -> Row:
    with _alone(lab):
        known = next((row for row in _rows(lab) if row["wish"] == asked["wish"]), None)
        row = known or _written(lab, asked)
        if not row["boot"]:
            _begin(lab, row)
    return {"instance": row["id"]}


def boot(lab: Lab, row: Row) -> Row:
    """Returns when the machine is up and has done what it was told."""
    machine = machine_of(lab, row)
    bare.add(lab, machine)
    _note(lab, row, "running")
    done = bare.execute(machine, row["user_data"])
    (machine.folder / "user-data.log").write_text(done.stdout + done.stderr)
    return {"exit": done.returncode}


def listed(lab: Lab, asked: Row) -> Row:
    return {"instances": [_shown(lab, row) for row in _rows(lab)]}


def terminate(lab: Lab, asked: Row) -> Row:
    for row in _rows(lab):
        if row["id"] in asked["instances"]:
            _note(lab, row, "ending")
            daemons.stop([pid for pid in [_booting(row)] if pid], seconds=2)
            bare.take(machine_of(lab, row))
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


def _begin(lab: Lab, row: Row) -> None:
    """In a process that outlives this one, as a machine does."""
    words = [sys.executable, "-m", "tests.lab.machines", str(lab.state), "boot"]
    log = _record(lab, row["number"]).with_suffix(".log")
    with log.open("ab") as out:
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True, cwd=ROOT
        )
        assert child.stdin
        child.stdin.write(json.dumps(row).encode())
        child.stdin.close()
    _note(lab, row | {"boot": child.pid}, "starting")
    child.returncode = 0  # it outlives us on purpose


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
        "user_data": asked.get("user_data", ""),
        "boot": 0,
    }
    _note(lab, row, "starting")
    return row


def _note(lab: Lab, row: Row, state: str) -> None:
    path = _record(lab, row["number"])
    path.parent.mkdir(exist_ok=True)
    boot = row["boot"] or (json.loads(path.read_text())["boot"] if path.exists() else 0)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(row | {"state": state, "boot": boot}))
    draft.replace(path)


def _booting(row: Row) -> int:
    """The process that boots it, while it does."""
    try:
        words = Path(f"/proc/{row['boot']}/cmdline").read_bytes()
    except OSError:
        return 0
    return int(row["boot"]) if b"tests.lab.machines" in words else 0


def _shown(lab: Lab, row: Row) -> Row:
    shown = {key: row[key] for key in ("id", "tags", "launched_at", "state")}
    return shown | {"address": machine_of(lab, row).address}


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
