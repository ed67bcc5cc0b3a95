"""`door`: the process that hosts join by. What it answers is `pipeline.door`'s."""

import signal
from types import FrameType

import click

from pipeline.commands.asked import asked
from pipeline.commands.listening import listening_socket
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.door import answers
from pipeline.enrolment.enrol import host_of
from pipeline.errors import BadConfig
from pipeline.wiring import build_ports
from runners.authority import HOSTS, Authority
from runners.door.identity import DoorIdentity
from runners.door.limit import Refusals
from runners.door.listener import Door
from runners.log_lines import set_up
from runners.process import Beat
from runners.settings_source import load_settings


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
    listener = listening_socket(settings.enrolment.listen, "enrolment.listen")
    made = Door(listener, identity, answers(desk, Refusals()), lambda serial: host_of(serial, desk))

    def end(_: int, __: FrameType | None) -> None:
        made.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        made.serve(Beat(beat).touch)
    finally:
        listener.close()
        store.close()
