"""The book of what scales by itself. A memory is one row of JSON: nobody asks the database what is in it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from pipeline.scaling.group import Decided, Figure, Memory, Sample, Verdict
from runners.store.database import Database
from runners.store.scaling_tables import scaling_decisions, scaling_memories

LINES, MEMORIES = scaling_decisions.c, scaling_memories.c
PLAIN = ("above", "below", "reason", "size", "low", "high")


class SqlScaling:
    """Implements `pipeline.scaling.book.ScalingBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memories(self) -> Mapping[str, Memory]:
        query = select(MEMORIES.group_name, MEMORIES.state).order_by(MEMORIES.group_name)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return {name: _memory(json.loads(state)) for name, state in rows}

    def save(self, memories: Mapping[str, Memory], decided: Sequence[Decided]) -> None:
        def work(tx: Connection) -> None:
            now = self._database.now(tx)
            for name, memory in sorted(memories.items()):
                values = {"at": memory.at or now, "state": json.dumps(_state(memory))}
                row = self._database.insert(scaling_memories).values(group_name=name, **values)
                tx.execute(row.on_conflict_do_update(index_elements=["group_name"], set_=values))
            if decided:
                tx.execute(insert(scaling_decisions), [_line(one) for one in decided])

        self._database.write(work)

    def decisions(self, group: str, limit: int = 50) -> Sequence[Decided]:
        query = select(scaling_decisions).where(LINES.group_name == group).order_by(LINES.id.desc())
        rows = self._database.read(lambda tx: tx.execute(query.limit(limit)).all())
        return [
            Decided(
                row.group_name,
                row.at,
                Verdict(row.verdict),
                row.before,
                row.after,
                row.reason,
                row.deployment,
                row.id,
            )
            for row in rows
        ]

    def tidy(self, before: datetime) -> None:
        def work(tx: Connection) -> None:
            tx.execute(delete(scaling_decisions).where(LINES.at < before))
            tx.execute(delete(scaling_memories).where(MEMORIES.at < before))

        self._database.write(work)


def _line(one: Decided) -> dict[str, Any]:
    return {
        "group_name": one.group,
        "at": one.at,
        "verdict": one.verdict.value,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
        "deployment": one.deployment,
    }


def _state(memory: Memory) -> dict[str, Any]:
    return {
        **{name: getattr(memory, name) for name in PLAIN},
        "at": _text(memory.at),
        "changed_at": _text(memory.changed_at),
        "verdict": memory.verdict.value,
        "wanted": [(_text(at), size) for at, size in memory.wanted],
        "samples": {name: (_text(s.at), s.cpu, s.memory, s.requests) for name, s in memory.samples.items()},
        "figures": [(one.measure, one.target, one.value, one.why) for one in memory.figures],
    }


def _memory(state: dict[str, Any]) -> Memory:
    return Memory(
        **{name: state[name] for name in PLAIN},
        at=_moment(state["at"]),
        changed_at=_moment(state["changed_at"]),
        verdict=Verdict(state["verdict"]),
        wanted=tuple((datetime.fromisoformat(at), size) for at, size in state["wanted"]),
        samples={
            name: Sample(datetime.fromisoformat(at), *rest) for name, (at, *rest) in state["samples"].items()
        },
        figures=tuple(Figure(*one) for one in state["figures"]),
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
