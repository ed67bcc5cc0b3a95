"""A push or merge request and a service in; the runs it asks for, or the reason for having none, out. Pure: never raises.

Deleted refs, refs that could hurt somewhere later, pushes that ask to be skipped and refs that no environment takes
give a reason; a person reads it in the delivery.
"""

import re
from collections.abc import Iterable, Sequence

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import Service
from pipeline.intake.inbox import Needless
from pipeline.intake.push import Hook, MergeRequest, Push
from pipeline.intake.sight import Move, full_name

LONGEST_REF = 255  # bytes
# What `git check-ref-format` refuses, https://git-scm.com/docs/git-check-ref-format …
REFUSED_BY_GIT = re.compile(r"(^|/)\.|\.lock(/|$)|\.\.|[ ~^:?*\[\\]|^/|/$|//|\.$|@\{|^@$|^$")
# … and what git takes, but no honest branch needs: a command's option, a piece of shell.
HOSTILE = re.compile(r"^-|[$`'\"();|&<>]")
SKIP = re.compile(r"\[(skip[ _-]ci|ci[ _-]skip|no[ _-]ci|skip[ _-]shipway)\]", re.IGNORECASE)
SKIP_OPTIONS = ("ci.skip", "shipway.skip")
OFF = ("false", "0", "no")
LONGEST_REASON = 1000


def decide(push: Push, service: Service) -> tuple[NewRun, ...] | str:
    """One run for each environment of the service that takes this ref. A text says why there is none."""
    reason = _ignored(push)
    if reason:
        return reason
    wanting = [environment for environment in service.environments.values() if environment.wants(push)]
    if not wanting:
        return f"no environment of {service.name} takes {push.kind} {push.ref!r}"
    return tuple(
        NewRun(
            service=service.name,
            environment=environment.name,
            kind=push.kind.value,
            ref=push.ref,
            commit=push.commit,
            requested_by=f"push:{push.author or 'unknown'}",
            message=push.message,
        )
        for environment in wanting
    )


def decide_request(request: MergeRequest, service: Service) -> tuple[NewRun, ...] | str:
    """One run, for no environment. From a fork only when the operator allows it: anybody may write what is built then."""
    reason = _unwanted(request, service)
    if reason:
        return f"merge request {request.number} {reason}"
    run = NewRun(
        service=service.name,
        environment="",
        kind="merge_request",
        ref=request.ref,
        commit=request.commit,
        requested_by=f"push:{request.author or 'unknown'}",
        message=request.message,
        merge_request=request.number,
        target=request.target,
        fork=request.fork,
    )
    return (run,)


def built_from(services: Iterable[Service], forge: str, project: str) -> list[Service]:
    """Those built from the project; all of the forge for an event of no project, such as the ping of a group's hook.
    Forges do not tell upper case from lower in names of projects."""
    wanted = project.casefold()
    return [
        service
        for service in services
        if service.repository.forge == forge
        and (not wanted or service.repository.project.casefold() == wanted)
    ]


def decide_all(hook: Hook, services: Sequence[Service]) -> tuple[tuple[NewRun, ...], str]:
    """All runs, each once; or all the reasons for having none."""
    runs: dict[NewRun, None] = {}
    reasons: dict[str, None] = dict.fromkeys([hook.note] if hook.note else [])
    pushed = [decide(push, service) for push in hook.pushes for service in services]
    asked = [decide_request(request, service) for request in hook.requests for service in services]
    for decision in (*pushed, *asked):
        if isinstance(decision, str):
            reasons[decision] = None
        else:
            runs.update(dict.fromkeys(decision))
    if runs:
        return tuple(runs), ""
    return (), "; ".join(reasons)[:LONGEST_REASON]


def needless_of(hook: Hook, services: Sequence[Service]) -> tuple[Needless, ...]:
    """What is built and tested for a merge request that is over. Runs of pushes, which deploy, are never among it."""
    return tuple(
        Needless(
            service.name,
            ended.number,
            f"Merge request {ended.number} was {ended.how}: nobody waits for its tests any more.",
        )
        for ended in hook.ended
        for service in services
    )


def moves_of(hook: Hook, services: Sequence[Service]) -> tuple[Move, ...]:
    """What a look at the repository need not find any more: also what asked to be skipped, and what is gone."""
    return tuple(
        Move(
            service.name, full_name(push.kind, push.ref), push.tip or push.commit, push.before, bool(push.tip)
        )
        for push in hook.pushes
        for service in services
        if any(environment.wants(push) for environment in service.environments.values())
    )


def bad_ref(ref: str) -> str:
    """Why this short branch or tag name is not accepted; empty when it is."""
    if len(ref.encode("utf-8", "surrogatepass")) > LONGEST_REF:
        return f"longer than {LONGEST_REF} bytes"
    if not ref.isprintable():
        return "it has characters that cannot be printed"
    if REFUSED_BY_GIT.search(ref):
        return "git itself would refuse it"
    if HOSTILE.search(ref):
        return "it looks like an option or a piece of shell"
    return ""


def _unwanted(request: MergeRequest, service: Service) -> str:
    allowed = service.merge_requests
    for name in (request.target, request.ref):
        if wrong := bad_ref(name):
            return f"is not accepted: {name[:80]!r} is no name for a branch, {wrong}"
    if not allowed.enabled:
        return f"is not built: `merge_requests.enabled` of {service.name} is false"
    if request.fork and not allowed.forks:
        return f"comes from a fork and is not built: `merge_requests.forks` of {service.name} is false"
    if SKIP.search(request.message):
        return "asks to be skipped"
    return ""


def _ignored(push: Push) -> str:
    wrong = bad_ref(push.ref)
    if wrong:
        return f"{push.kind} name {push.ref[:80]!r} is not accepted: {wrong}"
    if push.deleted:
        return f"{push.kind} {push.ref!r} was deleted"
    if _asked_to_skip(push):
        return f"the push to {push.kind} {push.ref!r} asks to be skipped"
    return ""


def _asked_to_skip(push: Push) -> bool:
    asked = [push.options[name] for name in SKIP_OPTIONS if name in push.options]
    return any(value.lower() not in OFF for value in asked) or bool(SKIP.search(push.message))
