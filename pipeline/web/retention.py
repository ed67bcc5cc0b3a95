"""The call that tidies: what nobody needs on hosts, builder, registry and in our folder is told, and removed when asked to."""

import secrets

from pipeline.caller import Caller
from pipeline.ports import Ports
from pipeline.retention.prune import Done, Pruned, prune, survey
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role
from pipeline.web.bodies import PruneBody
from pipeline.web.calls import Call


class PrunedThing(Answer):
    """`goes`: nobody needs it. `removed`: it is gone now. `size` of an image counts layers that others share, too."""

    kind: str
    where: str
    name: str
    service: str
    size: int | None
    at: Utc | None
    goes: bool
    why: str
    frees: int
    removed: bool
    error: str


class PruneAnswer(Answer):
    """`troubles`: places that could not be looked at. `frees`: bytes at most, of what went or would go."""

    dry_run: bool
    things: list[PrunedThing]
    troubles: list[str]
    goes: int
    removed: int
    frees: int


def run_prune(ports: Ports, caller: Caller, body: PruneBody) -> PruneAnswer:
    pruned = survey(ports) if body.dry_run else prune(f"api:{caller.name}:{secrets.token_hex(3)}", ports)
    return _answer(pruned, body.dry_run)


def _answer(pruned: Pruned, dry_run: bool) -> PruneAnswer:
    counted = pruned.goers if dry_run else pruned.removed
    return PruneAnswer(
        dry_run=dry_run,
        things=[_thing(done) for done in pruned.done],
        troubles=list(pruned.troubles),
        goes=len(pruned.goers),
        removed=len(pruned.removed),
        frees=sum(done.verdict.frees for done in counted),
    )


def _thing(done: Done) -> PrunedThing:
    verdict, thing = done.verdict, done.verdict.thing
    return PrunedThing(
        kind=thing.kind,
        where=thing.where,
        name=thing.label,
        service=thing.service,
        size=thing.size,
        at=thing.at,
        goes=verdict.goes,
        why=verdict.why,
        frees=verdict.frees,
        removed=done.removed,
        error=done.error,
    )


CALLS = (
    Call(
        "POST",
        "/prune",
        Role.ADMIN,
        "Remove what nobody needs, or only say what would go",
        run_prune,
        PruneAnswer,
        body=PruneBody,
        errors=(400, 409, 413, 415, 503),
        unbound=True,
        action="prune",
    ),
)
