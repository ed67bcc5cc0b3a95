"""The book of schedules: a row each, moved on in the transaction that queues its run, so that nothing is started twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, update

from pipeline.delivery.run import NewRun, Run
from pipeline.fleet.schedule import Due
from pipeline.timing import Place
from runners.store.database import Database
from runners.store.run_rows import find_run, queue_runs, run_of
from runners.store.timing_tables import schedules

COLUMNS = schedules.c
KEY = ("service", "environment", "schedule")


class SqlSchedules:
    """Implements `pipeline.timing.Schedules`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, known: Sequence[Place]) -> None:
        def work(tx: Connection) -> None:
            now, wanted = self._database.now(tx), set(known)
            for place in _obeyed(tx).keys() - wanted:
                tx.execute(delete(schedules).where(_is(place)))
            for place in sorted(wanted):
                row = {**dict(zip(KEY, place, strict=True)), "due": now}
                tx.execute(self._database.insert(schedules).values(row).on_conflict_do_nothing())

        self._database.write(work)

    def obeyed(self) -> Mapping[Place, datetime]:
        return self._database.read(_obeyed)

    def start(self, due: Due, new: NewRun | None) -> Run | None:
        place = due.service, due.environment, due.schedule.name

        def work(tx: Connection) -> Run | None:
            self._database.line_up(tx, (due.service, due.environment))
            taken = _at_that_moment(tx, due)
            moved = update(schedules).where(_is(place), COLUMNS.due < due.at).values(due=due.at, run=None)
            if not tx.execute(moved).rowcount or taken or new is None:
                return None
            number = queue_runs(tx, self._database, [(new, None)], self._database.now(tx))[0]
            tx.execute(update(schedules).where(_is(place)).values(run=number))
            return run_of(find_run(tx, number))

        return self._database.write(work)


def _obeyed(tx: Connection) -> dict[Place, datetime]:
    return {(row.service, row.environment, row.schedule): row.due for row in tx.execute(select(schedules))}


def _is(place: Place) -> ColumnElement[bool]:
    return and_(*(COLUMNS[name] == value for name, value in zip(KEY, place, strict=True)))


def _at_that_moment(tx: Connection, due: Due) -> bool:
    """A run of this environment was started for the same moment by another schedule."""
    beside = COLUMNS.service == due.service, COLUMNS.environment == due.environment
    same = exists().where(*beside, COLUMNS.due == due.at, COLUMNS.run.is_not(None))
    return bool(tx.execute(select(same)).scalar())
