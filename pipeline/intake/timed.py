"""Flow 1d: starts the runs that schedules of environments ask for, each once, whichever scheduler looks.

What was missed while nobody looked is made up for by one run, the newest, within a day. A commit comes from the repository
now. Never decides when to look.
"""

from contextlib import suppress

from pipeline.delivery.run import SCHEDULE, NewRun, Run, RunStatus
from pipeline.errors import NotFound, RunnerError
from pipeline.fleet.schedule import Due, Schedule, last_due
from pipeline.ports import Ports
from pipeline.settings import Settings
from pipeline.timing import Place

LOOKED_AT = 50  # runs back
DONE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SUCCEEDED)


def schedules_of(settings: Settings) -> dict[Place, Schedule]:
    return {
        (service.name, environment.name, schedule.name): schedule
        for service in settings.services.values()
        for environment in service.environments.values()
        for schedule in environment.schedules
    }


def due_now(ports: Ports) -> list[Due]:
    """What no scheduler has obeyed yet; of each the newest moment."""
    now, obeyed = ports.clock.now(), ports.schedules.obeyed()
    found = []
    for place, schedule in schedules_of(ports.settings).items():
        at = last_due(schedule, now)
        if at is not None and place in obeyed and obeyed[place] < at:
            found.append(Due(place[0], place[1], schedule, at))
    return found


def start(due: Due, ports: Ports) -> Run | None:
    """None: there was nothing to start, or another scheduler did. Raises a `RunnerError` when the repository does not
    answer: then it is still due."""
    schedule, where = due.schedule, f"{due.service}/{due.environment}"
    try:
        kind, ref, commit = ports.source.resolve(ports.service(due.service).repository, schedule.ref)
    except NotFound as error:
        ports.schedules.start(due, None)
        ports.notices.tell(f"{where}: the schedule {schedule.cron} started nothing", str(error))
        return None
    if schedule.only_if_changed and _has_run(due, commit, ports):
        return ports.schedules.start(due, None)
    new = NewRun(
        due.service, due.environment, kind, ref, commit, SCHEDULE, f"Schedule {schedule.cron} {schedule.zone}"
    )
    run = ports.schedules.start(due, new)
    if run is not None:
        ports.audit.note(
            SCHEDULE, "run.start", where, f"{schedule.name}, due {due.at.isoformat()}: run {run.id}"
        )
        with suppress(RunnerError):  # the run is in the books: when the queue is down, the scheduler wakes it
            ports.queue.wake_run(run.id, new=True)
    return run


def _has_run(due: Due, commit: str, ports: Ports) -> bool:
    """One that failed is tried again at the next time."""
    runs = ports.runs.runs(due.service, "", LOOKED_AT, due.environment)
    return any(run.commit == commit and run.status in DONE for run in runs)
