"""Values that the contract tests of the books write down. Nothing here is special; tests change what they care about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipeline.delivery.run import NewRun
from pipeline.fleet.metric import Criterion, Reading
from pipeline.intake.inbox import NewDelivery
from pipeline.lease import Lease, deployment_key, run_key
from pipeline.rollout.deployment import Deployment, HostPlan, HostRecord, Reason, ReplicaRecord, Status
from pipeline.rollout.policy import Policy
from pipeline.rollout.release import HealthCheck, HealthKind, Release, RuntimeSpec
from pipeline.rollout.tally import Tally
from pipeline.secret import Secret
from runners.store import Store

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHOP = "shop"
PRODUCTION = "production"


def new_run(**changes: Any) -> NewRun:
    return replace(NewRun(SHOP, PRODUCTION, "branch", "main", "a" * 40, "push:mia", "Sell more"), **changes)


def delivery(key: str = "d-1", **changes: Any) -> NewDelivery:
    plain = NewDelivery(
        "git", key, "push", "acme/shop", {"x-event": "push"}, b'{"ref": "main"}', (new_run(),)
    )
    return replace(plain, **changes)


def release(**changes: Any) -> Release:
    spec = RuntimeSpec(
        port=8080,
        command=("serve", "--all"),
        env={"LOG": "info"},
        secrets={"DB_URL": Secret("postgres://hush")},
        memory=1 << 28,
        cpus=0.5,
        health=HealthCheck(HealthKind.HTTP, "/healthz", smoke=("/",)),
    )
    plain = Release(SHOP, 0, "r:5000/acme/shop@sha256:" + "1" * 64, "a" * 40, "main", spec, PRODUCTION)
    return replace(plain, **changes)


def deployment(of: Release, **changes: Any) -> Deployment:
    plain = Deployment(
        id=0,
        service=SHOP,
        environment=PRODUCTION,
        release=of,
        previous=None,
        reason=Reason.PUSH,
        status=Status.PENDING,
        created_at=AT,
        policy=Policy(batch="25%", metrics=(Criterion("http://p", "up", 0.5, Secret("hush")),)),
        readings=(Reading("up", 0.5, AT, 0.25), Reading("up", 0.5, AT, error="no answer")),
        unread_since=AT,
        hosts=(HostPlan("web-1", ("web-1",)), HostPlan("web-2", ("edge-1",))),
        replicas=2,
        proxy="front",
        domain="shop.example.com",
        requested_by="push:mia",
        records=(
            HostRecord(
                "web-1",
                replicas=(ReplicaRecord(0, "c1", "t", good=2, good_since=AT),),
                health_by=AT,
                tallies=(Tally("front@web-1", "10.0.0.1:20000", 1, 40, 3, 0.25, 140, 5),),
            ),
        ),
        attributes={"note": "x"},
    )
    return replace(plain, **changes)


def lease_run(books: Store, run_id: int, owner: str = "worker-1") -> Lease:
    lease = books.leases.take(run_key(run_id), owner, 30)
    assert lease is not None
    return lease


def lease_deployment(books: Store, deployment_id: int, owner: str = "driver-1") -> Lease:
    lease = books.leases.take(deployment_key(deployment_id), owner, 30)
    assert lease is not None
    return lease


def begun(books: Store, **changes: Any) -> tuple[int, Lease]:
    """A running run and the lease it runs under."""
    run = books.runs.add(new_run(**changes))
    lease = lease_run(books, run.id)
    assert books.runs.begin(run.id, lease)
    return run.id, lease


def handed_over(books: Store) -> tuple[int, int]:
    """A run that waits for its pending deployment."""
    run_id, lease = begun(books)
    number = books.runs.hand_over(run_id, release(), deployment(release()), lease)
    books.leases.give_back(lease)
    return run_id, number


def created(books: Store, **changes: Any) -> Deployment:
    """A pending deployment of a new release."""
    stored = books.releases.add(release())
    return books.deployments.deployment(books.deployments.create(deployment(stored, **changes)))


def settle(books: Store, deployment_id: int, status: Status = Status.SUCCEEDED, **changes: Any) -> Deployment:
    """Drive it to a status in one step."""
    lease = lease_deployment(books, deployment_id)
    moved = replace(books.deployments.deployment(deployment_id), status=status, **changes)
    books.deployments.save(moved, [], lease)
    books.leases.give_back(lease)
    return books.deployments.deployment(deployment_id)
