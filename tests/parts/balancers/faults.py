"""What a fake of a cloud does wrong on request. Each is used up by the calls that meet it."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Fault:
    """`lost`: the call is done, and its answer never arrives. Else it is refused and nothing is done."""

    action: str  # as the cloud names it, or * for any
    code: str = ""
    status: int = 400
    times: int = 1
    lost: bool = False


@dataclass
class Faults:
    waiting: list[Fault] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self.waiting.extend(faults)

    def take(self, action: str) -> Fault | None:
        """The first that this call meets, one time less."""
        with self._lock:
            for fault in self.waiting:
                if fault.times > 0 and fault.action in (action, "*"):
                    fault.times -= 1
                    self.met.append(f"{action} {'lost' if fault.lost else fault.code}")
                    return fault
        return None
