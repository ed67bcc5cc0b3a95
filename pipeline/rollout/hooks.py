"""The repository's commands around a deployment: which is due, where, and in a container of which release. Pure.

| hook          | when                              | image                             | its failure            |
|---------------|-----------------------------------|-----------------------------------|------------------------|
| before_deploy | before the first host is touched  | the new one                       | fails the deployment   |
| after_deploy  | when it is live on all hosts      | the new one                       | is noted               |
| on_failure    | when it has failed or gone back   | what is live then; else the new   | is noted               |

Each is run once; when a driver dies in the middle of it, the next one waits for the same container, or runs it again
when that is gone. So a command must allow to be run twice.
"""

from dataclasses import replace

from pipeline.rollout.deployment import Deployment, HostPlan, Reason
from pipeline.rollout.effects import RunHook
from pipeline.rollout.look import Look, passed
from pipeline.rollout.release import Hook, Release, ReplicaPlan

LIVE_ALREADY = (Reason.SCALE, Reason.MIGRATE)  # no other release comes: nothing is run


def due(look: Look, hook: Hook) -> tuple[RunHook, ...]:
    """One effect, or none: there is no such command, it was run, or no host can run it any more."""
    deployment = look.deployment
    release = _release(deployment, hook)
    over = hook in deployment.hooks or passed(deployment.hook_by, look.now)
    if over or deployment.reason in LIVE_ALREADY or not release.spec.command_of(hook):
        return ()
    where = next((p.host for p in _places(look) if release.image in look.host(p.host).images), None)
    return (RunHook(where, _plan(deployment, release, hook), hook),) if where else ()


def waited_for(look: Look) -> Deployment:
    """The record with the time until which a hook at the end is tried."""
    if look.deployment.hook_by is not None:
        return look.deployment
    return replace(look.deployment, hook_by=look.later(look.deployment.policy.prepare_deadline))


def noted(deployment: Deployment) -> str:
    """What hooks at the end said when they failed."""
    late = (deployment.hooks.get(hook, "") for hook in (Hook.AFTER_DEPLOY, Hook.ON_FAILURE))
    return " ".join(filter(None, late))


def _release(deployment: Deployment, hook: Hook) -> Release:
    """What is live after a failure is the previous release; of its command, too, it is known that it works."""
    if hook is Hook.ON_FAILURE and deployment.previous is not None:
        return deployment.previous
    return deployment.release


def _places(look: Look) -> list[HostPlan]:
    return [p for p in look.deployment.staying if look.host(p.host).reachable]


def _plan(deployment: Deployment, release: Release, hook: Hook) -> ReplicaPlan:
    told = {
        "SHIPWAY_HOOK": hook.value,
        "SHIPWAY_DEPLOYMENT": str(deployment.id),
        "SHIPWAY_RELEASE": str(deployment.release.number),
        "SHIPWAY_PREVIOUS_RELEASE": str(deployment.previous.number) if deployment.previous else "",
        "SHIPWAY_ERROR": deployment.error,
    }
    return ReplicaPlan(
        service=deployment.service,
        environment=deployment.environment,
        release=release.number,
        image=release.image,
        spec=replace(release.spec, env={**release.spec.env, **told}),
        deployment=deployment.id,
        index=0,
        commit=release.commit,
        hook=hook.value,
    )
