"""What Shipway writes down, as the flows ask for it: the ports of the database. `runners.store` implements them all.

The contract of `ports.py` holds here too. Each method is one short transaction, never around an effect, and survives
`database is locked`. Methods may also raise `NotFound`, `Conflict` and `Stopped` (a lease that is no longer ours).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pipeline.caller import Caller
from pipeline.delivery.run import NewRun, Run, Stage
from pipeline.errors import Conflict, NotFound
from pipeline.fleet.host import HostState
from pipeline.fleet.proxy import Route, Site, SiteWanted
from pipeline.intake.inbox import Delivery, Kept, NewDelivery, Received, Wanted
from pipeline.intake.sight import Comparison, Sight, Trouble
from pipeline.lease import Lease
from pipeline.rollout.deployment import Deployment, EnvironmentState, Happening, Request
from pipeline.rollout.release import Release
from pipeline.secret import Secret
from pipeline.stored_secret import Scope, StoredSecret, Use
from pipeline.summaries import DeploymentSummaries, ReleaseSummaries, RunSummaries

EVERYTHING = Wanted()


class Inbox(Protocol):
    """Deliveries. The row is inbox and outbox in one."""

    def receive(self, delivery: NewDelivery) -> Received:
        """One durable transaction: the delivery, its queued runs, older queued runs of the same service and
        environment (or merge request) superseded. On disk when this returns. Equal (forge, key) is a duplicate:
        nothing is written, and `changed` says whether it tells of something else than the first time. The audit's line is
        in it too. Earlier runs that are `needless` are cancelled, those that run by their workers.
        Answers within 6 s: when it raises `Unreachable` the write may still come, and a redelivery is a duplicate."""

    def receive_later(self, delivery: NewDelivery, then: Callable[[Received | BaseException], None]) -> None:
        """The same without waiting: `then` is called from another thread, once, however long that takes."""

    def receive_at_once(self, deliveries: Sequence[NewDelivery]) -> list[Received] | None:
        """All of them in one transaction, on the caller's thread and only if that takes a moment: for who must not wait.
        None: not now (somebody writes, others wait, the disk is slow); then each is for `receive_later`."""

    def deliveries(self, limit: int = 50, before: int = 0, wanted: Wanted = EVERYTHING) -> list[Delivery]:
        """Newest first; `before` is an id, 0: from the newest. So in every list below."""

    def delivery(self, number: int) -> Kept: ...

    def sight(self, service: str) -> Sight:
        """What was last seen of a service's repository, by webhooks and looks alike."""

    def saw(self, sight: Sight, found: Comparison, delivery: NewDelivery | None) -> Received | None:
        """A look's outcome in one transaction: `sight` as it is now, the version and heads in it as they were before.
        None: another look came first, or nothing had to start. Of the moves only those happen whose ref is still where
        `before` says; runs that a person asked for meanwhile are not queued again. A webhook that tells of a move later
        finds that it was seen, and its runs are not queued."""

    def trouble(self, service: str, reason: str) -> None:
        """Its repository cannot be looked at. `saw` ends it."""

    def troubles(self) -> dict[str, Trouble]:
        """By service: repositories that cannot be looked at."""


class Leases(Protocol):
    """Locks that die with their owner. Time is the store's own clock."""

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        """None while anybody holds it, the same owner included: whoever is refused must not go on."""

    def extend(self, lease: Lease, ttl: float) -> bool:
        """False: it is lost (expired and taken, or given back); the owner must stop at once."""

    def give_back(self, lease: Lease) -> None: ...


class Runs(RunSummaries, Protocol):
    """Runs and their stages. Writes with a lease raise `Stopped` when its fence is no longer the newest of its key."""

    def add(self, new: NewRun) -> Run:
        """Queue one; older queued runs of the same service and environment, or merge request, become superseded, those
        that wait for an approval too."""

    def run(self, run_id: int) -> Run: ...
    def runs(
        self, service: str = "", status: str = "", limit: int = 50, environment: str = "", before: int = 0
    ) -> list[Run]: ...

    def counts(self) -> dict[str, int]:
        """How many runs there are of each status."""

    def begin(self, run_id: int, lease: Lease) -> Run | None:
        """queued -> running, or running -> running with a higher attempt (taking over from a dead worker).
        None when it is over, when it waits for its deployment, or when another run of the same service and
        environment (or merge request) is running."""

    def save_stage(self, run_id: int, stage: Stage, lease: Lease) -> None: ...

    def finish(self, run_id: int, status: str, error: str, lease: Lease | None) -> None:
        """To a final status, unless it already has one. Stages still pending or running become cancelled."""

    def hand_over(self, run_id: int, release: Release, deployment: Deployment, lease: Lease) -> int:
        """One transaction after publish: store the release under the service's next number, create the pending
        deployment of it, set the run's `release` and `deployment`, its deploy stage to running. Returns the deployment
        id. Calling it again for the same run returns the same id. Raises `Refused` for a run of a merge request."""

    def wait_for_approval(self, run_id: int, lease: Lease) -> bool:
        """Running -> queued and not due. False: a newer one is queued already, and this one became superseded."""

    def hold(self, run_id: int, why: str, lease: Lease) -> bool:
        """The same for a window or the end of a freeze."""

    def held(self) -> list[Run]:
        """Those that are held, oldest first."""

    def held_for(self, run_id: int, why: str) -> None:
        """Of one that is held: why now. Empty: due from now on."""

    def approve(self, run_id: int, by: str, override: bool = False, reason: str = "") -> Run:
        """Due from now on; with `override` whatever windows and freezes say, and `reason` why. Raises `Conflict` when it
        does not wait for that."""

    def cancel(self, run_id: int) -> Run:
        """Queued: cancelled at once. Running: `cancel_requested`, obeyed by its worker. Raises `Conflict` when over."""

    def retry(self, run_id: int, requested_by: str) -> Run:
        """A new queued run of the same commit. Raises `Conflict` while the old one is not over."""

    def due(self) -> list[int]:
        """Ids that a worker should take up now: queued and newest of their environment with no run of it running, or
        running with no live lease. Oldest first. Runs whose deploy stage waits for a deployment are not due."""

    def at_rest(self) -> bool:
        """All runs are over: none is due before somebody adds one."""


class Releases(ReleaseSummaries, Protocol):
    """Immutable. Secrets of a release's spec are sealed at rest."""

    def add(self, release: Release) -> Release:
        """Stores it under the service's next number (`release.number` is ignored) and returns it with that number."""

    def release(self, service: str, number: int) -> Release: ...

    def releases(self, service: str, limit: int = 50, before: int = 0) -> list[Release]:
        """Newest first; `before` is a number."""


class Deployments(DeploymentSummaries, Protocol):
    """Deployments, their journal, and what is live. Final rows never change."""

    def create(self, deployment: Deployment, alone: bool = False) -> int:
        """Pending, `deployment.id` is ignored; older pending ones of the same environment become superseded. `alone`:
        raises `Conflict` instead when another one of the environment is not over."""

    def deployment(self, deployment_id: int) -> Deployment: ...
    def deployments(
        self, service: str = "", environment: str = "", limit: int = 50, before: int = 0
    ) -> list[Deployment]: ...

    def counts(self) -> dict[str, int]:
        """How many deployments there are of each status."""

    def active(self, service: str, environment: str) -> Deployment | None: ...

    def save(self, deployment: Deployment, happenings: Sequence[Happening], lease: Lease) -> None:
        """Journal the record and its history lines in one transaction. A final status also finishes the run that
        waits for it (deploy stage and run status alike). `settled` or SUCCEEDED moves `live` and `last_good`.
        Raises `Stopped` when the fence is stale, `Conflict` when the row is final or another one of the environment
        is active. When `last_good` moves, `placed` does, and a pending deployment becomes
        its own `after` of this one."""

    def ask(self, deployment_id: int, request: Request) -> Deployment:
        """Leave a person's request for the driver; the newest counts, but nothing overrules an abort. A pending
        deployment is cancelled at once by an abort. Raises `Conflict` when the deployment is over."""

    def requested(self, deployment_id: int) -> Request:
        """What the driver reads at each look. From then on every record it saves carries this request until it has
        obeyed; `save` clears a request when the record's is NONE and no newer one was left since it was read here."""

    def happenings(self, deployment_id: int, after: int = 0) -> list[tuple[int, Happening]]: ...
    def environment(self, service: str, environment: str) -> EnvironmentState: ...
    def set_replicas(self, service: str, environment: str, replicas: int) -> None: ...
    def set_moved(self, service: str, environment: str, moved: Mapping[str, str]) -> None: ...

    def good_releases(self, service: str, environment: str) -> list[int]:
        """Numbers that once succeeded on this environment, newest first by the time they did."""

    def due(self) -> list[int]:
        """Deployments to take up: pending with none active in their environment, or active with no live lease."""

    def at_rest(self) -> bool:
        """All deployments are over: none is due before somebody creates one."""


class Fleet(Protocol):
    """What people and the scheduler know of hosts, beyond the operator's file."""

    def hosts(self) -> dict[str, HostState]:
        """Those of which there is anything to say."""

    def drain(self, host: str, by: str, reason: str) -> None:
        """From now on. Draining a drained host only changes who and why."""

    def resume(self, host: str) -> None:
        """Not drained any more, but returned."""

    def silent(self, host: str, since: datetime) -> bool:
        """False when it was known to be silent already."""

    def answers(self, host: str, at: datetime) -> bool:
        """Returned, when it was silent; False when it was not."""

    def settled(self, host: str, returned_at: datetime) -> None:
        """Its environments have there what they should; nothing when it has returned once more since."""


class Routes(Protocol):
    """Our books of what each proxy site should serve."""

    def wanted(self, site: Site) -> SiteWanted: ...

    def wanted_on(self, sites: Sequence[Site]) -> Mapping[Site, SiteWanted]:
        """The same of several, as they were at one moment."""

    def put(self, route: Route, lease: Lease, drains: bool = True) -> SiteWanted:
        """Replace one service's route on its site and grow the site's generation (unless nothing changed).
        A route without backends is removed. Returns all that the site must serve now.

        `drains` False: the proxy's configuration does not name who is draining, so letting them go is no new one."""

    def outgrow(self, site: Site, generation: int, lease: Lease) -> None:
        """The site has this generation. Books that are behind it, as after a restore from a backup, get past it."""


class Tokens(Protocol):
    """API tokens, stored hashed."""

    def create(self, name: str, role: str, scopes: Sequence[str]) -> str:
        """The token's text; it cannot be read again. Scopes: `service` or `service/environment`; none: all."""

    def who(self, text: str) -> Caller | None: ...
    def tokens(self) -> list[Caller]: ...
    def revoke(self, name: str) -> None: ...


class Secrets(Protocol):
    """Secrets that Shipway keeps: sealed, written, never shown."""

    def put(self, name: str, scope: Scope, value: Secret, by: str) -> None:
        """A new one, or a new value of one that is there."""

    def secrets(self) -> list[StoredSecret]:
        """All of them, by name; values stay where they are."""

    def values(self, service: str, environment: str, stage: Use, trusted: bool = True) -> dict[str, Secret]:
        """What `stored_secret.chosen` chooses, opened."""

    def remove(self, name: str, scope: Scope) -> None:
        """Raises `NotFound`."""


class NoSecrets:
    """The books of a Shipway that keeps none."""

    def put(self, name: str, scope: Scope, value: Secret, by: str) -> None:
        raise Conflict("This Shipway keeps no secrets.")

    def secrets(self) -> list[StoredSecret]:
        return []

    def values(self, service: str, environment: str, stage: Use, trusted: bool = True) -> dict[str, Secret]:
        return {}

    def remove(self, name: str, scope: Scope) -> None:
        raise NotFound("This Shipway keeps no secrets.")


class Audit(Protocol):
    """Who did what, when. Append-only."""

    def note(
        self, actor: str, action: str, target: str, detail: str = "", patience: float | None = None
    ) -> None:
        """`patience`: seconds until it is given up with `Unreachable`; None: the store's own."""

    def entries(self, limit: int = 100, before: int = 0) -> list[dict[str, Any]]:
        """Newest first: {id, at, actor, action, target, detail}."""
