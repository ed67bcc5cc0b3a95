"""What lies on a real host and a real builder: what was pulled gets a mark, what runs is never ended, the cache is bounded."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import docker.errors
import pytest

from pipeline.errors import Rejected
from pipeline.fleet.host import RegistryAccess
from pipeline.retention.thing import Kind, Thing, Verdict
from runners.engine import DockerEngines
from runners.registries.distribution import Registry
from runners.shelves.builder import BuilderShelf
from runners.shelves.host import HostShelf
from runners.shelves.registry import RegistryShelf
from tests.parts.fleet import Fleet, until
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
OURS, THEIRS = "a" * 16, "b" * 16


@pytest.fixture
def fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


@pytest.fixture
def foreign(fleet: Fleet) -> Iterator[str]:
    """An image that only the registry has, two tags of it."""
    client = fleet.reach.client(fleet.host)
    name = f"{fleet.lab.registry}/elsewhere/{fleet.service}"
    made = client.create_container(fleet.image("busybox"), ["true"])["Id"]
    client.commit(made, name, "run-1", changes=f"LABEL n={fleet.service}")
    client.remove_container(made)
    client.tag(f"{name}:run-1", name, "run-2")
    for tag in ("run-1", "run-2"):
        list(client.push(name, tag, stream=True))
    (image,) = client.inspect_image(f"{name}:run-1")["RepoDigests"]
    for tag in ("run-1", "run-2"):
        client.remove_image(f"{name}:{tag}")
    yield image
    for found in (image, *(t.references for t in things(fleet) if image in t.references)):
        for reference in [found] if isinstance(found, str) else found:
            with suppress(docker.errors.APIError):
                client.remove_image(reference)


def shelf(fleet: Fleet, installation: str = OURS) -> HostShelf:
    return HostShelf(fleet.host, fleet.reach, lambda: installation)


def things(fleet: Fleet, installation: str = OURS) -> list[Thing]:
    return shelf(fleet, installation).things()


def the(image: str, fleet: Fleet, installation: str = OURS) -> Thing:
    return next(thing for thing in things(fleet, installation) if image in thing.references)


def pull(fleet: Fleet, image: str, installation: str) -> None:
    engines = DockerEngines(fleet.reach, lambda: installation)
    engines.pull(fleet.host, image, RegistryAccess(fleet.lab.registry, insecure=True))


def test_what_we_pulled_is_marked_as_ours_and_is_anothers_to_another(fleet: Fleet, foreign: str) -> None:
    pull(fleet, foreign, OURS)

    assert (the(foreign, fleet).mine, the(foreign, fleet).other) == (True, "")
    assert (the(foreign, fleet, THEIRS).mine, the(foreign, fleet, THEIRS).other) == (False, OURS)


def test_what_was_there_before_us_gets_no_mark(fleet: Fleet, foreign: str) -> None:
    client = fleet.reach.client(fleet.host)
    client.pull(foreign.partition("@")[0], tag=foreign.partition("@")[2])

    pull(fleet, foreign, OURS)

    assert not the(foreign, fleet).mine
    client.remove_image(foreign)


def test_an_image_goes_with_all_its_names_and_twice_is_fine(fleet: Fleet, foreign: str) -> None:
    pull(fleet, foreign, OURS)
    found = the(foreign, fleet)
    goer = Verdict(found, True, "", found.references)

    shelf(fleet).remove(goer)
    shelf(fleet).remove(goer)

    assert not [thing for thing in things(fleet) if thing.name == found.name]


def test_an_image_that_a_container_came_to_use_keeps_its_names(fleet: Fleet, foreign: str) -> None:
    pull(fleet, foreign, OURS)
    found = the(foreign, fleet)
    client = fleet.reach.client(fleet.host)
    made = client.create_container(foreign, ["true"])["Id"]
    try:
        with pytest.raises(Rejected, match=r"a container came to use .*; left"):
            shelf(fleet).remove(Verdict(found, True, "", found.references))
        assert the(foreign, fleet).references == found.references
        assert the(foreign, fleet).used
    finally:
        client.remove_container(made)


def containers(fleet: Fleet) -> list[Thing]:
    return [t for t in things(fleet) if t.kind is Kind.CONTAINER and t.service == fleet.service]


def test_a_dead_container_goes_and_a_running_one_is_refused(fleet: Fleet) -> None:
    engines = DockerEngines(fleet.reach, lambda: OURS)
    for index, command in enumerate((("sleep", "60"), ("true",))):
        with suppress(Exception):
            engines.start(fleet.host, fleet.plan(index=index, command=command))
    assert until(lambda: [thing.used for thing in containers(fleet)].count(False) == 1)
    running, dead = sorted(containers(fleet), key=lambda thing: not thing.used)
    theirs = [t for t in things(fleet, THEIRS) if t.service == fleet.service]

    assert (running.mine, running.release, {t.other for t in theirs}) == (True, 1, {OURS})
    with pytest.raises(Rejected, match="runs again"):
        shelf(fleet).remove(Verdict(running, True, ""))
    for _ in range(2):
        shelf(fleet).remove(Verdict(dead, True, ""))

    left = [t.name for t in things(fleet) if t.service == fleet.service]
    assert left == [running.name]


def test_a_manifest_goes_with_both_its_tags(fleet: Fleet, foreign: str) -> None:
    registry = Registry(RegistryAccess(fleet.lab.registry, insecure=True), lambda: ("", ""))
    here = RegistryShelf(registry, [(foreign.partition("@")[0], fleet.service)], delete=True)
    (found,) = here.things()
    assert (found.name, len(found.references), found.locked) == (foreign, 2, "")

    here.remove(Verdict(found, True, ""))
    here.remove(Verdict(found, True, ""))

    assert here.things() == []


def test_the_build_cache_is_told_and_trimmed(lab: Laboratory, fleet: Fleet) -> None:
    here = BuilderShelf(lab.builder, fleet.reach, lambda: OURS, limit=0, shared=False)
    (cache,) = [thing for thing in here.things() if thing.kind is Kind.CACHE]

    here.remove(Verdict(replace(cache, size=1), True, ""))

    (after,) = [thing for thing in here.things() if thing.kind is Kind.CACHE]
    assert (after.size or 0) <= (cache.size or 0)
