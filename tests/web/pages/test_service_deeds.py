"""What is done on a service's page: runs, going back, deploying, scaling, in freezes too."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.window import Freeze
from pipeline.secret import Secret
from pipeline.web.app import create_app
from tests.web.deployed import three_good_releases
from tests.web.pages.conftest import PASSWORD, Browser
from tests.web.pages.test_service import deployer as deployer


def test_a_run_is_started_as_the_api_does_it_and_audited_by_the_users_name(house, deployer):
    answer = deployer.act("/services/shop/environments/production/runs", ref="main")

    (run,) = house.store.runs.runs("shop")
    assert answer.location == f"/runs/{run.id}"
    assert run.requested_by == "user:ada"
    line = house.store.audit.entries()[0]
    assert (line["actor"], line["action"], line["target"]) == ("user:ada", "run.start", "shop/production")


@pytest.mark.parametrize(("ref", "status"), [("", 400), ("nothing", 404), ("--upload-pack=x", 400)])
def test_a_ref_that_is_none_is_refused_in_words(house, deployer, ref, status):
    answer = deployer.act("/services/shop/environments/production/runs", ref=ref)

    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert house.store.runs.runs("shop") == []


def test_going_back_is_shown_as_a_plan_and_then_done(house, deployer):
    three_good_releases(house)

    asked = deployer.get("/services/shop/environments/production/rollback")
    answer = deployer.act("/services/shop/environments/production/rollback", release="2")

    assert "Roll back to release 2" in asked.text
    newest = house.store.deployments.deployments("shop", "production", 1)[0]
    assert answer.location == f"/deployments/{newest.id}"
    assert (newest.release.number, newest.reason, newest.requested_by) == (2, "rollback", "user:ada")
    assert house.store.audit.entries()[0]["action"] == "rollback"


def test_a_plan_that_cannot_be_made_keeps_nobody_from_going_back(house):
    class Tied:
        def each(self, jobs):
            raise Unreachable("No host answers.")

    three_good_releases(house)
    house.store.users.create("ada", "deployer", (), Secret(PASSWORD))
    browser = Browser(create_app(replace(house.ports, hands=Tied())).test_client())
    browser.send("/sign-in", name="ada", password=PASSWORD)

    text = browser.get("/services/shop/environments/production/rollback").text

    assert "The plan cannot be made now: No host answers." in text
    assert "Roll back to release 2" in text
    assert 'name="release" value="2"' in text


def test_with_nothing_to_go_back_to_there_is_no_button(house, deployer):
    text = deployer.get("/services/shop/environments/production/rollback").text

    assert "There is nothing to go back to" in text
    assert "<button class=" not in text.replace('<button class="quiet">', "")


@pytest.mark.parametrize("release", ["99", "x", "0", "-1", "1e3"])
def test_a_release_that_is_not_there_is_refused(house, deployer, release):
    three_good_releases(house)

    answer = deployer.get(f"/services/shop/environments/production/rollback?release={release}")

    assert answer.status_code == 404


def test_the_live_release_is_deployed_again_to_bring_new_secrets(house, deployer):
    three_good_releases(house)

    answer = deployer.act("/services/shop/environments/production/deploy", release="3")

    newest = house.store.deployments.deployments("shop", "production", 1)[0]
    assert answer.location == f"/deployments/{newest.id}"
    assert newest.reason == "manual"


def test_an_environment_is_scaled_as_the_api_does_it(house, deployer):
    three_good_releases(house)

    offered = deployer.get("/services/shop").text
    done = deployer.act("/services/shop/environments/production/scale", replicas="3")

    newest = house.store.deployments.deployments("shop", "production", 1)[0]
    assert 'action="/services/shop/environments/production/scale"' in offered
    assert 'action="/services/shop/environments/test/scale"' not in offered
    assert done.location == f"/deployments/{newest.id}"
    assert newest.reason == "scale"


@pytest.mark.parametrize("replicas", ["", "0", "101", "x"])
def test_replicas_that_make_no_sense_are_refused(house, deployer, replicas):
    three_good_releases(house)

    assert deployer.act("/services/shop/environments/production/scale", replicas=replicas).status_code == 400


def freeze(house):
    now = house.ports.clock.now()
    house.store.freezes.add(
        Freeze(now, now + timedelta(hours=2), "Christmas", 0, "shop", "production", "eve")
    )


def test_an_admin_deploys_during_a_freeze_after_reading_why_it_is_held(house, person):
    three_good_releases(house)
    freeze(house)
    admin, path = person("admin"), "/services/shop/environments/production/deploy"

    asked = admin.get(path).text
    refused = admin.act(path, release="3")
    done = admin.act(path, release="3", override="true", reason="a fix")

    assert "waits for the end of the freeze: Christmas" in asked
    assert 'name="override"' in asked
    assert 'name="reason"' in asked
    assert refused.status_code == 409
    assert done.location.startswith("/deployments/")
    assert '"reason":"a fix"' in house.store.audit.entries()[0]["detail"]


def test_who_is_no_admin_is_told_and_may_not_override(house, deployer):
    three_good_releases(house)
    freeze(house)
    path = "/services/shop/environments/production/deploy"

    asked = deployer.get(path).text
    refused = deployer.act(path, release="3", override="true")

    assert "Only an admin may override it." in asked
    assert 'name="override"' not in asked
    assert refused.status_code == 403


def test_going_back_is_never_held(house, deployer):
    three_good_releases(house)
    freeze(house)

    asked = deployer.get("/services/shop/environments/production/rollback").text
    done = deployer.act("/services/shop/environments/production/rollback", release="2")

    assert "Christmas" not in asked
    assert done.location.startswith("/deployments/")
