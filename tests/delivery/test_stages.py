"""The rules of a run."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest

from pipeline.delivery import stages
from pipeline.delivery.orders import ImageFacts, Recipe
from pipeline.delivery.report import Case, CommandResult, ServiceContainer, Totals
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import Run, RunStatus, Stage, StageName, StageStatus
from pipeline.errors import StageFailed
from pipeline.fleet.host import RegistryAccess
from pipeline.fleet.service import Environment
from pipeline.rollout.release import HealthCheck, HealthKind
from pipeline.secret import Secret
from pipeline.spec import BuildSpec, RunSpec, Spec
from pipeline.spec import TestSpec as SpecOfTests

RUN = Run(
    7, "Shop", "production", "branch", "main", "a" * 40, RunStatus.RUNNING, datetime(2026, 1, 1, tzinfo=UTC)
)
HERE = Environment("Shop", "production", ())
C, B, T, P, D = StageName
YES, SKIP, BAD = StageStatus.SUCCEEDED, StageStatus.SKIPPED, StageStatus.FAILED
WAIT, ON = StageStatus.PENDING, StageStatus.RUNNING


@pytest.mark.parametrize(
    ("statuses", "there", "todo"),
    [
        ([WAIT] * 5, False, [C, B, T, P, D]),
        ([ON, WAIT, WAIT, WAIT, WAIT], False, [C, B, T, P, D]),
        ([YES, ON, WAIT, WAIT, WAIT], True, [C, B, T, P, D]),
        ([YES, YES, ON, WAIT, WAIT], True, [C, T, P, D]),
        ([YES, YES, ON, WAIT, WAIT], False, [C, B, T, P, D]),
        ([YES, YES, SKIP, WAIT, WAIT], True, [C, P, D]),
        ([YES, YES, YES, ON, WAIT], False, [C, B, T, P, D]),
        ([YES, YES, YES, YES, WAIT], False, [C, D]),
        ([YES, YES, YES, YES, ON], True, [C, D]),
    ],
)
def test_what_is_left_to_do(statuses, there, todo):
    run = replace(
        RUN, stages=tuple(Stage(name, status) for name, status in zip(StageName, statuses, strict=True))
    )

    assert list(stages.remaining(run, there)) == todo


def test_tag_is_lower_case_behind_the_address():
    access = RegistryAccess("Registry.example.com:5000", "ACME")

    assert stages.tag_of(RUN, access) == "Registry.example.com:5000/acme/shop:run-7"


def test_image_says_where_it_comes_from():
    labels = {"service": "Shop", "commit": "a" * 40, "ref": "main", "run": "7"}

    assert stages.labels_of(RUN) == {f"shipway.{key}": value for key, value in labels.items()}


def test_image_tells_its_origin_in_words_that_other_tools_know():
    made, source = datetime(2026, 1, 2, 3, tzinfo=UTC), "https://git.example.com/acme/shop.git"
    named = {"revision": "a" * 40, "source": source, "created": "2026-01-02T03:00:00+00:00"}
    tag = replace(RUN, kind="tag", ref="v1.2")

    assert stages.origin_labels(RUN, source, made) == {
        f"org.opencontainers.image.{key}": value for key, value in named.items()
    }
    assert stages.origin_labels(tag, source, None)["org.opencontainers.image.version"] == "v1.2"


def test_build_order_says_what_both_files_say():
    spec = Spec(build=BuildSpec(target="app", args={"A": "1"}))

    order = stages.build_order(RUN, spec, Recipe("/tree/app", "Dockerfile", "FROM x"), "t", 60.0)

    assert (order.context, order.dockerfile, order.target, order.args) == (
        "/tree/app",
        "Dockerfile",
        "app",
        {"A": "1"},
    )
    assert (order.tag, order.timeout, order.text) == ("t", 60.0, "FROM x")


def test_build_gets_the_secrets_that_are_named_and_no_other():
    spec = Spec(build=BuildSpec(secrets=("A",)))
    secrets = {"A": Secret("a"), "DB": Secret("b")}

    order = stages.build_order(RUN, spec, Recipe("/t", "Dockerfile", ""), "t", 60.0, secrets)

    assert list(order.secrets) == ["A"]
    assert "a" not in repr(order.secrets).replace("A", "")


def test_build_secret_that_nobody_has_is_a_sentence():
    spec = Spec(build=BuildSpec(secrets=("NPM_TOKEN",)))

    with pytest.raises(
        StageFailed, match=r"names NPM_TOKEN, .* services\.Shop\.environments\.production\.secrets"
    ):
        stages.build_order(RUN, spec, Recipe("/t", "Dockerfile", ""), "t", 60.0, {})


@pytest.mark.parametrize(("cache", "before"), [(True, "r/shop@sha256:1"), (False, "")])
def test_cache_of_an_earlier_run_is_used_where_it_is_asked_for(cache, before):
    spec = Spec(build=BuildSpec(cache=cache))

    order = stages.build_order(RUN, spec, Recipe("/t", "D", ""), "t", 60.0, before="r/shop@sha256:1")

    assert (order.cache, order.cache_from) == (cache, before)


def test_same_tree_with_build_secrets_is_of_its_environment():
    plain, secret = Spec(), Spec(build=BuildSpec(secrets=("A",)))
    recipe, other = Recipe("/t", "Dockerfile", "FROM x"), replace(RUN, environment="test")

    assert stages.fingerprint(RUN, plain, recipe, "t") == stages.fingerprint(other, plain, recipe, "t")
    assert stages.fingerprint(RUN, secret, recipe, "t") != stages.fingerprint(other, secret, recipe, "t")
    assert stages.fingerprint(RUN, plain, recipe, "") == ""


@pytest.mark.parametrize(
    ("spec", "dockerfile", "plan"),
    [
        (SpecOfTests(command="pytest -q"), "FROM x", stages.TestPlan("", {"": ("pytest", "-q")})),
        (SpecOfTests(command="a", target="ci"), "FROM x", stages.TestPlan("ci", {"": ("a",)})),
        (SpecOfTests(command="a"), "FROM x AS test", stages.TestPlan("", {"": ("a",)})),
        (
            SpecOfTests(command="a", commands={"lint": "b | c"}),
            "FROM x",
            stages.TestPlan("", {"": ("a",), "lint": ("/bin/sh", "-c", "b | c")}),
        ),
        (SpecOfTests(), "FROM x AS test\nRUN y", stages.TestPlan("test")),
        (SpecOfTests(), "FROM x AS test\nCMD y", stages.TestPlan("test", {"": ()})),
        (SpecOfTests(target="ci"), "FROM x AS ci\nENTRYPOINT y", stages.TestPlan("ci", {"": ()})),
    ],
)
def test_how_it_is_tested(spec, dockerfile, plan):
    assert stages.plan_tests(Spec(test=spec), dockerfile) == plan


def test_no_test_says_why():
    assert "no test.command" in stages.plan_tests(Spec(), "FROM x").skipped


def test_tests_get_their_own_environment_and_never_the_operators_secrets():
    spec = Spec(test=SpecOfTests(env={"A": "1"}, services={"redis": ServiceContainer("redis:7")}))

    order = stages.order_of_tests(RUN, spec, stages.TestPlan(), "image")

    assert order.env == {"CI": "true", "A": "1"}
    assert order.services == {"redis": ServiceContainer("redis:7")}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -q", ("pytest", "-q")),
        ("pytest -k 'a b'", ("pytest", "-k", "a b")),
        ("a && b", ("/bin/sh", "-c", "a && b")),
        ("echo $HOME", ("/bin/sh", "-c", "echo $HOME")),
    ],
)
def test_only_a_command_that_needs_a_shell_gets_one(command, expected):
    assert stages.words(command) == expected


def outcome(*results):
    return Outcome(tuple(CommandResult(name, code, **more) for name, code, more in results))


@pytest.mark.parametrize(
    ("code", "more", "part"),
    [
        (0, {}, ""),
        (1, {"totals": Totals(failed=1)}, "`pytest` ended with exit code 1 (1 failed). The"),
        (137, {}, "out of memory"),
        (2, {}, "exit code 2."),
        (1, {"attempts": 2}, "exit code 1, at attempt 2 too."),
        (1, {"cases": (Case("a::b", "1 != 2"), Case("c"))}, "First failing: a::b (1 != 2), c. The log"),
        (1, {"cases": (Case("a"),) * 5}, "First failing: a, a, a, and 2 more."),
    ],
)
def test_red_tests_get_a_sentence(code, more, part):
    spec = Spec(test=SpecOfTests(command="pytest"))

    assert part in stages.failure_of(spec, outcome(("", code, more)))
    assert bool(stages.failure_of(spec, outcome(("", code, more)))) == bool(code)


def test_sentence_names_each_red_command_of_several():
    spec = Spec(test=SpecOfTests(command="pytest", commands={"lint": "ruff check .", "types": "mypy"}))

    sentence = stages.failure_of(spec, outcome(("", 0, {}), ("lint", 1, {}), ("types", 2, {})))

    assert sentence == (
        "The tests failed: lint `ruff check .` ended with exit code 1; types `mypy` ended with exit code 2. "
        "The log has their output."
    )


def test_next_attempt_is_at_what_was_red():
    spec = Spec(test=SpecOfTests(commands={"lint": "a", "unit": "b"}))
    order = stages.order_of_tests(RUN, spec, stages.plan_tests(spec, ""), "image")

    again = stages.tests_again(order, outcome(("lint", 0, {}), ("unit", 1, {})))

    assert (again.commands, again.attempt) == ({"unit": ("b",)}, 2)


def test_attempts_are_put_together_by_command():
    first = outcome(("lint", 0, {"coverage": 80.0}), ("unit", 1, {"totals": Totals(1, 1)}))

    both = first.then(outcome(("unit", 0, {"totals": Totals(2), "attempts": 2})))

    assert [command.exit_code for command in both.commands] == [0, 0]
    assert both.summary == "2 passed; coverage 80 %; green at attempt 2"


@pytest.mark.parametrize(
    ("wanted", "exposed", "port"),
    [(None, (), 8000), (None, (80,), 80), (None, (80, 443), 8000), (9, (80,), 9)],
)
def test_port_is_the_files_or_the_only_one_the_image_exposes(wanted, exposed, port):
    spec = Spec(run=RunSpec(port=wanted))

    assert stages.runtime_of(spec, HERE, ImageFacts(ports=exposed)).port == port


@pytest.mark.parametrize(
    ("health", "in_image", "kind"),
    [
        (None, False, HealthKind.TCP),
        (None, True, HealthKind.IMAGE),
        (HealthCheck(HealthKind.HTTP), True, HealthKind.HTTP),
    ],
)
def test_health_is_the_files_else_the_images_else_a_connect(health, in_image, kind):
    assert stages.runtime_of(Spec(health=health), HERE, ImageFacts(healthcheck=in_image)).health.kind is kind


def test_operator_wins_over_repository_and_secrets_over_both():
    spec = Spec(
        run=RunSpec(
            env={"A": "repo", "B": "repo", "DB": "repo"}, command="serve --now", before_deploy="./migrate"
        )
    )
    environment = replace(HERE, env={"B": "operator"}, secrets={"DB": Secret("x")})

    runtime = stages.runtime_of(spec, environment, ImageFacts())

    assert runtime.env == {"A": "repo", "B": "operator"}
    assert (runtime.command, runtime.before_deploy) == (("serve", "--now"), ("./migrate",))


@pytest.mark.parametrize(("asked", "given"), [(None, 10.0), (0.0, 0.0), (30.0, 30.0)])
def test_stop_timeout_has_a_default(asked, given):
    assert stages.runtime_of(Spec(run=RunSpec(stop_timeout=asked)), HERE, ImageFacts()).stop_timeout == given


@pytest.mark.parametrize("facts", [ImageFacts(), ImageFacts(True, (80, 443))])
def test_facts_survive_the_books(facts):
    assert stages.facts_from(stages.facts_detail(facts)) == facts


def test_pauses_grow_and_never_end():
    assert list(islice(stages.pauses(), 8)) == [1, 2, 4, 8, 15, 15, 15, 15]


def test_health_is_asked_by_the_name_that_users_ask_for():
    environment = Environment("shop", "production", (), domain="shop.example.com")

    spec = stages.runtime_of(Spec(), environment, ImageFacts())

    assert spec.health.host == "shop.example.com"
