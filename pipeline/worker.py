"""Takes up one run or one deployment, holds its lease while the flow works, and gives it back.

The queue brings an id; everything else is read from the books, so an id that comes twice, late or not at all does no
harm. Never decides anything about a rollout or a build. An error that nobody expected ends here, with a sentence.
"""

import logging
import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable
from functools import cache

from pipeline.delivery.deliver import deliver
from pipeline.delivery.run import Run, RunStatus
from pipeline.delivery.turns import in_turn
from pipeline.errors import Conflict, ShipwayError, Stopped
from pipeline.fleet.proxy import Site
from pipeline.lease import Lease, deployment_key, run_key
from pipeline.ports import Ports
from pipeline.rollout.deployment import Happening
from pipeline.rollout.drive import drive
from pipeline.settings import Settings
from pipeline.wiring import build_ports
from runners.job_queue import DELIVER, DEPLOY
from runners.keeper import Keeper
from runners.own_store import store_of
from runners.process import Beat
from runners.redis_child import redis_url
from runners.settings_source import load_settings
from runners.store import Store
from runners.work_horse import listen

log = logging.getLogger("shipway.worker")

LEASE_TTL = 5.0  # seconds; what a dead worker held is taken up again after this
MOST_ATTEMPTS = 20  # a run whose worker died so often will not do better the next time
LONGEST_PAUSE = 60.0  # seconds between attempts at a deployment whose driver fails
MOST_SEEN = 500  # open runs of each status among which one is chosen, the newest
QUEUES = {"deliver": DELIVER, "deploy": DEPLOY}
CRASH = "crash"  # kind of the happening that tells of an unexpected error


def work(queue: str, config: str, beat: str) -> None:
    """The life of one worker process: one queue, until SIGTERM or SIGINT. `beat` empty: nobody watches."""
    settings = settings_at_start(config)
    horse_beat = f"{settings.server.data}/run/horse-{os.getpid()}.beat"
    os.environ["SHIPWAY_CONFIG"] = config
    os.environ["SHIPWAY_HORSE_BEAT"] = horse_beat
    url = redis_url(settings.server.redis, settings.server.data)
    _warm_up(books_at_start(config))
    try:
        listen(
            QUEUES[queue],
            url,
            Beat(beat),
            Beat(horse_beat),
            lambda: log.info("worker waits", extra={"queue": queue}),
        )
    finally:
        Beat(horse_beat).forget()


@cache
def settings_at_start(config: str) -> Settings:
    """Read once by the worker and inherited by its forks: a file that is being edited never breaks work under way."""
    return load_settings(config)


@cache
def books_at_start(config: str) -> Store:
    """Inherited by the worker's forks, without its connections."""
    return store_of(settings_at_start(config).server)


def _warm_up(books: Store) -> None:
    """Asks what each piece of work asks first: every fork then finds these statements compiled. Books that are away are
    the work's own trouble, once there is some."""
    nowhere = "-", "-"
    try:
        books.ping()
        books.runs.due()
        books.runs.runs(status=RunStatus.QUEUED, limit=MOST_SEEN)
        books.deployments.active(*nowhere)
        books.deployments.environment(*nowhere)
        books.deployments.deployments(*nowhere, limit=1)
        books.deployments.good_releases(*nowhere)
        books.releases.summaries([(nowhere[0], 0)])
        books.routes.wanted_on([Site(*nowhere)])
        books.recovery.waits(*nowhere)
        books.roster.joined()
    except ShipwayError as error:
        log.info("worker starts without its books", extra={"error": str(error)})


def work_run(run_id: int) -> None:
    """In a fork of its own. Called by the queue by this name."""
    stopping = _listen_for_stop()
    take_a_run(_own_ports(), stopping, _own_beat())


def work_deployment(deployment_id: int) -> None:
    """In a fork of its own. Called by the queue by this name."""
    stopping = _listen_for_stop()
    deploy_once(deployment_id, _own_ports(), stopping, _own_beat())


def take_a_run(ports: Ports, stopping: threading.Event, beat: Beat) -> None:
    """The one whose turn it is: an id in the queue only says that there is something to do, each id once."""
    due = set(ports.runs.due())
    open_runs = [
        run
        for status in (RunStatus.QUEUED, RunStatus.RUNNING)
        for run in ports.runs.runs(status=status, limit=MOST_SEEN)
    ]
    at_work = [
        r for r in open_runs if r.status is RunStatus.RUNNING and r.deployment is None and r.id not in due
    ]
    for number in in_turn([run for run in open_runs if run.id in due], at_work):
        if stopping.is_set() or run_once(number, ports, stopping, beat):
            return


def run_once(run_id: int, ports: Ports, stopping: threading.Event, beat: Beat) -> bool:
    """One attempt at a run. Does nothing when it is over, or not its turn. False: somebody else works on it."""
    lease = ports.leases.take(run_key(run_id), _owner(), LEASE_TTL)
    if lease is None:
        return False

    def wanted() -> bool:
        return stopping.is_set() or ports.runs.run(run_id).cancel_requested

    with Keeper(ports.leases, lease, LEASE_TTL, wanted, beat) as keeper:
        pause = _deliver(run_id, lease, keeper.stop, ports)
        _settle_logs(ports)
    _let_go(lease, pause, ports)
    return True


def deploy_once(deployment_id: int, ports: Ports, stopping: threading.Event, beat: Beat) -> None:
    """One attempt at a deployment, like `run_once`. A driver that fails leaves it journalled for the next."""
    lease = ports.leases.take(deployment_key(deployment_id), _owner(), LEASE_TTL)
    if lease is None:
        return
    with Keeper(ports.leases, lease, LEASE_TTL, stopping.is_set, beat) as keeper:
        pause = _drive(deployment_id, lease, keeper.stop, ports)
        _settle_logs(ports)
    _let_go(lease, pause, ports)


def _deliver(run_id: int, lease: Lease, stop: Callable[[], bool], ports: Ports) -> float:
    """Seconds to wait before anybody tries again; 0 when there is nothing to wait for."""
    run = ports.runs.begin(run_id, lease)
    if run is None:
        return 0.0
    log.info("run taken up", extra={"run": run_id, "attempt": run.attempt, "service": run.service})
    if run.attempt > MOST_ATTEMPTS:
        _fail(
            run,
            f"The worker died {MOST_ATTEMPTS} times in this run. Look at its log and at the kernel's.",
            lease,
            ports,
        )
        return 0.0
    try:
        deliver(run_id, lease, stop, ports)
    except Stopped as stopped:
        log.info("run put down", extra={"run": run_id, "why": str(stopped)})
    except ShipwayError as error:
        log.warning("run waits for the outside world", extra={"run": run_id, "error": str(error)})
        return min(30.0, 2.0 * run.attempt)
    except Exception as error:
        reference = uuid.uuid4().hex[:8]
        log.exception("run broke", extra={"run": run_id, "reference": reference})
        _fail(
            run,
            f"Shipway itself broke in this run: {_brief(error)}. Its log has more under {reference}.",
            lease,
            ports,
        )
    return 0.0


def _drive(deployment_id: int, lease: Lease, stop: Callable[[], bool], ports: Ports) -> float:
    log.info("deployment taken up", extra={"deployment": deployment_id})
    try:
        if not drive(deployment_id, lease, stop, ports).over:
            why = "this worker stops, its lease may have run out, or it is not its turn"
            log.info("deployment put down", extra={"deployment": deployment_id, "why": why})
    except Stopped as stopped:
        log.info("deployment put down", extra={"deployment": deployment_id, "why": str(stopped)})
    except Conflict as conflict:  # another one of its environment was faster, or it just ended
        log.info("deployment waits", extra={"deployment": deployment_id, "why": str(conflict)})
        return 1.0
    except Exception as error:
        reference = uuid.uuid4().hex[:8]
        log.exception(
            "deployment's driver broke", extra={"deployment": deployment_id, "reference": reference}
        )
        return _put_off(deployment_id, error, reference, lease, ports)
    return 0.0


def _put_off(deployment_id: int, error: Exception, reference: str, lease: Lease, ports: Ports) -> float:
    """Say it in the history, and wait longer each time."""
    try:
        before = sum(1 for _, h in ports.deployments.happenings(deployment_id) if h.kind == CRASH)
        pause = min(LONGEST_PAUSE, 2.0 ** min(before, 10))
        text = f"The driver broke ({_brief(error)}) and goes on in {pause:.0f} s. Its log has more under {reference}."
        happening = Happening(ports.clock.now(), CRASH, text)
        ports.deployments.save(ports.deployments.deployment(deployment_id), [happening], lease)
    except ShipwayError as failure:
        log.warning("not journalled", extra={"deployment": deployment_id, "error": str(failure)})
        return LEASE_TTL
    return pause


def _fail(run: Run, sentence: str, lease: Lease, ports: Ports) -> None:
    try:
        ports.runs.finish(
            run.id, RunStatus.FAILED, f"{sentence} `shipway run retry {run.id}` tries again.", lease
        )
    except ShipwayError as error:
        log.warning("failure not journalled", extra={"run": run.id, "error": str(error)})


def _settle_logs(ports: Ports) -> None:
    """Before anybody else goes on: this process ends soon, and what it holds with it."""
    try:
        ports.logs.settle()
    except ShipwayError as error:
        log.warning("end of a log not written", extra={"error": str(error)})


def _let_go(lease: Lease, pause: float, ports: Ports) -> None:
    """A lease kept for `pause` seconds without anybody extending it is the pause: until then the work is not due."""
    try:
        if pause:
            ports.leases.extend(lease, pause)
        else:
            ports.leases.give_back(lease)
    except ShipwayError as error:
        log.warning("lease not given back", extra={"lease": lease.key, "error": str(error)})


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _own_ports() -> Ports:
    config = os.environ["SHIPWAY_CONFIG"]
    return build_ports(settings_at_start(config), books_at_start(config))


def _own_beat() -> Beat:
    return Beat(os.environ.get("SHIPWAY_HORSE_BEAT", ""))


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def _listen_for_stop() -> threading.Event:
    """SIGTERM becomes something that a flow can ask for."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    return stopping
