"""Machines that a command of the operator's makes, lists and deletes: for a lab, or for a hypervisor of one's own.

The command is a list of words, to which `launch`, `list` or `terminate` is added. It reads one JSON document and prints one;
docs/hosts-pools.md has the forms. Exit code 2: refused for good; any other but 0: it may be tried again.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.pools.order import INSTALLATION, POOL, WISH, Instance, InstanceState, Order
from pipeline.pools.pool import Pool
from runners.clouds.tags import refuse_others, tags_of

T = TypeVar("T")
PATIENCE = 45.0  # seconds for the command; shorter than the lease of pools
REFUSED = 2


class LabMachines:
    """Implements `pipeline.pools.cloud.Compute`."""

    def __init__(self, pool: Pool, installation: str) -> None:
        self._pool = pool
        self._installation = installation

    def launch(self, order: Order) -> str:
        asked = {"name": order.name, "wish": order.wish, "user_data": order.user_data.reveal()}
        answer = self._run("launch", asked | {"tags": tags_of(order, self._installation)})
        return self._read("launch", lambda: str(answer["instance"]))

    def rehearse(self, order: Order) -> None:
        """Its command only knows how to make one."""

    def instances(self) -> Sequence[Instance]:
        return [_instance(row) for row in self._rows() if self._is_ours(row["tags"])]

    def extend(self, instance: str, until: datetime) -> None:
        """Its command deletes nothing by itself."""

    def terminate(self, instances: Sequence[str]) -> None:
        found = {row["id"]: row["tags"] for row in self._rows() if row["id"] in instances}
        refuse_others(found, self._pool, self._installation)
        if found:
            self._run("terminate", {"instances": list(found)})

    def _is_ours(self, tags: dict[str, str]) -> bool:
        return (tags.get(INSTALLATION), tags.get(POOL)) == (self._installation, self._pool.name)

    def _rows(self) -> list[dict[str, Any]]:
        answer = self._run("list", {})
        return self._read("list", lambda: [{**row, "tags": dict(row["tags"])} for row in answer["instances"]])

    def _run(self, action: str, asked: dict[str, object]) -> Any:
        words = [*self._pool.command, action]
        try:
            done = subprocess.run(
                words, input=json.dumps(asked), capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{self._name} {action}: it did not end within {PATIENCE:.0f} s.") from error
        except OSError as error:
            raise BadConfig(
                f"{self._name}: {error.strerror}. Correct `command` of pool {self._pool.name}."
            ) from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].rstrip(".")
            kind = Rejected if done.returncode == REFUSED else Unreachable
            raise kind(f"{self._name} {action}: {said}.")
        return self._read(action, lambda: json.loads(done.stdout))

    def _read(self, action: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"{self._name} {action}: its answer cannot be read ({error!r}).") from error

    @property
    def _name(self) -> str:
        return f"Pool {self._pool.name}: {self._pool.command[0]}"


def _instance(row: dict[str, Any]) -> Instance:
    return Instance(
        str(row["id"]),
        str(row["tags"].get(WISH, "")),
        InstanceState(row.get("state", "running")),
        str(row.get("address", "")),
        datetime.fromisoformat(row["launched_at"]) if row.get("launched_at") else None,
        str(row.get("taken", "")),
    )
