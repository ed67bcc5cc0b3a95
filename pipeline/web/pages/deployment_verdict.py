"""How a deployment stands in a sentence, what one can do, and its policy in words. Rules over nouns."""

from collections.abc import Callable, Iterator

from pipeline.rollout.deployment import Deployment, Reason, Request, Status
from pipeline.rollout.policy import Approve, OnFailure, Waves
from pipeline.web.pages.language import key
from pipeline.web.pages.run_verdict import Verdict

Words = tuple[str, dict[str, object]]  # a key of the catalogue, and what stands in it

REASONS = {
    Reason.PUSH: key("for a push"),
    Reason.MANUAL: key("by hand"),
    Reason.ROLLBACK: key("to go back"),
    Reason.AUTO_ROLLBACK: key("to go back, by itself"),
    Reason.SCALE: key("to change the number of replicas"),
    Reason.MIGRATE: key("to move between hosts"),
}
FAILURES = {
    OnFailure.ROLLBACK: key("A failure takes every host back to the release before."),
    OnFailure.PAUSE: key("A failure holds the deployment where it is."),
    OnFailure.STOP: key("A failure ends the deployment where it is."),
}
WISHES = (
    key("pause"),
    key("resume"),
    key("promote"),
    key("approve"),
    key("abort"),
)  # requests, as pages say them
OFFERED = {
    Status.PENDING: ("abort",),
    Status.PREPARING: ("abort",),
    Status.ROLLING: ("pause", "abort"),
    Status.PAUSED: ("resume", "abort"),
    Status.AWAITING_PROMOTION: ("approve", "promote", "abort"),
    Status.ROLLING_BACK: ("abort",),
    Status.FAILED: ("retry",),
    Status.ROLLED_BACK: ("retry",),
    Status.CANCELLED: ("retry",),
}


def offered(deployment: Deployment) -> tuple[str, ...]:
    """What it makes sense to ask for now; the call itself decides."""
    if deployment.settled and not deployment.over:
        return ()
    if deployment.status is Status.ROLLING_BACK and not deployment.blocked:
        return ()
    return OFFERED.get(deployment.status, ())


def verdict_of(deployment: Deployment) -> Verdict:
    if deployment.blocked:
        then = key("It goes on trying by itself. Put right what stands in its way, or abort it to give up.")
        return Verdict("bad", key("Going back is blocked."), why=deployment.blocked, then=then)
    if deployment.request is not Request.NONE and not deployment.over:
        wish = {"wish": deployment.request.value}
        return Verdict("warn", key("It was told: {wish}. It obeys when its step allows."), spoken=wish)
    return VERDICTS[deployment.status](deployment)


def _pending(d: Deployment) -> Verdict:
    return Verdict("idle", key("It waits for its turn on this environment."))


def _preparing(d: Deployment) -> Verdict:
    return Verdict(
        "busy", key("Every host is looked at before the first is touched. Nothing has changed for users.")
    )


def _rolling(d: Deployment) -> Verdict:
    done = sum(record.done for record in d.records)
    parts: dict[str, object] = {"n": d.release.number, "done": done, "all": len(d.hosts)}
    if d.settled:
        return Verdict(
            "good", key("Release {n} is good on all hosts; what ran before is being stopped."), parts
        )
    if d.bake_until is not None:
        return Verdict(
            "busy", key("Release {n} serves on all hosts, which are watched a little longer."), parts
        )
    return Verdict("busy", key("Release {n} is being brought: {done} of {all} hosts are done."), parts)


def _paused(d: Deployment) -> Verdict:
    return Verdict(
        "warn",
        key("It is held. What serves goes on serving."),
        why=d.error,
        then=key("Resume lets it go on; abort takes every host back."),
    )


def _awaiting(d: Deployment) -> Verdict:
    parts: dict[str, object] = {"n": sum(record.touched for record in d.records), "all": len(d.hosts)}
    then = ""
    if d.approve_by is not None:
        parts["time"] = d.approve_by.strftime("%Y-%m-%d %H:%M UTC")
        then = key("If nobody does until {time}, it goes back.")
    asks = key("{n} of {all} hosts have the release. It waits for somebody to say that more may follow.")
    return Verdict("warn", asks, parts, then=then)


def _back(d: Deployment) -> Verdict:
    return Verdict("warn", key("It failed, and every host goes back to release {n}."), _previous(d), d.error)


def _succeeded(d: Deployment) -> Verdict:
    return Verdict(
        "good",
        key("Release {n} was brought onto {environment}."),
        {"n": d.release.number, "environment": d.environment},
    )


def _failed(d: Deployment) -> Verdict:
    touched = any(record.touched for record in d.records)
    if not touched:
        return Verdict(
            "bad", key("It failed before any host was touched; users noticed nothing."), why=d.error
        )
    then = key("Hosts are left as they are: roll back, or deploy a release that mends it.")
    return Verdict("bad", key("It failed."), why=d.error, then=then)


def _rolled_back(d: Deployment) -> Verdict:
    return Verdict(
        "bad",
        key("It failed, and all hosts are back on release {n}."),
        _previous(d),
        d.error,
        key("Mend what is told here and push again; when the cause lay elsewhere, retry."),
    )


def _superseded(d: Deployment) -> Verdict:
    return Verdict("idle", key("A newer one took its place before it began."), why=d.error)


def _cancelled(d: Deployment) -> Verdict:
    return Verdict("idle", key("It was cancelled before anything changed."), why=d.error)


VERDICTS: dict[Status, Callable[[Deployment], Verdict]] = {
    Status.PENDING: _pending,
    Status.PREPARING: _preparing,
    Status.ROLLING: _rolling,
    Status.PAUSED: _paused,
    Status.AWAITING_PROMOTION: _awaiting,
    Status.ROLLING_BACK: _back,
    Status.SUCCEEDED: _succeeded,
    Status.FAILED: _failed,
    Status.ROLLED_BACK: _rolled_back,
    Status.SUPERSEDED: _superseded,
    Status.CANCELLED: _cancelled,
}


def policy_in_words(d: Deployment) -> list[Words]:
    return [*_hosts(d), *_proof(d), (FAILURES[d.policy.on_failure], {})]


def _hosts(d: Deployment) -> Iterator[Words]:
    policy, hosts = d.policy, len(d.staying)
    if policy.canary:
        yield key("First {n} hosts as canaries."), {"n": policy.canary}
    batch = policy.batch_of(hosts)
    if batch >= hosts:
        yield key("All hosts together."), {}
    else:
        yield key("{n} of {all} hosts at a time."), {"n": batch, "all": hosts}
    if policy.waves is Waves.REGION and len({plan.region for plan in d.hosts}) > 1:
        yield key("Region by region."), {}
    if policy.stops_first:
        yield key("On a host the old stops before the new starts."), {}
    else:
        yield key("On a host the new starts beside the old."), {}
    if policy.approve is not Approve.NONE:
        yield key("A person is asked before more follow."), {}


def _proof(d: Deployment) -> Iterator[Words]:
    check, policy = d.release.spec.health, d.policy
    parts: dict[str, object] = {
        "n": check.rise,
        "time": f"{policy.healthy_for:g} s",
        "limit": f"{policy.deadline:g} s",
    }
    yield (
        key("No user reaches a replica before {n} good answers in a row over {time}, within {limit}."),
        parts,
    )
    if policy.bake:
        yield key("Then a host is watched for {time}."), {"time": f"{policy.bake:g} s"}


def _previous(d: Deployment) -> dict[str, object]:
    return {"n": d.previous.number if d.previous else "–"}
