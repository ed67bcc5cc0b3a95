"""The flow over a world of stand-ins: looks, drafts deployments, remembers; killed at any moment it goes on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.metric import Criterion
from pipeline.rollout.deployment import Reason, Status
from pipeline.scaling.group import Scaled, Verdict
from pipeline.scaling.policy import Measure, Target
from pipeline.scaling.scale import scale_environments
from runners.stand_ins.scaling import MemoryScaling
from runners.stand_ins.things import Quality
from tests.rollout.stage import PRODUCTION, SHOP, Stage
from tests.scaling.town import GROUP, POLICY, Town


def test_a_service_grows_under_load_and_shrinks_when_it_is_gone():
    town = Town()
    town.cores = 1.8  # 180 % of the two replicas' limits each

    grown = town.looks(4)

    assert (len(grown), town.replicas) == (1, 3)
    deployment = town.stage.books.deployments.deployment(grown[0])
    assert (deployment.reason, deployment.requested_by, deployment.status) == (
        "scale",
        "scaling",
        "succeeded",
    )
    town.cores = 0.1
    town.looks(60)
    assert town.replicas == 1
    told = [(one.verdict, one.before, one.after) for one in reversed(town.book.decisions(GROUP))]
    assert told[0] == ("out", 1, 3)
    assert told[-1][0] == "in"
    town.stage.check(town.stage.books.deployments.deployments(SHOP, PRODUCTION)[0].id, town.live)


def test_every_decision_says_why_and_names_its_deployment():
    town = Town()
    town.cores = 1.8
    (number,) = town.looks(4)

    (line,) = town.book.decisions(GROUP)

    assert line.deployment == number
    assert line.reason == "cpu is 180 %, more than 60 % for 3 looks in a row"


def test_all_hosts_grow_together():
    town = Town()
    town.cores = 1.8
    (number,) = town.looks(4)

    policy = town.stage.books.deployments.deployment(number).policy

    assert (policy.batch, policy.waves) == ("100%", "none")


def test_while_a_deployment_runs_nothing_is_scaled_and_nothing_is_superseded():
    town = Town()
    town.cores = 1.8
    pushed = town.stage.deploy(town.stage.release(), Reason.PUSH)

    assert town.looks(8) == []

    assert town.book.memories()[GROUP].verdict is Verdict.FROZEN
    assert town.stage.books.deployments.deployment(pushed).status is Status.PENDING


def test_a_deployment_that_comes_in_between_wins():
    """It is created after the look and before the draft: the number of replicas stays what it was."""
    town = Town()
    town.cores = 1.8
    town.looks(3)
    real = town.stage.books.deployments
    ports = town.ports
    before = real.environment(SHOP, PRODUCTION).replicas

    class Late:
        """Somebody deploys in the very moment in which replicas are set."""

        def __getattr__(self, name: str) -> Callable[..., object]:
            found: Callable[..., object] = getattr(real, name)
            return found

        def set_replicas(self, service: str, environment: str, replicas: int) -> None:
            real.set_replicas(service, environment, replicas)
            if not [one for one in real.deployments(SHOP, PRODUCTION) if not one.over]:
                town.stage.deploy(town.live, Reason.PUSH)

    town.stage.clock.sleep(15.0)
    done = scale_environments(replace(ports, deployments=Late()))

    assert done.deployments == ()
    assert [one.verdict for one in done.decided] == [Verdict.REFUSED]
    assert real.environment(SHOP, PRODUCTION).replicas in (before, 1)
    assert real.deployments(SHOP, PRODUCTION)[0].status is Status.PENDING


def test_a_change_that_failed_is_tried_again_after_a_while_and_not_before():
    town = Town()
    town.cores = 1.8
    town.stage.world.taken.add("web-2")
    town.looks(4)

    assert town.looks(20) == []
    assert "the next try is at" in town.book.memories()[GROUP].reason
    town.stage.world.taken.clear()
    town.looks(30)
    assert town.replicas == 3


def test_without_a_memory_limit_memory_is_not_measured_and_that_is_said():
    town = Town(replace(POLICY, targets=(Target(Measure.MEMORY, 75.0),)))
    town.loads.memory = 1 << 30

    town.looks(5)

    memory = town.book.memories()[GROUP]
    assert memory.verdict is Verdict.NO_DATA
    assert "run.memory in .shipway.yml" in memory.reason


def test_memory_grows_it_too():
    town = Town(replace(POLICY, targets=(Target(Measure.MEMORY, 50.0),)), memory=100 << 20)
    town.loads.memory = 90 << 20

    town.looks(4)

    assert town.replicas == 2


def test_requests_are_those_that_the_proxies_count():
    town = Town(replace(POLICY, targets=(Target(Measure.REQUESTS, 10.0),)))  # 30 a second come to each

    town.looks(5)

    figures = town.book.memories()[GROUP].figures
    assert town.book.decisions(GROUP)[-1].after == 3
    assert figures[0].measure == "requests"


def test_a_query_is_filled_in_and_asked():
    asked = []
    criterion = Criterion("http://prometheus", "load{{service}}/{replicas}", 5.0)
    town = Town(replace(POLICY, targets=(Target(Measure.QUERY, 5.0, criterion),)))
    real = town.stage.ports.metrics

    class Metrics:
        def read(self, criterion: Criterion, query: str) -> object:
            asked.append(query)
            return real.read(criterion, query)

    town.stage.world.metric = 12.0
    town.stage.ports = replace(town.stage.ports, metrics=Metrics())

    town.looks(4)

    assert asked[0] == "load{shop}/2"
    assert town.replicas == 3


@pytest.mark.parametrize("trouble", ["no data", "silent", "negative"])
def test_a_prometheus_without_an_answer_never_shrinks_it(trouble):
    criterion = Criterion("http://prometheus", "x", 5.0)
    town = Town(replace(POLICY, targets=(Target(Measure.QUERY, 5.0, criterion),)), replicas=3)
    world = town.stage.world
    world.metric = {"no data": None, "silent": 0.0, "negative": -4.0}[trouble]
    world.metric_error = "http://prometheus: it cannot be reached" if trouble == "silent" else ""

    town.looks(40)

    assert (town.replicas, town.book.memories()[GROUP].verdict) == (3, Verdict.NO_DATA)


def test_a_host_that_is_away_makes_its_replicas_unready_and_halts_it():
    town = Town(replicas=2)
    town.cores = 3.0
    town.stage.world.up["web-2"] = False

    town.looks(6)

    assert town.book.memories()[GROUP].verdict is Verdict.HALTED


def test_what_is_new_is_not_counted_until_it_is_warm():
    town = Town(replace(POLICY, warm_up=120.0))
    town.stage.clock.sleep(120.0)
    town.cores = 1.2
    town.looks(4)
    assert town.replicas == 2
    town.cores = 1.3

    town.looks(4)

    assert town.replicas == 2


def test_a_person_outside_the_range_is_brought_back():
    town = Town()
    town.stage.books.deployments.set_replicas(SHOP, PRODUCTION, 9)
    town.stage.run(town.stage.deploy(town.live, Reason.SCALE))

    town.looks(1)

    assert town.replicas == 6


def test_a_scheduler_that_dies_between_any_two_looks_changes_nothing():
    """The memory is written to a book and read from it at each look; nothing else is known to the next one."""
    whole, apart = Town(), Town()
    whole.cores = apart.cores = 1.8
    whole.looks(4)
    for _ in range(4):
        apart.book = MemoryScaling(dict(apart.book.rows), list(apart.book.lines))
        apart.looks(1)

    assert [line.after for line in whole.book.lines] == [line.after for line in apart.book.lines]


def test_two_schedulers_in_one_moment_look_once():
    town = Town()
    town.cores = 1.8
    town.looks(2)
    scale_environments(town.ports)
    scale_environments(town.ports)

    assert town.book.memories()[GROUP].above <= 2


def test_a_crash_after_the_draft_and_before_the_book_drafts_no_second_one():
    town = Town()
    town.cores = 1.8
    town.looks(3)

    class Broken(MemoryScaling):
        def save(self, memories: object, decided: object) -> None:
            raise Unreachable("the database is away")

    town.stage.clock.sleep(15.0)
    broken = replace(town.ports, scaling=Broken(dict(town.book.rows)))
    with pytest.raises(Unreachable):
        scale_environments(broken)

    assert town.looks(3, obey=False) == []
    assert (
        len([one for one in town.stage.books.deployments.deployments(SHOP, PRODUCTION) if not one.over]) == 1
    )


def test_nothing_live_is_not_looked_at():
    town = Town()
    stage = Stage(hosts=2)
    ports = replace(stage.ports, settings=town.settings, scaling=town.book)

    assert scale_environments(ports) == Scaled()


def test_a_bad_replica_is_no_reason_to_grow_for_ever():
    town = Town()
    town.stage.world.qualities[town.live.number] = Quality.GOOD
    town.cores = 60.0

    town.looks(40)

    assert town.replicas == 6
    assert town.book.memories()[GROUP].verdict is Verdict.AT_MAX
