"""What a machine settles with the others before any of its parts begins: the schema, the sealing key, the queue."""

from pipeline.errors import BadConfig, Conflict
from pipeline.settings import Server
from runners.machine import this_machine
from runners.store import Store
from runners.store.machines import Machine


def gather(server: Server, store: Store) -> None:
    """Brings the schema up to date. Raises `BadConfig` or `Conflict` when this machine would not work with the others."""
    if not store.shared:
        store.migrate()
        store.agree()
        return
    machine = this_machine(server)
    store.migrate(machine.id)
    store.agree()
    for other in store.machines.others(machine.id):
        _demand_one_queue(machine, other)
    store.machines.note(machine)


def demand_alone(server: Server, store: Store) -> None:
    """For what all machines would have to do at once."""
    others = store.machines.others(this_machine(server).id) if store.shared else ()
    if others:
        names = ", ".join(other.name for other in others)
        raise Conflict(
            f"{names} works with the same key. End Shipway there (`systemctl stop shipway`), try this again a minute later, "
            "and copy keys/seal.key there before you start it again."
        )


def _demand_one_queue(machine: Machine, other: Machine) -> None:
    if machine.own_redis or other.own_redis:
        which = "here" if machine.own_redis else f"on {other.name}"
        raise BadConfig(
            f"server.redis is empty {which}, and {other.name} works on the same database: workers of one machine would not be "
            "woken by the other. Set server.redis on both to one Redis that both reach."
        )
