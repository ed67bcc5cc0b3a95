"""What a job may do follows from its claims and from what the operator wrote."""

from typing import Any

import pytest

from pipeline.errors import Forbidden
from pipeline.fleet.service import CiJobs, Environment, Repository, Service
from pipeline.intake.job import ACTIONS, admit

CLAIMS = {
    "project_id": "42",
    "project_path": "acme/shop",
    "job_id": "77",
    "ref": "main",
    "ref_type": "branch",
    "ref_protected": "true",
    "environment": "production",
    "pipeline_source": "push",
    "sha": "c" * 40,
}


def service(name: str = "shop", project: int = 42, **jobs: Any) -> Service:
    environments = {
        "production": Environment(name, "production", (), branches=("main",), tags=("v*",)),
        "test": Environment(name, "test", (), branches=("*",)),
    }
    return Service(name, Repository("x", jobs=CiJobs(project, **jobs)), environments=environments)


def test_a_job_reaches_the_environment_that_it_names():
    caller = admit(CLAIMS, [service()])

    assert (caller.name, caller.role) == ("gitlab job 77", "deployer")
    assert caller.scopes == ("shop/production",)
    assert (caller.actions, caller.commit) == (ACTIONS, "c" * 40)


def test_it_reaches_every_service_of_its_project():
    assert admit(CLAIMS, [service(), service("pay"), service("zoo", 43)]).scopes == (
        "shop/production",
        "pay/production",
    )


def test_a_tag_reaches_an_environment_that_takes_it():
    assert admit(CLAIMS | {"ref_type": "tag", "ref": "v1"}, [service()]).scopes == ("shop/production",)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"project_id": "43"}, "No service takes jobs of project 43"),
        ({"environment": "staging"}, "names the environment 'staging'"),
        ({"environment": None}, "names no environment"),
        ({"ref_protected": "false"}, "'main' is not protected"),
        ({"ref_protected": None}, "'main' is not protected"),
        ({"ref": "feature"}, "takes no branch 'feature'"),
        ({"ref_type": "tag", "ref": "main"}, "takes no tag 'main'"),
        ({"ref_type": "note"}, "takes no ref"),
        ({"pipeline_source": "merge_request_event"}, "job of a merge request"),
    ],
)
def test_any_other_job_is_refused_and_told_why(changes: dict[str, Any], wanted: str):
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}

    with pytest.raises(Forbidden, match=wanted):
        admit(claims, [service()])


def test_unprotected_refs_where_the_operator_says_so():
    claims = CLAIMS | {"ref_protected": "false", "environment": "test", "ref": "feature"}

    assert admit(claims, [service(protected=False)]).scopes == ("shop/test",)


def test_numbers_and_truths_may_come_as_such():
    assert admit(CLAIMS | {"project_id": 42, "ref_protected": True}, [service()]).scopes == (
        "shop/production",
    )


def test_a_service_that_admits_no_jobs_is_not_reached():
    with pytest.raises(Forbidden, match="No service takes jobs"):
        admit(CLAIMS, [Service("shop", Repository("x"), environments=service().environments)])
