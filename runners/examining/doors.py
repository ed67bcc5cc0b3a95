"""The doors of the other machines of the control plane: can each be called from here, and does it know us?"""

from collections.abc import Callable, Iterable

from pipeline.errors import ShipwayError
from pipeline.fleet.agent import DoorHere
from runners.examining.finding import Finding, bad, ok, warn

NAME = "other machines"


def look_at_doors(
    doors: Callable[[], Iterable[DoorHere]], machine: str, greet: Callable[[str], None]
) -> list[Finding]:
    """`doors`: those that gave a sign of life; `machine`: our own id; `greet` raises OSError or ValueError."""
    try:
        others = [door for door in doors() if door.machine != machine]
    except ShipwayError as error:
        return [bad(NAME, str(error), "start it, or correct server.database")]
    if not others:
        return [ok(NAME, "no other machine has a door open to agents")]
    return [_looked_at(door, greet) for door in others]


def _looked_at(door: DoorHere, greet: Callable[[str], None]) -> Finding:
    name = f"door of {door.name}"
    if not door.place:
        text = f"{door.name} knows no address of its own: hosts that dial it are reached from there alone"
        return warn(name, text, f"set enrolment.peers.address on {door.name}, and restart it")
    try:
        greet(door.place)
    except (OSError, ValueError) as error:
        text = f"{door.place} cannot be called from here, nor hosts whose agents dialled it: {error}"
        return bad(
            name, text, f"let this machine reach {door.place}, or correct enrolment.peers on {door.name}"
        )
    return ok(name, f"{door.place} answers and knows us")
