"""Where each ref that matters was last seen. Webhooks and looks meet here, inside their transactions: whoever comes second
finds that the other one was there. Opens no transaction itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, delete, select

from pipeline.delivery.run import NewRun
from pipeline.intake.inbox import NewDelivery
from pipeline.intake.push import RefKind
from pipeline.intake.sight import Move, full_name
from runners.store import tables
from runners.store.database import Database
from runners.store.many_rows import ManyRows
from runners.store.ready import Ready

COLUMNS, RUNS = tables.heads.c, tables.runs.c
Place = tuple[str, str]  # service, ref


@dataclass(frozen=True)
class Head:
    """`swept`: the delivery of the look that found it here, coming from `before`; None once its webhook came."""

    commit: str = ""
    before: str = ""
    swept: int | None = None


BROUGHT = ("service", "ref", "commit_sha", "before", "swept")
FIND = Ready(
    select(COLUMNS.commit_sha, COLUMNS.before, COLUMNS.swept).where(
        COLUMNS.service == bindparam("service_"), COLUMNS.ref == bindparam("ref_")
    )
)


class HeadRows:
    """The rows of `heads`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert = database.insert(tables.heads)
        fresh = {name: insert.excluded[name] for name in ("commit_sha", "before", "swept")}
        put = insert.on_conflict_do_update(index_elements=[COLUMNS.service, COLUMNS.ref], set_=fresh)
        self._put = ManyRows(put, BROUGHT)

    def tell(self, tx: Connection, deliveries: Sequence[NewDelivery]) -> list[NewDelivery]:
        """Webhooks tell of moves, in this order. Comes back without the runs for what a look had found before."""
        if not any(delivery.moves for delivery in deliveries):
            return list(deliveries)
        places = {(move.service, move.ref) for delivery in deliveries for move in delivery.moves}
        heads = self.find(tx, places)
        old = dict(heads)
        told = [self._told(tx, delivery, heads) for delivery in deliveries]
        self.put(tx, {place: head for place, head in heads.items() if head != old[place]})
        return told

    def find(self, tx: Connection, places: Iterable[Place]) -> dict[Place, Head]:
        """They stay so until this transaction ends."""
        ordered = sorted(places)
        self._database.line_up(tx, *{("heads", service) for service, _ in ordered})
        found = {}
        for service, ref in ordered:
            rows = FIND.run(tx, {"service_": service, "ref_": ref})
            found[service, ref] = Head(*rows[0]) if rows else Head()
        return found

    def of(self, tx: Connection, service: str) -> dict[str, Head]:
        """All of a service, by ref."""
        query = select(COLUMNS.ref, COLUMNS.commit_sha, COLUMNS.before, COLUMNS.swept)
        return {ref: Head(*rest) for ref, *rest in tx.execute(query.where(COLUMNS.service == service))}

    def put(self, tx: Connection, heads: Mapping[Place, Head]) -> None:
        rows = [
            (service, ref, head.commit, head.before, head.swept) for (service, ref), head in heads.items()
        ]
        if rows:
            self._put.put(tx, rows)

    def forget(self, tx: Connection, service: str) -> None:
        tx.execute(delete(tables.heads).where(COLUMNS.service == service))

    def _told(self, tx: Connection, delivery: NewDelivery, heads: dict[Place, Head]) -> NewDelivery:
        looks: dict[Place, int | None] = {}
        for move in delivery.moves:
            place = move.service, move.ref
            head = heads[place]
            heads[place], seen = _met(head, move)
            if seen:
                looks[place] = head.swept
        if not looks:
            return delivery
        runs = tuple(run for run in delivery.runs if place_of(run) not in looks)
        return replace(delivery, runs=runs, ignored="" if runs else _why(tx, looks.values()))


def place_of(run: NewRun) -> Place:
    return run.service, full_name(RefKind(run.kind), run.ref)


def _met(head: Head, move: Move) -> tuple[Head, bool]:
    """The head after a webhook's move, and whether it was known: a look had found just that, or had gone beyond it, or the
    forge told it in another event."""
    if head.swept is not None and move.commit:
        if head.commit == move.commit:
            return Head(head.commit), True
        if head.before == move.before:
            return replace(head, before=move.commit), True
    return Head(move.commit), move.twin and head.commit == move.commit


def _why(tx: Connection, looks: Iterable[int | None]) -> str:
    swept = sorted({look for look in looks if look is not None})
    if not swept:
        return "the forge tells of a new tag in two events, and the other one came before"
    query = select(RUNS.id).where(RUNS.delivery.in_(swept)).order_by(RUNS.id)
    runs = ", ".join(str(number) for number in tx.execute(query).scalars())
    started = f"started run {runs} for what it found" if runs else "found nothing to start"
    return f"Shipway had looked at the repository before this webhook came, and {started}"
