"""RULE: what is worth a notice, and its words. Pure; knows no service that carries it.

The first line is the verdict in one sentence: service, environment, what, where, why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.delivery.run import Run, RunStatus, StageStatus
from pipeline.fleet.service import Environment
from pipeline.notices.notice import MOODS, TEST, Event, Language, Link, Moment, Mood, Rule, Text
from pipeline.notices.words import say
from pipeline.rollout.deployment import Deployment, HostPhase, HostRecord
from pipeline.settings import Settings

LONGEST = 300  # characters of a reason
DEPLOYMENTS = {
    "deployment.succeeded": Event.DEPLOY_SUCCEEDED,
    "deployment.failed": Event.DEPLOY_FAILED,
    "deployment.rolled_back": Event.DEPLOY_ROLLED_BACK,
    "deployment.blocked": Event.DEPLOY_BLOCKED,
    "deployment.awaiting_promotion": Event.APPROVAL_WANTED,
}
PLAIN = {
    "run.waits": Event.APPROVAL_WANTED,
    "host.lost": Event.HOST_LOST,
    "host.back": Event.HOST_BACK,
    "repository.lost": Event.REPOSITORY_LOST,
    "repository.back": Event.REPOSITORY_BACK,
    "hook.disabled": Event.HOOK_DISABLED,
    "region.out": Event.REGION_OUT,
    "region.back": Event.REGION_BACK,
    "regions.blind": Event.REGIONS_BLIND,
    "backup.failed": Event.BACKUP_FAILED,
}
REGIONS = frozenset({Event.REGION_OUT, Event.REGION_BACK, Event.REGIONS_BLIND})
SINGLE = frozenset({Event.APPROVAL_WANTED})  # each wants an answer of its own


@dataclass(frozen=True)
class Story:
    """A moment with what the books say of it. `before`: the run before this one, of the same place."""

    moment: Moment
    run: Run | None = None
    before: Run | None = None
    deployment: Deployment | None = None
    tail: tuple[str, ...] = ()
    why: str = ""


def event_of(story: Story) -> Event | None:
    """None: nobody is to be told. A run whose deployment failed is told as the deployment; one of a merge request is
    shown by its forge."""
    kind, run = story.moment.kind, story.run
    if kind in DEPLOYMENTS:
        return DEPLOYMENTS[kind]
    if kind in PLAIN:
        return PLAIN[kind]
    if run is None or run.merge_request:
        return None
    if kind == "run.failed" and run.deployment is None:
        return Event.RUN_FAILED
    if kind == "run.succeeded" and story.before is not None and story.before.status is RunStatus.FAILED:
        return Event.RUN_RECOVERED
    return None


def wants(rule: Rule, event: str, moment: Moment, settings: Settings) -> bool:
    """What is of a host concerns the services that run there."""
    if rule.events and event not in rule.events:
        return False
    if not moment.name:
        return _named(rule, moment.service, moment.environment)
    users = environments_on(moment.name, settings)
    narrow = rule.services or rule.environments
    return not narrow or any(_named(rule, one.service, one.name) for one in users)


def environments_on(host: str, settings: Settings) -> list[Environment]:
    every = (e for service in settings.services.values() for e in service.environments.values())
    return [one for one in every if any(place.name == host for place in one.hosts)]


def subject_of(moment: Moment) -> str:
    return moment.name or "/".join(part for part in (moment.service, moment.environment) if part)


def fold_of(event: str, moment: Moment) -> str:
    """Notices of one fold become one: what comes and goes is one story. Empty: never folded."""
    if event in SINGLE or event == TEST:
        return ""
    if event in (Event.HOST_LOST, Event.HOST_BACK):
        return f"host {moment.name}"
    if event in (Event.REGION_OUT, Event.REGION_BACK):
        return f"region {moment.name}"
    if event in (Event.REPOSITORY_LOST, Event.REPOSITORY_BACK):
        return f"repository {moment.service}"
    return f"{event} {subject_of(moment)}"


def text_of(event: Event, story: Story, settings: Settings, language: Language) -> Text:
    moment, tell = story.moment, partial(say, language)
    where = _where(story)
    why = _why(story) or tell("unknown")
    title = tell(
        event,
        place=tell("place", service=moment.service, environment=moment.environment),
        service=moment.service,
        name=moment.name,
        release=story.deployment.release.number if story.deployment else "",
        run=story.run.id if story.run else "",
        before=story.before.id if story.before else "",
        step=_step(story),
        why=_without(where, why),
        where=tell("where", host=where) if where else "",
        to=_back_to(story, language),
        what=tell("deployment" if story.deployment else "run", number=moment.number),
    )
    facts = _facts(event, story, settings, language)
    return Text(
        title, facts, story.tail, _links(event, story, settings, language), MOODS.get(event, Mood.BAD)
    )


def test_text(rule: Rule, settings: Settings) -> Text:
    link = Link("Shipway", settings.server.url)
    return Text(say(rule.language, TEST, name=rule.name), (), (), (link,), Mood.GOOD)


def _named(rule: Rule, service: str, environment: str) -> bool:
    if rule.services and service not in rule.services:
        return False
    return not rule.environments or not environment or environment in rule.environments


def _culprit(deployment: Deployment) -> HostRecord | None:
    failed = [r for r in deployment.records if r.error]
    return min(failed, key=lambda r: r.phase is not HostPhase.FAILED, default=None)


def _where(story: Story) -> str:
    culprit = _culprit(story.deployment) if story.deployment else None
    return culprit.host if culprit else ""


def _step(story: Story) -> str:
    if story.run is not None and story.deployment is None:
        failed = (stage.name.value for stage in story.run.stages if stage.status is StageStatus.FAILED)
        return next(failed, "start")
    culprit = _culprit(story.deployment) if story.deployment else None
    return culprit.phase.value if culprit else ""


def _why(story: Story) -> str:
    if story.deployment is not None:
        blocked = story.deployment.blocked if story.moment.kind == "deployment.blocked" else ""
        text = blocked or story.deployment.error
    elif story.run is not None:
        errors = (stage.error for stage in story.run.stages if stage.error)
        text = next(errors, "") or story.run.error
    else:
        text = story.why
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _without(host: str, why: str) -> str:
    """A rollout's reasons begin with the host, which was named just before."""
    return why.removeprefix(f"{host}: ") if host else why


def _back_to(story: Story, language: Language) -> str:
    previous = story.deployment.previous if story.deployment else None
    return say(language, "to", release=previous.number) if previous else ""


def _facts(event: Event, story: Story, settings: Settings, language: Language) -> tuple[str, ...]:
    tell, moment = partial(say, language), story.moment
    found: list[str] = []
    if moment.name:
        names = ", ".join(f"{one.service}/{one.name}" for one in environments_on(moment.name, settings))
        return (tell("runs_there", names=names),) if names else ()
    if MOODS.get(event, Mood.BAD) is Mood.BAD:
        found += [tell("host", host=where)] if (where := _where(story)) else []
        found += [tell("step", step=step)] if (step := _step(story)) else []
        found += [tell("reason", why=why)] if (why := _why(story)) else []
    run = story.run
    if run is not None:
        found.append(tell("commit", commit=run.commit[:10], ref=run.ref, who=run.requested_by))
    elif story.deployment is not None and story.deployment.release.commit:
        release, who = story.deployment.release, story.deployment.requested_by
        found.append(tell("commit", commit=release.commit[:10], ref=release.ref, who=who))
    return tuple(found)


def _links(event: Event, story: Story, settings: Settings, language: Language) -> tuple[Link, ...]:
    """To pages; what they are called says the command that does the same."""
    tell, moment, door = partial(say, language), story.moment, settings.server.url.rstrip("/")
    links: list[Link] = []
    service = f"{door}/services/{moment.service}"
    if story.deployment is not None:
        links.append(
            Link(tell("show_deployment", number=moment.number), f"{door}/deployments/{moment.number}")
        )
    if story.run is not None:
        links.append(Link(tell("show_run", number=story.run.id), f"{door}/runs/{story.run.id}"))
    if event in (Event.DEPLOY_FAILED, Event.DEPLOY_ROLLED_BACK, Event.RUN_FAILED) and story.run is not None:
        links.append(Link(tell("retry", number=story.run.id), f"{door}/runs/{story.run.id}"))
    if event in (Event.DEPLOY_SUCCEEDED, Event.DEPLOY_FAILED):
        words = tell("rollback", service=moment.service, environment=moment.environment)
        links.append(Link(words, service))
    if event is Event.APPROVAL_WANTED:
        links.append(_approval(story, door, language))
    if event in REGIONS:
        links.append(Link(tell("show_regions"), f"{door}/regions"))
    if not links and moment.service:
        links.append(Link(tell("show_service", service=moment.service), service))
    return tuple(links)


def _approval(story: Story, door: str, language: Language) -> Link:
    number = story.moment.number
    if story.deployment is not None:
        return Link(say(language, "approve_deployment", number=number), f"{door}/deployments/{number}")
    return Link(say(language, "approve_run", number=number), f"{door}/runs/{number}")


def last_lines(text: str, most: int) -> tuple[str, ...]:
    lines: Sequence[str] = [line.rstrip()[:LONGEST] for line in text.splitlines() if line.strip()]
    return tuple(lines[-most:])
