"""`door`: the process that hosts join by. What it answers is `pipeline.door`'s."""

import logging
import signal
from types import FrameType

import click

from pipeline.commands.asked import asked
from pipeline.commands.listening import listening_socket
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.commands.peering import peer_side
from pipeline.door import answers
from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.enrol import host_of
from pipeline.errors import BadConfig, ShipwayError
from pipeline.wiring import build_ports
from runners.agents.hub import Hub
from runners.agents.record import agents_of
from runners.authority import HOSTS, Authority
from runners.door.identity import DoorIdentity
from runners.door.limit import Refusals
from runners.door.listener import Door
from runners.log_lines import set_up
from runners.process import Beat
from runners.settings_source import load_settings

log = logging.getLogger("shipway.door")

REVOKED = 300  # seconds between two tries of an agent that is refused


@click.command()
@log_format_option
@beat_option
def door(log_format: str, beat: str) -> None:
    """Run the door alone, by which hosts join: a TLS listener at `enrolment.listen`.

    For several machines. It needs server.redis and server.database, which all machines share.
    """
    set_up(log_format)
    settings = load_settings(asked().config_path())
    if settings.enrolment is None:
        raise BadConfig(
            "Nobody may join: shipway.yml has no `enrolment`. docs/hosts.md tells how it is written."
        )
    store = open_books(settings)
    ports = build_ports(settings, store)
    desk = ports.enrolment
    assert desk is not None  # noqa: S101 (there is one where there is `enrolment`)
    identity = DoorIdentity(Authority(HOSTS, store.authorities), settings.enrolment.addresses)
    peers = peer_side(settings, store)
    hub = Hub(agents_of(settings.server.data), told=peers.told)
    listener = listening_socket(settings.enrolment.listen, "enrolment.listen")
    made = Door(
        listener,
        identity,
        answers(desk, Refusals()),
        lambda asked: host_of(asked.serial, desk),
        hub.take,
    )

    def end(_: int, __: FrameType | None) -> None:
        made.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    hub.start()
    try:
        with peers.serving(hub, made.end):
            made.serve(lambda: _look(hub, desk, Beat(beat)))
    finally:
        listener.close()
        hub.close()
        peers.close()
        store.close()


def _look(hub: Hub, desk: EnrolmentDesk, beat: Beat) -> None:
    """We live; and whose certificates were revoked since it connected is sent away."""
    beat.touch()
    try:
        gone = hub.connected() - desk.certificates.holders().keys()
    except ShipwayError as error:
        log.warning("certificates of agents not looked at, trying again", extra={"error": str(error)})
        return
    for name in gone:
        hub.end(name, "its certificate was revoked", REVOKED)
