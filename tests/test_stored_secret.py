"""Which of several kept secrets is taken, and how a scope reads."""

from datetime import UTC, datetime

import pytest

from pipeline.stored_secret import Scope, StoredSecret, Use, chosen, how_to_set

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYWHERE, SHOP, PRODUCTION, BOTH = (
    Scope(),
    Scope("shop"),
    Scope("", "production"),
    Scope("shop", "production"),
)


def kept(*scopes: Scope) -> list[StoredSecret]:
    return [StoredSecret("KEY", scope, AT, "ada") for scope in scopes]


@pytest.mark.parametrize(
    ("scopes", "taken"),
    [
        ((EVERYWHERE,), EVERYWHERE),
        ((PRODUCTION, EVERYWHERE), PRODUCTION),
        ((SHOP, PRODUCTION), SHOP),
        ((BOTH, SHOP, PRODUCTION, EVERYWHERE), BOTH),
        ((Scope("blog"), Scope("shop", "test")), None),
    ],
)
def test_the_most_specific_scope_wins(scopes, taken):
    found = chosen(kept(*scopes), "shop", "production", Use.RUN)

    assert [one.scope for one in found.values()] == ([taken] if taken else [])


def test_a_test_never_sees_what_production_runs_with():
    found = kept(BOTH, SHOP, PRODUCTION, EVERYWHERE)

    assert chosen(found, "shop", "production", Use.TEST) == {}


def test_who_may_not_push_sees_nothing():
    found = kept(*(Scope("", "", use) for use in Use))

    assert [chosen(found, "shop", "test", use, trusted=False) for use in Use] == [{}, {}, {}]


def test_a_run_for_no_environment_gets_what_is_for_all():
    assert list(chosen(kept(SHOP), "shop", "", Use.RUN)) == ["KEY"]
    assert chosen(kept(BOTH), "shop", "", Use.RUN) == {}


@pytest.mark.parametrize(
    ("scope", "text", "command"),
    [
        (EVERYWHERE, "all services/all environments (run)", "shipway secret set KEY"),
        (
            Scope("shop", "test", Use.TEST),
            "shop/test (test)",
            "shipway secret set KEY --service shop --environment test --stage test",
        ),
    ],
)
def test_a_scope_is_told_in_words_and_as_a_command(scope, text, command):
    assert str(scope) == text
    assert how_to_set("KEY", scope) == command
