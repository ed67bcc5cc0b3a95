"""What another release changes."""

from dataclasses import replace

import pytest

from pipeline.rollout.difference import Difference, differences
from pipeline.rollout.release import HealthCheck, Release, RuntimeSpec
from pipeline.secret import Secret

SPEC = RuntimeSpec(env={"LOG": "info", "MODE": "a"}, secrets={"DB_URL": Secret("one")}, memory=256 << 20)
OLD = Release("shop", 7, "r/shop@sha256:old", "c1", spec=SPEC)


def test_the_same_release_changes_nothing():
    assert differences(OLD, replace(OLD, number=8)) == []


def test_where_nothing_is_live_everything_comes():
    assert differences(None, OLD) == [Difference("+", "image", "", "r/shop@sha256:old")]


@pytest.mark.parametrize(
    ("spec", "difference"),
    [
        (replace(SPEC, env={"LOG": "debug", "MODE": "a"}), Difference("~", "env LOG", "info", "debug")),
        (replace(SPEC, env={"LOG": "info"}), Difference("-", "env MODE", "a", "")),
        (replace(SPEC, env={**SPEC.env, "NEW": "1"}), Difference("+", "env NEW", "", "1")),
        (replace(SPEC, memory=512 << 20), Difference("~", "memory", "256 MiB", "512 MiB")),
        (replace(SPEC, memory=0), Difference("~", "memory", "256 MiB", "no limit")),
        (replace(SPEC, command=("run", "it")), Difference("+", "command", "", "run it")),
        (replace(SPEC, secrets={"DB_URL": Secret("two")}), Difference("~", "secret DB_URL")),
        (replace(SPEC, secrets={}), Difference("-", "secret DB_URL")),
        (replace(SPEC, secrets={**SPEC.secrets, "API": Secret("x")}), Difference("+", "secret API")),
        (
            replace(SPEC, health=HealthCheck(smoke=("/", "/shop"))),
            Difference("+", "health smoke", "", "/ /shop"),
        ),
    ],
)
def test_a_field_that_is_another_one_is_told(spec, difference):
    assert differences(OLD, replace(OLD, spec=spec)) == [difference]


def test_no_value_of_a_secret_is_told():
    told = differences(OLD, replace(OLD, spec=replace(SPEC, secrets={"DB_URL": Secret("two")})))

    assert "one" not in repr(told)
    assert "two" not in repr(told)
