"""Kept secrets on a run's way: who gets them, and what is said when one is missing."""

from dataclasses import replace

import pytest

from pipeline import spec
from pipeline.delivery import deliver as flow
from pipeline.delivery.stages import trusted
from pipeline.errors import StageFailed
from pipeline.secret import Secret
from pipeline.spec import Spec
from pipeline.stored_secret import Scope, Use
from tests.delivery.conftest import COMMIT

HERE = Scope("shop", "production")


@pytest.fixture
def kept(world):
    """A secret for each stage of shop in production."""
    world.ports = replace(world.ports, secrets=world.store.secrets)
    for use in Use:
        world.store.secrets.put("KEPT", replace(HERE, stage=use), Secret(f"value-for-{use}"), "ada")
    return world


def given_to_tests(world):
    world.source.specs[COMMIT] = Spec(test=spec.TestSpec(command="pytest"))
    world.go()
    return {name: value.reveal() for name, value in world.builder.orders[-1].secrets.items()}


def released(world):
    found = world.store.releases.release("shop", 1).spec.secrets
    return {name: value.reveal() for name, value in found.items()}


def demand(world, *names):
    settings = world.ports.settings
    shop = settings.services["shop"]
    place = replace(shop.environments["production"], stored=names)
    shop = replace(shop, environments={"production": place})
    world.ports = replace(world.ports, settings=replace(settings, services={"shop": shop}))


def test_a_release_gets_those_of_the_run_beside_the_files_own(kept):
    kept.go()

    assert released(kept) == {"DB": "s3cr3t!", "KEPT": "value-for-run"}


def test_the_file_wins_over_the_store(kept):
    kept.store.secrets.put("DB", HERE, Secret("kept"), "ada")

    kept.go()

    assert released(kept)["DB"] == "s3cr3t!"


def test_tests_get_theirs_and_nothing_that_production_runs_with(kept):
    assert given_to_tests(kept) == {"KEPT": "value-for-test"}


def test_code_that_is_not_trusted_gets_none(kept, monkeypatch):
    # until runs know a fork, nothing but the rule itself can say no
    monkeypatch.setattr(flow.stages, "trusted", lambda run: False)

    assert given_to_tests(kept) == {}


def test_a_push_is_trusted(kept):
    assert trusted(kept.run)


def test_a_secret_that_must_be_kept_fails_the_run_before_the_build_and_names_the_command(kept):
    demand(kept, "DB_URL")

    run = kept.go()

    assert run.error == (
        "shipway.yml takes the secret DB_URL of shop/production from the store, and none is kept there. Set it with "
        "`shipway secret set DB_URL --service shop --environment production`, then try again."
    )
    assert (run.status, kept.builder.deeds) == ("failed", ["clean 1"])


def test_one_that_is_kept_satisfies_it(kept):
    demand(kept, "KEPT")

    assert kept.go().deployment is not None


@pytest.mark.parametrize("use", [Use.TEST, Use.RUN])
def test_what_somebody_prints_of_it_is_hidden_in_log_and_error(kept, use):
    kept.builder.failing["test"] = StageFailed(f"It said value-for-{use}.")

    given_to_tests(kept)

    assert "It said ***." in kept.run.error
    assert "It said ***." in kept.log
    assert f"value-for-{use}" not in kept.log
