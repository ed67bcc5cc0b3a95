"""What is kept of an image: where it comes from, as other tools read it."""

import json
from dataclasses import replace

import pytest

from pipeline.delivery.findings import PROVENANCE, Provenance, ScanPolicy
from pipeline.settings import BuilderSettings
from pipeline.spec import BuildSpec, Spec
from runners.artifact_store import FileArtifacts
from tests.delivery.conftest import COMMIT


@pytest.fixture
def attesting(world, tmp_path):
    """A builder's settings are the argument."""

    def attest(**settings):
        builder = BuilderSettings(**settings)
        world.ports = replace(
            world.ports,
            settings=replace(world.ports.settings, builder=builder),
            artifacts=FileArtifacts(str(tmp_path / "artifacts")),
        )
        return world

    return attest


def kept(world):
    return json.loads(b"".join(world.ports.artifacts.content(world.run_id, PROVENANCE)))


def test_provenance_names_image_commit_and_bases(attesting):
    world = attesting(provenance=Provenance.MIN)
    world.builder.bases_there["busybox"] = f"sha256:{'1' * 64}"
    world.source.specs[COMMIT] = Spec(build=BuildSpec(target="app", args={"TOKEN": "never-in-it"}))

    run = world.go()

    told = kept(world)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://slsa.dev/provenance/v1"
    image = world.store.releases.release("shop", run.release).image
    repository, _, digest = image.partition("@sha256:")
    assert told["subject"] == [{"name": repository, "digest": {"sha256": digest}}]
    made, ran = told["predicate"]["buildDefinition"], told["predicate"]["runDetails"]
    source = "https://git.example.com/acme/shop.git"
    assert made["externalParameters"] == {
        "source": source,
        "ref": "main",
        "dockerfile": "Dockerfile",
        "target": "app",
    }
    assert made["resolvedDependencies"] == [
        {"uri": f"git+{source}", "digest": {"gitCommit": COMMIT}},
        {"uri": "docker://busybox", "digest": {"sha256": "1" * 64}},
    ]
    assert ran["metadata"]["invocationId"] == f"http://127.0.0.1:8080/api/v1/runs/{run.id}"
    assert ran["metadata"]["finishedOn"].endswith("Z")
    assert "never-in-it" not in json.dumps(told)
    assert f"Provenance is kept with the run ({PROVENANCE}), not in the registry." in world.log


def test_base_without_a_digest_is_not_named_by_one(attesting):
    world = attesting(provenance=Provenance.MIN)
    world.builder.bases_here["busybox"] = "id:sha256:1"

    world.go()

    assert [
        one["uri"][:4] for one in kept(world)["predicate"]["buildDefinition"]["resolvedDependencies"]
    ] == ["git+"]


def test_nothing_is_kept_unless_it_is_wanted(attesting):
    world = attesting()

    world.go()

    assert world.ports.artifacts.listed(world.run_id) == []


def test_run_without_room_for_it_says_so_and_deploys(attesting, tmp_path):
    world = attesting(provenance=Provenance.MIN)
    world.ports = replace(world.ports, artifacts=FileArtifacts(str(tmp_path / "small"), most=10))

    assert world.go().deployment is not None
    assert "The provenance is not kept: the run has no room left for it." in world.log


def test_scanner_is_asked_for_the_list_of_packages_when_it_is_wanted(attesting):
    world = attesting(scan=ScanPolicy("trivy"), sbom=True)
    asked = []
    world.builder.scan = lambda order, log, stop: asked.append(order.sbom) or []

    world.go()

    assert asked == [True]
