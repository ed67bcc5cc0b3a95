"""FLOW: what changed is told to the forges. Compares what they should show with what they took last, and sends the rest.

Never holds up a run: it only reads what runs wrote. A forge that is away is asked again, later each time, and then gets
the states as they are by then: older ones are never sent. What a forge refuses for good is given up with a sentence.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import groupby

from pipeline.delivery.run import Run
from pipeline.errors import BadConfig, NotFound, RunnerError, Stopped, Unreachable
from pipeline.fleet.service import Repository
from pipeline.lease import Lease
from pipeline.reports import compose
from pipeline.reports.desk import Desk
from pipeline.reports.report import Comment, CommitStatus, Message, Noun, Report, Said
from pipeline.rollout.deployment import Deployment

log = logging.getLogger("shipway.reports")

KEY = "reports"
LEASE_TTL = 10.0  # seconds; kept by a thread: so long nobody is told after the death of whoever told
PIPELINE = "pipeline"  # key of what the forge answered to the last status of the run
ACTIVE = 1.0  # seconds to the next look while anything is under way …
ASLEEP = 60.0  # … and while nothing is: somebody rings before


@dataclass(frozen=True)
class Subject:
    """A message, and what its forge should show by now."""

    message: Message
    repository: Repository
    reports: dict[str, Report]


def tell(owner: str, desk: Desk) -> float:
    """One round. Returns the seconds until another one is of use, when nobody rings before."""
    waiting = desk.outbox.waiting(desk.clock.now())
    if waiting:
        lease = desk.leases.take(KEY, owner, LEASE_TTL)
        if lease is None:
            return ACTIVE
        try:
            _tell_all(waiting, lease, desk)
        finally:
            desk.leases.give_back(lease)
    return _rest(desk)


def _rest(desk: Desk) -> float:
    now = desk.clock.now()
    if desk.outbox.busy() or desk.outbox.waiting(now, 1):
        return ACTIVE
    moment = desk.outbox.next_try(now)
    return ASLEEP if moment is None else min(ASLEEP, max(0.1, (moment - now).total_seconds()))


def _tell_all(waiting: Sequence[Message], lease: Lease, desk: Desk) -> None:
    """Services side by side, so that one forge that is away holds up no other; each in the order of its changes."""
    by_service = sorted(waiting, key=lambda message: (message.service, message.change))
    jobs = [
        partial(_tell_service, tuple(own), lease, desk)
        for _, own in groupby(by_service, key=lambda message: message.service)
    ]
    for failure in desk.hands.each(jobs):
        if failure is not None:
            raise failure


def _tell_service(messages: Sequence[Message], lease: Lease, desk: Desk) -> None:
    """Until one has to wait: those behind it wait too."""
    for message in messages:
        if not desk.leases.extend(lease, LEASE_TTL):
            raise Stopped("Another process tells the forges now.")
        subject = _subject(message, desk)
        if subject is None:
            desk.outbox.drop(message, lease)
        elif not _tell_one(subject, lease, desk):
            return


def _subject(message: Message, desk: Desk) -> Subject | None:
    """None: nobody is to be told."""
    try:
        repository = desk.settings.service(message.service).repository
        if not compose.wants(repository) or repository.forge not in desk.reporters:
            return None
        return Subject(message, repository, _reports(message, desk))
    except NotFound:  # not in the file any more
        return None


def _reports(message: Message, desk: Desk) -> dict[str, Report]:
    if message.noun is Noun.RUN:
        run = desk.runs.run(message.number)
        made = None if run.deployment is None else desk.deployments.deployment(run.deployment)
        return compose.of_run(run, made, desk.settings)
    deployment = desk.deployments.deployment(message.number)
    return compose.of_deployment(deployment, _makers(deployment, desk), desk.settings)


def _makers(deployment: Deployment, desk: Desk) -> dict[int, Run]:
    releases = (deployment.release, deployment.previous)
    return {r.run: desk.runs.run(r.run) for r in releases if r is not None and r.run is not None}


def _tell_one(subject: Subject, lease: Lease, desk: Desk) -> bool:
    """False: it has to wait. What the forge took before it failed is not sent again."""
    message, said = subject.message, dict(subject.message.said)
    try:
        for key, report in subject.reports.items():
            _say(key, report, said, subject.repository, desk)
    except Unreachable as error:
        late = replace(message, said=said, tries=message.tries + 1, error=str(error))
        if not compose.is_hopeless(late, desk.clock.now()):
            _put_off(late, lease, desk)
            return False
        _give_up(replace(late, error=f"{error} Given up after three days."), message.error, lease, desk)
    except (RunnerError, BadConfig) as error:
        _give_up(replace(message, said=said, error=str(error)), message.error, lease, desk)
    else:
        desk.outbox.save(replace(message, said=said, tries=0, retry_at=None, error=""), True, lease)
    return True


def _say(key: str, report: Report, said: dict[str, Said], repository: Repository, desk: Desk) -> None:
    """Nothing, when the forge has it already."""
    digest = hashlib.sha256(repr(report).encode()).hexdigest()[:16]
    before = said.get(key, Said(""))
    if before.report == digest:
        return
    reporter, known = desk.reporters[repository.forge], before.known
    if isinstance(report, CommitStatus):
        pipeline = reporter.status(repository, report, said.get(PIPELINE, Said("")).known)
        said[PIPELINE] = Said("", pipeline)
    elif isinstance(report, Comment):
        reporter.comment(repository, report)
    else:
        known = reporter.environment(repository, report, known)
    said[key] = Said(digest, known)


def _put_off(message: Message, lease: Lease, desk: Desk) -> None:
    seconds = compose.pause(message)
    again = desk.clock.now() + timedelta(seconds=seconds)
    desk.outbox.save(replace(message, retry_at=again), False, lease)
    log.warning("forge not told, trying again", extra=_facts(message) | {"seconds": round(seconds)})


def _give_up(message: Message, told_before: str, lease: Lease, desk: Desk) -> None:
    """Until the next change of it, which may find the cause repaired. Said once."""
    desk.outbox.save(replace(message, tries=0, retry_at=None), True, lease)
    if message.error != told_before:
        log.warning("forge not told, given up", extra=_facts(message))


def _facts(message: Message) -> dict[str, object]:
    return {"service": message.service, message.noun.value: message.number, "error": message.error}
