"""Deployments that came to an end, for tests of what is shown of them."""

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.lease import deployment_key
from pipeline.rollout.deployment import Happening, HostPhase, HostRecord, Status
from pipeline.rollout.rollback import deploy_release
from tests.web.conftest import House


def bring(house: House, number: int, status: Status = Status.SUCCEEDED) -> int:
    """A deployment of release `number` that has come to `status`."""
    deployment = deploy_release("shop", "production", number, None, "test", house.ports)
    books = house.ports.deployments
    lease = house.ports.leases.take(deployment_key(deployment), "test", 30)
    for step in [Status.PREPARING, Status.ROLLING, *({status} - {Status.ROLLING})]:
        happening = Happening(datetime.now(UTC), "status", f"now {step}", "web-1")
        record = HostRecord("web-1", HostPhase.BAKING, "container abc exited with 1")
        books.save(replace(books.deployment(deployment), status=step, records=(record,)), [happening], lease)
    house.ports.leases.give_back(lease)
    return deployment


def three_good_releases(house: House) -> None:
    for _ in range(3):
        bring(house, house.release().number)
