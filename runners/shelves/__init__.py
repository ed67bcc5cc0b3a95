"""The places where what Shipway makes piles up, each as port `Shelf`: hosts, builder, registry, our own folder.

A shelf tells what lies there and removes one thing at a time. Never decides what goes: `pipeline.retention` does.
"""

from collections.abc import Callable
from pathlib import Path

from pipeline.ports import Shelf
from pipeline.settings import Settings
from runners.git_command import remote_of
from runners.mirror import file_name
from runners.reach import Reach
from runners.registries import registry_of
from runners.shelves.builder import BuilderShelf
from runners.shelves.folder import FolderShelf
from runners.shelves.host import HostShelf
from runners.shelves.registry import RegistryShelf


def shelves_of(
    settings: Settings,
    reach: Reach,
    installation: Callable[[], str],
    let_go: Callable[[Path], None] = lambda _: None,
) -> tuple[Shelf, ...]:
    """Asks none of them anything yet."""
    retention, access = settings.retention, settings.registry
    engines: set[str] = set()
    hosts = []
    for host in settings.hosts.values():
        hosts.append(HostShelf(host, reach, installation, images=host.engine not in engines))
        engines.add(host.engine)
    engine = settings.builder.engine
    repositories = [(access.repository(name), name) for name in settings.services]
    clones = {file_name(remote_of(service.repository)) for service in settings.services.values()}
    return (
        *hosts,
        BuilderShelf(engine, reach, installation, retention.cache, shared=engine in engines),
        RegistryShelf(registry_of(access), repositories, retention.registry_delete),
        FolderShelf(settings.server.data, clones, let_go),
    )
