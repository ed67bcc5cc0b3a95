"""FLOW: what changed is told to people. Judges each moment once, writes down who is to be told what, and sends what is due.

Never holds up a run: it only reads what runs wrote. What a service does not take is tried again, later each time, and what
it refuses is kept as dead with the reason. A process that dies between two steps tells one message twice at worst.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

from pipeline.delivery.run import OVER, Run, RunStatus
from pipeline.errors import NotFound, RunnerError, Stopped, Unreachable
from pipeline.lease import Lease
from pipeline.notices import codec, compose, timing
from pipeline.notices.compose import Story
from pipeline.notices.desk import NoticeDesk
from pipeline.notices.letter import letter
from pipeline.notices.notice import Draft, Event, Language, Moment, Notice, Rule, Target
from pipeline.traces.compose import spans_of
from pipeline.traces.otlp import otlp
from pipeline.traces.trace import TARGET

log = logging.getLogger("shipway.notice")

KEY = "notices"
LEASE_TTL = 10.0  # seconds; kept by a thread: so long nobody is told after the death of whoever told
ACTIVE = 1.0  # seconds to the next look while anything is under way …
ASLEEP = 15.0  # … and while nothing is: nobody rings when a host is lost
TAIL = 4096  # bytes of a log, of which …
LINES = 10  # … so many lines are shown
DAY = 86400.0  # seconds until a webhook that is still off is told again
LOG = "log"  # kind of the happening with a container's last words


def tell(owner: str, desk: NoticeDesk) -> float:
    """One round. Returns the seconds until another one is of use, when nobody rings before."""
    for service, why in desk.hooks.turned_off():
        desk.book.note(Event.HOOK_DISABLED, service, why)
    if desk.book.moments(1) or desk.book.due(desk.clock.now(), 1):
        lease = desk.leases.take(KEY, owner, LEASE_TTL)
        if lease is None:
            return ACTIVE
        try:
            _judge_all(lease, desk)
            _send_all(lease, desk)
        finally:
            desk.leases.give_back(lease)
    return _rest(desk)


def _rest(desk: NoticeDesk) -> float:
    if desk.book.busy() or desk.book.moments(1):
        return ACTIVE
    moment = desk.book.next_due()
    if moment is None:
        return ASLEEP
    return min(ASLEEP, max(0.1, (moment - desk.clock.now()).total_seconds()))


# ------------------------------------------------------------------------------------------------ what is worth a notice


def _judge_all(lease: Lease, desk: NoticeDesk) -> None:
    for moment in desk.book.moments():
        _hold(lease, desk)
        try:
            drafts = _drafts(moment, desk)
        except NotFound as gone:  # of something that was let go since, or is not in the file any more
            log.info("nobody told", extra={"kind": moment.kind, "why": str(gone)})
            drafts = []
        desk.book.accept(moment, drafts, lease)


def _drafts(moment: Moment, desk: NoticeDesk) -> list[Draft]:
    traces = _trace(moment, desk) if desk.traces is not None else []
    if not desk.settings.notices:
        return traces
    story = _story(moment, desk)
    event = compose.event_of(story)
    if event is None:
        return traces
    rules = [rule for rule in desk.settings.notices if compose.wants(rule, event, moment, desk.settings)]
    return [*traces, *(draft for rule in rules for draft in _of_rule(rule, event, story, desk))]


def _trace(moment: Moment, desk: NoticeDesk) -> list[Draft]:
    """Of a run that is over."""
    if moment.kind.removeprefix("run.") not in OVER:
        return []
    run = desk.runs.run(moment.number)
    made = None if run.deployment is None else desk.deployments.deployment(run.deployment)
    lines = [line for _, line in desk.deployments.happenings(made.id)] if made else []
    spans = spans_of(run, made, lines)
    if not spans:
        return []
    body = desk.logs.masked(otlp(spans, run.id, desk.settings.server.url.rstrip("/")))
    now = desk.clock.now()
    return [Draft(TARGET, TARGET, "trace", f"run {run.id}", "", body, moment.at, now)]


def _of_rule(rule: Rule, event: Event, story: Story, desk: NoticeDesk) -> list[Draft]:
    moment = story.moment
    body = codec.dump(compose.text_of(event, story, desk.settings, rule.language))
    now = desk.clock.now()
    quiet = timing.quiet_until(rule.quiet, event, now)
    return [
        Draft(
            rule=rule.name,
            target=target.label,
            event=event,
            subject=compose.subject_of(moment),
            fold=compose.fold_of(event, moment),
            body=desk.logs.masked(body),
            at=moment.at,
            not_before=quiet or now,
            held=quiet is not None,
            window=DAY if event is Event.HOOK_DISABLED else rule.fold,
        )
        for target in rule.to
    ]


def _story(moment: Moment, desk: NoticeDesk) -> Story:
    noun = moment.kind.partition(".")[0]
    if noun == "deployment":
        deployment = desk.deployments.deployment(moment.number)
        run = desk.runs.run(deployment.run) if deployment.run is not None else None
        return Story(moment, run, None, deployment, _last_words(moment.number, desk))
    if noun == "run":
        run = desk.runs.run(moment.number)
        tail = _tail(run, desk) if run.status is RunStatus.FAILED else ()
        return Story(moment, run, _before(run, desk), None, tail)
    if noun == "repository":
        trouble = desk.inbox.troubles().get(moment.service)
        return Story(moment, why=trouble.reason if trouble else "")
    return Story(moment, why=moment.why)


def _before(run: Run, desk: NoticeDesk) -> Run | None:
    """The last that failed or succeeded."""
    told = (RunStatus.FAILED, RunStatus.SUCCEEDED)
    older = desk.runs.runs(run.service, environment=run.environment, before=run.id, limit=20)
    return next((one for one in older if one.status in told and one.status in OVER), None)


def _tail(run: Run, desk: NoticeDesk) -> tuple[str, ...]:
    size = desk.logs.size(run.id)
    piece, _ = desk.logs.read(run.id, max(0, size - TAIL), TAIL)
    return compose.last_lines(desk.logs.masked(piece.decode("utf-8", "replace")), LINES)


def _last_words(deployment: int, desk: NoticeDesk) -> tuple[str, ...]:
    """What the container that failed printed last, as the history keeps it."""
    said = [line.text for _, line in desk.deployments.happenings(deployment) if line.kind == LOG]
    return compose.last_lines(desk.logs.masked(said[-1]), LINES) if said else ()


# ------------------------------------------------------------------------------------------------ what is due


def _send_all(lease: Lease, desk: NoticeDesk) -> None:
    """Targets side by side, so that one that is away holds up no other."""
    due = sorted(desk.book.due(desk.clock.now()), key=lambda notice: (notice.target, notice.id))
    groups = [tuple(own) for _, own in groupby(due, key=lambda notice: notice.target)]
    for failure in desk.hands.each([partial(_send_to, own, lease, desk) for own in groups]):
        if failure is not None:
            raise failure


def _send_to(due: Sequence[Notice], lease: Lease, desk: NoticeDesk) -> None:
    """Until one has to wait: those behind it wait too."""
    if due[0].target == TARGET and desk.traces is not None:
        for notice in due:
            _hold(lease, desk)
            if not _carried((notice,), partial(desk.traces.send, notice.body), lease, desk):
                return
        return
    now = desk.clock.now()
    found = _target(due[0], desk)
    if found is None:
        desk.book.bury(due, "Nobody is told there any more: it is not in shipway.yml.", lease)
        return
    spent = desk.book.sent_since(due[0].target, now - timing.MINUTE)
    made = timing.batches(due, spent)
    if not made:
        desk.book.put_off(due, now + timedelta(seconds=timing.BREATH), "", lease)
    for batch in made:
        _hold(lease, desk)
        if not _send(batch, *found, lease, desk):
            return


def _target(notice: Notice, desk: NoticeDesk) -> tuple[Target, Language] | None:
    for rule in desk.settings.notices:
        for target in rule.to:
            if target.label == notice.target and rule.name == notice.rule:
                return target, rule.language
    return None


def _send(
    batch: Sequence[Notice], target: Target, language: Language, lease: Lease, desk: NoticeDesk
) -> bool:
    texts = [(codec.load(notice.body), notice.count) for notice in batch]
    message = letter(texts, min(notice.at for notice in batch), language)
    return _carried(batch, partial(desk.messenger.send, target, message), lease, desk)


def _carried(batch: Sequence[Notice], send: Callable[[], None], lease: Lease, desk: NoticeDesk) -> bool:
    """False: it has to wait."""
    try:
        send()
    except Unreachable as error:
        return _put_off(batch, error, lease, desk)
    except RunnerError as error:
        _bury(batch, str(error), lease, desk)
    else:
        desk.book.sent(batch, desk.clock.now(), lease)
    return True


def _put_off(batch: Sequence[Notice], error: Unreachable, lease: Lease, desk: NoticeDesk) -> bool:
    now, first = desk.clock.now(), batch[0]
    if all(timing.is_hopeless(notice, now) for notice in batch):
        _bury(batch, f"{error} Given up after three days.", lease, desk)
        return True
    seconds = timing.pause(first.tries + 1, first.id)
    desk.book.put_off(batch, now + timedelta(seconds=seconds), str(error), lease)
    facts = {"target": first.target, "error": str(error), "seconds": round(seconds)}
    log.warning("notice not taken, trying again", extra=facts)
    return False


def _bury(batch: Sequence[Notice], error: str, lease: Lease, desk: NoticeDesk) -> None:
    desk.book.bury(batch, error, lease)
    log.warning("notice given up", extra={"target": batch[0].target, "error": error})


def _hold(lease: Lease, desk: NoticeDesk) -> None:
    if not desk.leases.extend(lease, LEASE_TTL):
        raise Stopped("Another process tells people now.")
