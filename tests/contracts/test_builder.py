"""The contract of port `Builder`, over a real engine and over the stand-in."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from pipeline.delivery import orders
from pipeline.errors import Rejected, Stopped
from pipeline.fleet.host import RegistryAccess
from pipeline.settings import BuilderSettings
from runners.builder import EngineBuilder
from runners.stand_ins.delivery import MemoryBuilder
from tests.parts.laboratory import NoLab, laboratory
from tests.parts.silent_registry import silent_registry

NUMBERS = itertools.count(os.getpid() * 100)


def never() -> bool:
    return False


class Bench:
    """A builder, and orders that it can carry out."""

    def __init__(self, builder, access, base, folder: Path):
        self.builder, self.access, self.base, self.folder = builder, access, base, folder
        self.run = next(NUMBERS)
        self.service = f"e4-contract-{self.run}"
        self.repository = access.repository(self.service)
        self.tag = f"{self.repository}:run-{self.run}"
        self.told = []

    def order(self, tag="", **changes):
        text = f"FROM {self.base}\nCOPY Dockerfile /d\n"
        (self.folder / "Dockerfile").write_text(text)
        labels = {"shipway.run": str(self.run), "shipway.service": self.service}
        return orders.BuildOrder(
            **{
                **{
                    "run": self.run,
                    "service": self.service,
                    "context": str(self.folder),
                    "dockerfile": "Dockerfile",
                },
                **{
                    "target": "",
                    "args": {},
                    "tag": tag or self.tag,
                    "labels": labels,
                    "timeout": 60.0,
                    "text": text,
                },
                **changes,
            }
        )

    def test_order(self, commands=None):
        return orders.TestOrder(
            self.run, self.tag, commands or {"": ("true",)}, {}, {}, 60.0, "", 1 << 28, 1.0, 64
        )

    def build(self, stop=lambda: False):
        return self.builder.build(self.order(), self.told.append, stop)

    @contextmanager
    def silence(self) -> Iterator[tuple[RegistryAccess, Callable[[], bool]]]:
        """A registry that does not answer, and whether somebody waits for it."""
        self.builder.hanging.add("publish")
        yield self.access, lambda: True


class EngineBench(Bench):
    @contextmanager
    def silence(self):
        with silent_registry(self.access.address.rpartition(":")[0]) as registry:
            yield RegistryAccess(registry.address, "e4", insecure=True), registry.asked.is_set


@pytest.fixture(params=["memory", pytest.param("engine", marks=pytest.mark.live)])
def bench(request, tmp_path):
    if request.param == "memory":
        yield Bench(MemoryBuilder(), RegistryAccess("registry:5000", "e4"), "busybox", tmp_path)
        return
    try:
        lab = laboratory()
    except NoLab as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    access = RegistryAccess(lab.registry, "e4", insecure=True)
    builder = EngineBuilder(BuilderSettings(lab.builder), access)
    made = EngineBench(builder, access, lab.images["busybox"], tmp_path)
    yield made
    builder.clean(made.run)
    builder.close()
    engine = docker.APIClient(base_url=lab.builder, version="1.41")
    for image in engine.images(filters={"label": f"shipway.service={made.service}"}):
        engine.remove_image(image["Id"], force=True)
    engine.close()


def test_build_gives_an_image_that_has_facts(bench):
    image = bench.build()

    assert image.startswith("sha256:")
    assert bench.builder.facts(bench.tag) == orders.ImageFacts()
    assert bench.told


def test_facts_of_what_was_never_built_are_rejected(bench):
    with pytest.raises(Rejected, match=bench.service):
        bench.builder.facts(bench.tag)


def test_building_twice_is_fine(bench):
    bench.build()
    bench.build()

    assert bench.builder.facts(bench.tag)


def test_tests_tell_their_exit_code(bench):
    bench.build()

    outcome = bench.builder.test(bench.test_order(), bench.told.append, never)

    assert [command.exit_code for command in outcome.commands] == [0]


def test_every_command_has_a_result_in_its_order(bench):
    bench.build()

    outcome = bench.builder.test(
        bench.test_order({"lint": ("true",), "unit": ("true",)}), bench.told.append, never
    )

    assert [command.name for command in outcome.commands] == ["lint", "unit"]


def test_published_image_is_named_by_its_digest(bench):
    bench.build()

    reference = bench.builder.publish(bench.tag, bench.repository, bench.access, bench.told.append, never)

    repository, _, digest = reference.partition("@")
    assert repository == bench.repository
    assert digest.startswith("sha256:")
    assert len(digest) == 71


def test_publishing_twice_gives_the_same_digest(bench):
    bench.build()
    first = bench.builder.publish(bench.tag, bench.repository, bench.access, bench.told.append, never)

    assert bench.builder.publish(bench.tag, bench.repository, bench.access, bench.told.append, never) == first


def test_work_that_is_stopped_raises_stopped(bench):
    with pytest.raises(Stopped):
        bench.build(stop=lambda: True)
    with pytest.raises(Stopped):
        bench.builder.test(bench.test_order(), bench.told.append, lambda: True)


def test_push_that_is_stopped_raises_stopped(bench):
    bench.build()

    with pytest.raises(Stopped):
        bench.builder.publish(bench.tag, bench.repository, bench.access, bench.told.append, lambda: True)


def test_push_that_hangs_ends_when_it_is_stopped(bench):
    bench.build()
    with bench.silence() as (access, waits):
        asked = []

        def stop():
            asked.extend([time.monotonic()] if waits() else [])
            return bool(asked)

        with pytest.raises(Stopped):
            bench.builder.publish(bench.tag, access.repository("e4"), access, bench.told.append, stop)

        assert time.monotonic() - asked[0] < 5


def test_cleaning_twice_and_of_nothing_is_fine(bench):
    bench.builder.clean(bench.run)
    bench.builder.clean(bench.run)


def test_an_image_that_a_run_needs_stays_and_others_go_whatever_their_numbers(bench):
    run, kept = bench.run, bench.tag
    bench.build()
    bench.run = next(NUMBERS) + 1_000_000  # of a database that is gone: its numbers were higher
    bench.tag = f"{bench.repository}:run-{bench.run}"
    bench.build()

    bench.builder.clean(run, bench.service, {run})

    assert bench.builder.facts(kept)
    with pytest.raises(Rejected):
        bench.builder.facts(bench.tag)
    bench.run = run


def test_image_outlives_the_cleaning_and_the_one_for_tests_does_not(bench):
    bench.build()
    bench.builder.build(bench.order(f"{bench.tag}-test"), bench.told.append, lambda: False)

    bench.builder.clean(bench.run)

    assert bench.builder.facts(bench.tag)
    with pytest.raises(Rejected):
        bench.builder.facts(f"{bench.tag}-test")
