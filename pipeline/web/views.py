"""Turns nouns into answers. No decision, no I/O; secrets are left behind here."""

from urllib.parse import urlsplit, urlunsplit

from pipeline.fleet.balancer import Member
from pipeline.fleet.host import HostState
from pipeline.fleet.proxy import SiteSeen
from pipeline.rollout.condition import ends, until
from pipeline.rollout.deployment import Deployment, Happening, HostRecord
from pipeline.rollout.observed import HostSeen, ReplicaSeen
from pipeline.rollout.preview import Preview
from pipeline.rollout.release import HealthCheck, Release, RuntimeSpec
from pipeline.web.answers import (
    DeploymentAnswer,
    DeploymentHost,
    DeploymentSummary,
    DifferenceAnswer,
    EventAnswer,
    HostChangeAnswer,
    PlanAnswer,
    PlanStep,
    ProbeAnswer,
)
from pipeline.web.fleet_answers import (
    BackendAnswer,
    EnvironmentHost,
    HealthAnswer,
    MemberAnswer,
    ProxyAnswer,
    ReleaseAnswer,
    ReplicaAnswer,
    SpecAnswer,
)


def address(url: str) -> str:
    """A repository's address without a user name or password that somebody wrote into it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def deployment_summary(deployment: Deployment) -> DeploymentSummary:
    records = [deployment.record(plan.host) for plan in deployment.hosts]
    return DeploymentSummary(
        id=deployment.id,
        service=deployment.service,
        environment=deployment.environment,
        release=deployment.release.number,
        previous_release=deployment.previous.number if deployment.previous else None,
        image=deployment.release.image,
        commit=deployment.release.commit,
        reason=deployment.reason,
        status=deployment.status,
        request=deployment.request,
        blocked=deployment.blocked,
        settled=deployment.settled,
        until=ends(deployment),
        error=deployment.error,
        replicas=deployment.replicas,
        run=deployment.run,
        requested_by=deployment.requested_by,
        hosts=[
            DeploymentHost(
                host=record.host,
                phase=record.phase,
                error=record.error,
                replicas=deployment.count(plan),
                why=plan.why,
                until=until(deployment, record),
                probes=_probes(record, deployment.release.spec.health),
            )
            for plan, record in zip(deployment.hosts, records, strict=True)
        ],
        created_at=deployment.created_at,
        started_at=deployment.started_at,
        finished_at=deployment.finished_at,
    )


def _probes(record: HostRecord, check: HealthCheck) -> list[ProbeAnswer]:
    return [
        ProbeAnswer(
            index=replica.index,
            good=replica.good,
            bad=replica.bad,
            rise=check.rise,
            fall=check.fall,
            smoked=replica.smoked or not check.smoke,
            note=replica.note,
        )
        for replica in record.replicas
    ]


def plan_view(service: str, environment: str, release: int | None, found: Preview) -> PlanAnswer:
    return PlanAnswer(
        service=service,
        environment=environment,
        release=release,
        planned=found.release.number,
        live=found.live.number if found.live else None,
        differences=[
            DifferenceAnswer(sign=d.sign, what=d.what, before=d.before, after=d.after)
            for d in found.differences
        ],
        hosts=[HostChangeAnswer(host=h.host, running=h.running, wanted=h.wanted) for h in found.hosts],
        steps=[PlanStep(host=s.host, text=s.what, why=s.why, sign=s.sign) for s in found.steps],
    )


def deployment_view(deployment: Deployment, happenings: list[tuple[int, Happening]]) -> DeploymentAnswer:
    summary = deployment_summary(deployment)
    return DeploymentAnswer(**dict(summary), events=[event_view(number, h) for number, h in happenings])


def event_view(number: int, happening: Happening) -> EventAnswer:
    return EventAnswer(
        id=number, at=happening.at, kind=happening.kind, text=happening.text, host=happening.host
    )


def release_view(release: Release) -> ReleaseAnswer:
    return ReleaseAnswer(
        service=release.service,
        number=release.number,
        image=release.image,
        commit=release.commit,
        ref=release.ref,
        environment=release.environment,
        run=release.run,
        created_at=release.created_at,
        spec=_spec_view(release.spec),
    )


def host_view(seen: HostSeen, host_address: str, placed: int, state: HostState) -> EnvironmentHost:
    return EnvironmentHost(
        host=seen.host,
        address=host_address,
        reachable=seen.reachable,
        error=seen.error,
        free_bytes=seen.free_bytes,
        clock_skew=seen.clock_skew,
        replicas=[_replica_view(replica) for replica in seen.replicas],
        placed=placed,
        drained=state.drained,
    )


def member_view(host: str, member: Member) -> MemberAnswer:
    return MemberAnswer(
        host=host,
        target=str(member.target),
        state=member.state,
        ours=member.ours,
        weight=member.weight,
        reason=member.reason,
    )


def site_view(seen: SiteSeen, hosts: list[HostSeen], routed: frozenset[str]) -> ProxyAnswer:
    """Only backends of this environment: those our books route there, and those its replicas stand behind."""
    owners = {r.address: (h.host, r.release) for h in hosts for r in h.replicas if r.address}
    return ProxyAnswer(
        proxy=seen.site.proxy,
        host=seen.site.host,
        running=seen.running,
        generation=seen.generation,
        error=seen.error,
        backends=[
            BackendAnswer(
                address=backend.address,
                state=backend.state.value,
                host=owners.get(backend.address, (None, None))[0],
                release=owners.get(backend.address, (None, None))[1],
                sessions=backend.sessions,
                requests=backend.requests,
                errors=backend.errors,
            )
            for backend in seen.backends
            if backend.address in owners or backend.address in routed
        ],
    )


def _replica_view(replica: ReplicaSeen) -> ReplicaAnswer:
    return ReplicaAnswer(
        container=replica.container,
        name=replica.name,
        release=replica.release,
        index=replica.index,
        state=replica.state,
        address=replica.address,
        started_at=replica.started_at,
        health=replica.health,
        exit_code=replica.exit_code,
        oom=replica.oom,
    )


def _spec_view(spec: RuntimeSpec) -> SpecAnswer:
    return SpecAnswer(
        port=spec.port,
        command=list(spec.command),
        env=spec.env,
        secrets=sorted(spec.secrets),
        memory=spec.memory,
        cpus=spec.cpus,
        stop_timeout=spec.stop_timeout,
        before_deploy=list(spec.before_deploy),
        after_deploy=list(spec.after_deploy),
        on_failure=list(spec.on_failure),
        health=_health_view(spec.health),
    )


def _health_view(check: HealthCheck) -> HealthAnswer:
    return HealthAnswer(
        kind=check.kind.value,
        path=check.path,
        status=check.status,
        interval=check.interval,
        timeout=check.timeout,
        rise=check.rise,
        fall=check.fall,
        deadline=check.deadline,
        start_period=check.start_period,
        smoke=list(check.smoke),
    )
