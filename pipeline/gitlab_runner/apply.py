"""FLOW: makes runners as a plan says, slot beside slot. May be cut anywhere: the next one looks anew and goes on.

A record is written before GitLab is asked for a runner, and the token before anything is done with it; a container is let
finish its jobs before it is replaced or removed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.errors import Rejected, ShipwayError
from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.decide import Change, Deed, decide
from pipeline.gitlab_runner.desk import Hold, RunnerDesk
from pipeline.gitlab_runner.look import look
from pipeline.gitlab_runner.runner import Record, Sight, Slot, description
from pipeline.secret import Secret

PATIENCE = 20.0  # seconds for the lease of one that was killed to run out
ABSENT = 2.0  # for somebody else's
PIECE = 2.0  # seconds of waiting at a time
CALLS_WITHIN = 30.0  # a new container asks for jobs as soon as it runs
AGAIN = 1.0  # seconds between two looks whether it did
Say = Callable[[str], None]


@dataclass(frozen=True)
class Done:
    """What became of a change. `error`: why it was not done; those after it at its slot were not tried."""

    change: Change
    error: str = ""


@dataclass(frozen=True)
class Applied:
    done: tuple[Done, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(f"{one.change.slot}: {one.error}" for one in self.done if one.error)


def apply(
    desk: RunnerDesk,
    say: Say,
    chosen: Callable[[Change], bool] = lambda _: True,
    without: str = "",
    patience: float = PATIENCE,
) -> Applied:
    """All changes that are `chosen`, by a look of its own under the lease, as if the fleet `without` were not in the file.
    Raises `Conflict` while another one is at it."""
    with desk.hold(patience) as hold:
        sight = look(desk)
        plan = decide([fleet for fleet in desk.fleets if fleet.name != without], sight)
        by_slot: dict[Slot, list[Change]] = {}
        for change in plan.changes:
            if chosen(change):
                by_slot.setdefault(change.slot, []).append(change)
        work = _Work(desk, hold, sight, say)
        done = desk.hands.each([work.job(changes) for changes in by_slot.values()])
        hold.check()
        told = [one for result in done if not isinstance(result, Exception) for one in result]
        return Applied(tuple(told), plan.unknown)


class _Work:
    """The changes of one apply. Each method is one deed."""

    def __init__(self, desk: RunnerDesk, hold: Hold, sight: Sight, say: Say) -> None:
        self._desk, self._hold, self._sight, self._say = desk, hold, sight, say
        self._fleets = {fleet.name: fleet for fleet in desk.fleets}

    def job(self, changes: Sequence[Change]) -> Callable[[], list[Done]]:
        """One after the other, until one fails."""

        def work() -> list[Done]:
            done: list[Done] = []
            for change in changes:
                try:
                    self._hold.check()
                    self._do(change)
                except ShipwayError as error:
                    return [*done, Done(change, str(error))]
                done.append(Done(change))
            return done

        return work

    def _do(self, change: Change) -> None:
        self._say(f"{change.slot}: {change.deed}, since {change.why}")
        deeds: dict[Deed, Callable[[Change], None]] = {
            Deed.CREATE: self._create,
            Deed.RENEW: self._renew,
            Deed.UPDATE: lambda c: self._desk.coordinator.update(self._fleet(c), c.runner),
            Deed.START: lambda c: self._start(self._fleet(c), self._record(c.slot)),
            Deed.REPLACE: self._replace,
            Deed.REMOVE: self._remove,
            Deed.DISCARD: self._discard,
        }
        deeds[change.deed](change)

    def _fleet(self, change: Change) -> RunnerFleet:
        return self._fleets[change.slot.fleet]

    def _record(self, slot: Slot) -> Record:
        """As it is now: a change before this one may have written it."""
        return self._desk.books.records()[slot]

    # -------------------------------------------------------------------------------------------- at GitLab

    def _create(self, change: Change) -> None:
        """Written down first, so that a runner whose answer was lost is found by its description."""
        fleet, slot = self._fleet(change), change.slot
        known = self._desk.books.records().get(slot)
        cut = known is not None and not known.runner
        record = known if known is not None and cut else self._intent(fleet, slot, known)
        if not cut:
            self._desk.books.save(record, self._hold.lease)
        runner, token = self._made(fleet, record, cut)
        record = replace(record, runner=runner, token=token)
        self._desk.books.save(record, self._hold.lease)
        if not self._desk.coordinator.accepts(record):
            raise Rejected(
                f"GitLab at {fleet.url} made runner {runner} and refuses its token. Apply again: it gets a new one."
            )

    def _intent(self, fleet: RunnerFleet, slot: Slot, known: Record | None) -> Record:
        host = next(host for host in fleet.hosts if host.name == slot.host)
        nonce = self._desk.nonce()
        return Record(
            slot=slot,
            host=host,
            url=fleet.url,
            ca=fleet.ca,
            scope=fleet.scope,
            scope_id=fleet.id,
            description=description(self._desk.installation(), slot, nonce),
            system_id=f"r_{nonce}",
            stop_timeout=fleet.stop_timeout,
            drain_by=known.drain_by if known else None,
        )

    def _made(self, fleet: RunnerFleet, record: Record, cut: bool) -> tuple[int, Secret]:
        gitlab = self._desk.coordinator
        found = gitlab.listed(fleet, record.description) if cut else ()
        for other in found[1:]:
            gitlab.discard(fleet, other.id)
        if not found:
            return gitlab.create(fleet, record.description)
        self._say(
            f"{record.slot}: runner {found[0].id} was made by the attempt that was cut; it gets a new token"
        )
        gitlab.update(fleet, found[0].id)
        return found[0].id, gitlab.reset(fleet, found[0].id)

    def _renew(self, change: Change) -> None:
        record = self._record(change.slot)
        token = self._desk.coordinator.reset(self._fleet(change), record.runner)
        self._desk.books.save(replace(record, token=token), self._hold.lease)

    # -------------------------------------------------------------------------------------------- on the host

    def _start(self, fleet: RunnerFleet, record: Record) -> None:
        record = replace(record, host=self._host(record), stop_timeout=fleet.stop_timeout, ca=fleet.ca)
        before = self._called(fleet, record)
        container = self._desk.engines.start(fleet, record)
        self._desk.books.save(replace(record, drain_by=None), self._hold.lease)
        until = self._desk.now() + timedelta(seconds=CALLS_WITHIN)
        while self._called(fleet, record) == before:
            self._hold.check()
            if self._desk.engines.ended(record.host, container, AGAIN):
                said = self._desk.engines.said(record.host, container)
                raise Rejected(
                    f"Its container on {record.host.name} ended at once: {said or 'it said nothing'}"
                )
            if self._desk.now() > until:
                self._say(
                    f"{record.slot}: it has not called GitLab for {CALLS_WITHIN:g} s; `status` tells when it does"
                )
                return

    def _called(self, fleet: RunnerFleet, record: Record) -> datetime | None:
        """When it last asked GitLab for a job."""
        entry = self._desk.coordinator.entry(fleet, record.runner)
        return entry.contacted_at if entry else None

    def _replace(self, change: Change) -> None:
        record = self._leave(self._record(change.slot), change.container)
        self._start(self._fleet(change), record)

    def _remove(self, change: Change) -> None:
        record = self._record(change.slot)
        if change.container:
            record = self._leave(record, change.container)
        fleet = self._fleets.get(change.slot.fleet)
        access = fleet.token if fleet is not None and fleet.url == record.url else None
        if record.runner:
            if not self._desk.coordinator.delete(record, access):
                self._say(
                    f"{change.slot}: GitLab refuses the token of runner {record.runner}: it is gone there, or somebody reset "
                    "the token. If it is still listed, delete it there."
                )
        elif fleet is None:
            self._say(
                f"{change.slot}: GitLab may have a runner {record.description!r} without a token; remove it there"
            )
        else:
            for other in self._desk.coordinator.listed(fleet, record.description):
                self._desk.coordinator.discard(fleet, other.id)
        self._desk.books.forget(change.slot, self._hold.lease)

    def _discard(self, change: Change) -> None:
        if change.runner:
            self._desk.coordinator.discard(self._fleets[change.through], change.runner)
            return
        host = self._sight_host(change.slot.host)
        found = self._sight.on(change.slot)
        self._desk.engines.drain(host, change.container)
        self._wait(host, change.container, found.stop_timeout if found else 0.0)
        self._desk.engines.end(host, change.container)

    def _leave(self, record: Record, container: str) -> Record:
        """Its jobs may finish until a moment that is written down, whoever waits for it."""
        host, now = self._host(record), self._desk.now()
        until = record.drain_by or now + timedelta(seconds=record.stop_timeout)
        record = replace(record, drain_by=until)
        self._desk.books.save(record, self._hold.lease)
        self._desk.engines.drain(host, container)
        if not self._wait(host, container, (until - now).total_seconds()):
            self._say(f"{record.slot}: its jobs took longer than stop_timeout; they are cut")
        self._desk.engines.end(host, container)
        return record

    def _wait(self, host: Host, container: str, seconds: float) -> bool:
        until = self._desk.now() + timedelta(seconds=seconds)
        while True:
            left = (until - self._desk.now()).total_seconds()
            self._hold.check()
            if self._desk.engines.ended(host, container, max(0.0, min(PIECE, left))):
                return True
            if left <= 0:
                return False

    def _host(self, record: Record) -> Host:
        """As shipway.yml has it; of one that left it, as it was."""
        return self._desk.settings.hosts.get(record.host.name, record.host)

    def _sight_host(self, name: str) -> Host:
        remembered = {record.host.name: record.host for record in self._sight.records.values()}
        return self._desk.settings.hosts.get(name) or remembered[name]
