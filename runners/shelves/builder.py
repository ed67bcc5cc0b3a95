"""The builder's engine as a shelf: images and containers of runs, and BuildKit's cache. Never touches what has no run.

Where a host has the same engine, that host lists what was pushed; here is only what never was.
"""

from collections.abc import Callable
from typing import Any

from pipeline.fleet.host import Host
from pipeline.ports import BUILDER
from pipeline.retention.thing import Kind, Thing, Verdict
from runners.builder.sweeping import trim_cache
from runners.engine_errors import speaking
from runners.engines.labels import SERVICE
from runners.reach import PATIENT, Reach
from runners.shelves.host import container_thing, image_thing, remove_dead, remove_image

WHERE = "builder"
RUN, PART = "shipway.run", "shipway.part"


class BuilderShelf:
    """`limit`: bytes of cache that may stay. `shared`: a host has the same engine."""

    disk = BUILDER

    def __init__(
        self, engine: str, reach: Reach, installation: Callable[[], str], limit: int, shared: bool
    ) -> None:
        self._host = Host(WHERE, engine, "127.0.0.1")
        self._reach = reach
        self._installation = installation
        self._limit = limit
        self._shared = shared

    def things(self) -> list[Thing]:
        with speaking(self._host, "list what lies there"):
            client: Any = self._reach.client(self._host, PATIENT)
            containers: list[dict[str, Any]] = client.containers(all=True)
            used = {str(container["ImageID"]) for container in containers}
            images = client.images(filters={"label": [RUN, SERVICE]})
            installation = self._installation()
            parts = [c for c in containers if {RUN, PART} <= (c["Labels"] or {}).keys()]
            return [
                *(container_thing(WHERE, part, installation) for part in parts),
                *(image_thing(Kind.BUILD, WHERE, i, used, installation) for i in images if self._lists(i)),
                *cache_of(client),
            ]

    def remove(self, goer: Verdict) -> None:
        with speaking(self._host, f"remove {goer.thing.label}"):
            client: Any = self._reach.client(self._host, PATIENT)
            match goer.thing.kind:
                case Kind.CACHE:
                    trim_cache(client, self._limit)
                case Kind.CONTAINER:
                    remove_dead(client, self._host, goer.thing)
                case _:
                    remove_image(client, self._host, goer)

    def _lists(self, image: dict[str, Any]) -> bool:
        pushed = any(not name.startswith("<none>") for name in image["RepoDigests"] or [])
        nameless = not any(not tag.startswith("<none>") for tag in image["RepoTags"] or [])
        return not self._shared or not (pushed or nameless)


def cache_of(client: Any) -> list[Thing]:
    """One thing: BuildKit decides itself what of it was used least. Before API 1.42 the type is not understood, and all
    is counted, which takes the engine longer."""
    url = client._url("/system/df")
    answer = client._result(client._get(url, params={"type": "build-cache"}), True)
    records = answer.get("BuildCache") or []
    size = sum(int(record.get("Size", 0)) for record in records if not record.get("Shared"))
    return [Thing(Kind.CACHE, WHERE, "cache", "BuildKit's cache", size=size)]
