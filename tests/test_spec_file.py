""".shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.delivery.report import ServiceContainer
from pipeline.errors import StageFailed
from pipeline.rollout.release import HealthCheck, HealthKind
from pipeline.spec import BuildSpec, RunSpec, Spec
from pipeline.spec import TestSpec as SpecOfTests
from pipeline.spec_file import parse_spec, spec_schema


def faults(text: str) -> list[str]:
    with pytest.raises(StageFailed) as caught:
        parse_spec(text)
    return [line.strip() for line in str(caught.value).splitlines()]


@pytest.mark.parametrize("text", ["", "# nothing", "{}", "health:"])
def test_every_key_is_optional(text):
    assert parse_spec(text) == Spec()


def test_all_sections_are_understood():
    spec = parse_spec(
        """
build: {dockerfile: docker/Dockerfile, context: app, target: prod, args: {VERSION: 1.10}}
test: {command: "pytest -q", services: {redis: {image: "redis:7"}, db: "postgres:17"}, timeout: 5m, reports: "r/*.xml"}
run: {port: 9000, command: "./serve --all", env: {A: no}, memory: 256m, cpus: 0.5, stop_timeout: 30, before_deploy: ./m}
health: {path: /healthz, interval: 500ms, smoke: ["/", "/a?b=c"]}
"""
    )

    assert spec == Spec(
        build=BuildSpec("docker/Dockerfile", "app", "prod", {"VERSION": "1.10"}),
        test=SpecOfTests(
            "pytest -q",
            "",
            {"redis": ServiceContainer("redis:7"), "db": ServiceContainer("postgres:17")},
            {},
            300.0,
            "r/*.xml",
        ),
        run=RunSpec(9000, "./serve --all", {"A": "no"}, 256 << 20, 0.5, 30.0, "./m"),
        health=HealthCheck(HealthKind.HTTP, path="/healthz", interval=0.5, smoke=("/", "/a?b=c")),
    )


def test_tests_in_full_are_understood():
    spec = parse_spec(
        r"""
test:
  commands: {lint: "ruff check .", unit: "pytest | tee log"}
  services:
    db: {image: "postgres:17", env: {A: 1}, command: "postgres -c a=b", health: pg_isready, deadline: 2m}
    r: {image: r, health: 6379}
  retry: 1
  coverage: 'TOTAL.*?(\d+)%'
  artifacts: [htmlcov/, "dist/*.whl"]
"""
    ).test

    assert spec == SpecOfTests(
        commands={"lint": "ruff check .", "unit": "pytest | tee log"},
        services={
            "db": ServiceContainer("postgres:17", {"A": "1"}, "postgres -c a=b", "pg_isready", 120.0),
            "r": ServiceContainer("r", health="6379"),
        },
        retry=1,
        coverage=r"TOTAL.*?(\d+)%",
        artifacts=("htmlcov", "dist/*.whl"),
    )


def test_builds_in_full_are_understood():
    spec = parse_spec("build: {secrets: [NPM_TOKEN], platform: linux/arm64, cache: true}")

    assert spec.build == BuildSpec(secrets=("NPM_TOKEN",), platform="linux/arm64", cache=True)


def test_health_that_is_given_is_asked_over_http():
    assert parse_spec("health: {}").health == HealthCheck(HealthKind.HTTP)


def test_every_fault_is_told_at_once():
    text = "build: {dockerfle: x, context: ..}\nhelth: {}\nrun: {prt: 80}\ntest: {services: {r: {imag: x}}}"

    assert faults(text) == [
        ".shipway.yml has 6 errors; nothing was changed. Correct:",
        "build.context: '..' leads out of the repository; give a relative path without '..'",
        "build.dockerfle: unknown key; did you mean 'dockerfile'?",
        "test.services.r.image: is missing; it must be given",
        "test.services.r.imag: unknown key; did you mean 'image'?",
        "run.prt: unknown key; did you mean 'port'?",
        "helth: unknown key; did you mean 'health'?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a", ".shipway.yml must be a mapping of sections such as build, test, run and health."),
        ("a: [", ".shipway.yml line 1: while parsing a flow node"),
        ("build: {dockerfile: /etc/passwd}", "build.dockerfile: '/etc/passwd' leads out of the repository"),
        ("build: {dockerfile: a/../../b}", "build.dockerfile: 'a/../../b' leads out of the repository"),
        ("build: {target: '-x'}", "build.target: '-x' is not the name of a Dockerfile stage"),
        ("build: {args: {A: }}", "build.args.A: is empty"),
        (
            "build: {zzzzzz: 1}",
            "build.zzzzzz: unknown key; known: dockerfile, context, target, args, secrets, platform, cache",
        ),
        (
            'test: {command: "a \'b"}',
            "test.command: is not a command: no closing quotation; quote it as in a shell",
        ),
        ("build: {secrets: [A-B]}", "build.secrets[0]: 'A-B' cannot be a variable's name"),
        ("build: {platform: arm}", "build.platform: 'arm' is not a platform"),
        ("build: {cache: maybe}", "build.cache: must be true or false"),
        ("test: {services: {A_b: x}}", "test.services.A_b: 'A_b' is not a host name"),
        ('test: {reports: "a\\tb"}', "test.reports: has characters that cannot be printed"),
        ("test: {services: {a: {image: x, health: 99999}}}", "test.services.a.health: '99999' is not a port"),
        ("test: {commands: {A_b: x}}", "test.commands.A_b: 'A_b' is no usable name"),
        ("test: {coverage: '('}", "test.coverage: is not a regular expression"),
        ("test: {coverage: 'a+'}", "test.coverage: has 0 groups"),
        ("test: {artifacts: [../x]}", "test.artifacts[0]: is not a path in the container"),
        ("test: {retry: 9}", "test.retry: must be at most 5"),
        ("test: {timeout: 0s}", "test.timeout: must be longer than 0"),
        ("run: {port: 0}", "run.port: '0' is not a port"),
        ("run: {memory: 5m}", "run.memory: is too small; an engine gives at least 6m"),
        ("run: {cpus: nan}", "run.cpus: must be a finite number"),
        ("run: {cpus: -1}", "run.cpus: must be at least 0"),
        ("run: {cpus: many}", "run.cpus: must be a number"),
        ("health: {path: healthz}", "health.path: 'healthz' is not a path to ask for"),
        ("health: {smoke: ['/a b']}", "health.smoke[0]: '/a b' is not a path to ask for"),
        ("health: {smoke: ['/a', 'b', '/c', 'd']}", "health.smoke[3]: 'd' is not a path to ask for"),
        ("health: {status: 99}", "health.status: must be at least 100"),
        ("health: {rise: 0}", "health.rise: must be at least 1"),
        ("health: yes", "health: must be a mapping (key: value)"),
    ],
)
def test_a_fault_is_told_in_words(text, fault):
    assert any(line.startswith(fault) for line in faults(text)), faults(text)


def test_variables_mean_nothing_here():
    assert parse_spec("run: {env: {A: '${HOME}', B: 'file:/etc/passwd'}}").run.env == {
        "A": "${HOME}",
        "B": "file:/etc/passwd",
    }


def test_the_schema_knows_the_keys_and_refuses_others():
    schema = spec_schema()

    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"build", "test", "run", "health"}
