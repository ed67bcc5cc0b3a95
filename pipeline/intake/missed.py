"""What webhooks did not tell: the refs of a repository now against what was last seen. Pure; starts nothing.

The first look at a repository only remembers, and so does the first look after an environment came to take more
branches: what lies there on that day is no push.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import FirstSight, Service
from pipeline.intake.decide import decide
from pipeline.intake.push import Push, RefKind
from pipeline.intake.sight import Comparison, Move, Sight, full_name, split_name

BY = "sweep"  # who asks for the runs
PEELED = "^{}"  # no ref's name can end so


def bound(service: Service) -> tuple[str, ...]:
    """The patterns of full names that any environment takes."""
    environments = service.environments.values()
    branches = {
        full_name(RefKind.BRANCH, one) for environment in environments for one in environment.branches
    }
    tags = {full_name(RefKind.TAG, one) for environment in environments for one in environment.tags}
    return tuple(sorted(branches | tags))


def compare(sight: Sight, refs: Mapping[str, str], service: Service) -> Comparison:
    """`refs`: all branches (and tags, when one is bound) that the repository has now, as `Source.look` lists them. Of an
    annotated tag some forges' webhooks tell the tag object: seen there is seen."""
    another = sight.version > 0 and sight.address != service.repository.address
    missed: list[Move] = []
    noted: list[Move] = []
    for ref, tip in refs.items():
        before, commit = sight.heads.get(ref, ""), refs.get(ref + PEELED, tip)
        if before in (commit, tip) or ref.endswith(PEELED) or not _matches(ref, bound(service)):
            continue
        move = Move(service.name, ref, commit, before)
        (missed if not another and _is_push(move, sight, service) else noted).append(move)
    gone = [ref for ref, commit in sight.heads.items() if commit and ref not in refs]
    noted += [Move(service.name, ref, "", sight.heads[ref]) for ref in gone]
    return Comparison(tuple(missed), tuple(noted))


def runs_of(missed: tuple[Move, ...], service: Service) -> tuple[tuple[NewRun, ...], str]:
    """The runs, and why there is none. Of several refs for one environment the last counts: branches, then tags, each
    in the order of the numbers in their names; what a queue would supersede at once is not queued."""
    runs: dict[str, NewRun] = {}
    reasons: dict[str, None] = {}
    for move in sorted(missed, key=_order):
        decision = decide(push_of(move, service), service)
        if isinstance(decision, str):
            reasons[decision] = None
        else:
            runs |= {run.environment: replace(run, requested_by=BY) for run in decision}
    return tuple(runs.values()), "" if runs else "; ".join(reasons)


def push_of(move: Move, service: Service) -> Push:
    kind, short = split_name(move.ref)
    repository = service.repository
    return Push(repository.forge, repository.project, kind, short, move.commit, move.before)


def _is_push(move: Move, sight: Sight, service: Service) -> bool:
    """A ref that we knew moved. One that we did not know is new, unless we did not look for it until now."""
    if move.before:
        return True
    if not sight.version:
        starts = service.repository.first_sight is FirstSight.START
        return starts and split_name(move.ref)[0] is RefKind.BRANCH
    return _matches(move.ref, sight.bound)


def _matches(ref: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(ref, pattern) for pattern in patterns)


def _order(move: Move) -> tuple[bool, list[tuple[bool, int, str]]]:
    """v1.10 after v1.9."""
    kind, short = split_name(move.ref)
    parts = re.findall(r"\d+|\D+", short)
    return kind is RefKind.TAG, [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
