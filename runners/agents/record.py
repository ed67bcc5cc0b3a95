"""What our end of the agents leaves in the data folder: a socket for each host whose agent is connected (in /tmp where its
path would be too long), and a record of each that ever was. Whoever reaches an engine, in whatever process, looks here;
nobody but the hub writes.
"""

import json
import re
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import Rejected
from pipeline.fleet.agent import AgentSeen
from runners.socket_folder import LONGEST_SOCKET, socket_folder

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")  # as settings have it; certificates must not bring others


def agents_of(data: str) -> str:
    return f"{data}/agents"


class AgentFolder:
    """`data/agents`."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).absolute()
        self.places = (self.folder, socket_folder(self.folder, LONGEST_SOCKET))  # of sockets

    def socket(self, name: str) -> Path:
        """Raises `Rejected` when that cannot be one."""
        if not NAME.fullmatch(name):
            raise Rejected(
                f"{name!r} is no name of an agent. Write agent:web-1, the host's name in its certificate."
            )
        return self._socket(name)

    def _socket(self, name: str) -> Path:
        file = f"{name}.sock"
        return socket_folder(self.folder, len(file)) / file

    def seen(self, name: str) -> AgentSeen | None:
        found = self.written(name)
        if found is None or not found.connected or _answers(self._socket(name)):
            return found
        if self.written(name) != found:  # it went in this very moment
            return self.written(name)
        return replace(
            found, connected=False, error="the door on this machine does not run; `shipway up` starts it"
        )

    def written(self, name: str) -> AgentSeen | None:
        """As the hub left it, however it ended."""
        try:
            row = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            return AgentSeen(**{**row, "since": datetime.fromisoformat(row["since"]).astimezone(UTC)})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, name: str, seen: AgentSeen) -> None:
        new = self.folder / f"{name}.json.new"
        row = {**vars(seen), "since": seen.since.isoformat()}
        new.write_text(json.dumps(row), encoding="utf-8")
        new.replace(self.folder / f"{name}.json")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as knock, suppress(OSError):
        knock.settimeout(1.0)
        knock.connect(str(path))
        return True
    return False
