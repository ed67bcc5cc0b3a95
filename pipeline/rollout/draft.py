"""Drafts the deployment of a release onto an environment as the operator's file describes it today. Pure."""

from dataclasses import replace
from datetime import datetime

from pipeline.fleet.service import Environment
from pipeline.rollout.deployment import Deployment, HostPlan, Reason, Status
from pipeline.rollout.policy import Waves
from pipeline.rollout.release import Release


def draft(
    environment: Environment,
    release: Release,
    previous: Release | None,
    reason: Reason,
    requested_by: str,
    now: datetime,
    replicas: int | None = None,
    run: int | None = None,
    places: tuple[HostPlan, ...] = (),
) -> Deployment:
    """Pending and without an id. `previous` is what a failure goes back to: the environment's last good release.
    `replicas` None: as the file says. `places` empty: on all of the environment's hosts."""
    return Deployment(
        id=0,
        service=environment.service,
        environment=environment.name,
        release=release,
        previous=previous,
        reason=reason,
        status=Status.PENDING,
        created_at=now,
        policy=environment.policy,
        hosts=_hosts(environment, places),
        replicas=environment.replicas if replicas is None else replicas,
        proxy=environment.proxy.name if environment.proxy else "",
        load_balancer=environment.load_balancer,
        domain=environment.domain,
        requested_by=requested_by,
        run=run,
        promoted=reason in (Reason.SCALE, Reason.MIGRATE),  # the release is live already: there is no canary
    )


def _hosts(environment: Environment, places: tuple[HostPlan, ...]) -> tuple[HostPlan, ...]:
    """In the file's order; with waves, region by region as they first come."""
    everywhere = tuple(HostPlan(host.name, region=host.region) for host in environment.hosts)
    plans = [replace(plan, sites=_sites(environment, plan.host)) for plan in places or everywhere]
    if environment.policy.waves is Waves.REGION:
        regions = list(dict.fromkeys(plan.region for plan in plans))
        plans.sort(key=lambda plan: (plan.replicas == 0, regions.index(plan.region)))
    return tuple(plans)


def _sites(environment: Environment, host: str) -> tuple[str, ...]:
    if environment.proxy is None:
        return ()
    return environment.proxy.hosts or (host,)
