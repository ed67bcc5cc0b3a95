"""The newest rows of many places in one statement, and pairs of values as one parameter. Opens no transaction itself."""

import json
from collections.abc import Collection

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    union_all,
)

PAIRS = bindparam("pairs", type_=Text)


def as_parameter(pairs: Collection[tuple[str, str]] | Collection[tuple[str, int]]) -> dict[str, str]:
    """The value of `pairs`. One text, since a parameter for each would be a new statement for each number of them."""
    return {"pairs": json.dumps(sorted(pairs))}


def pairs(tx: Connection) -> Subquery:
    """The parameter as rows of two columns, `first` and `second`, both text."""
    both: list[ColumnElement[str]]
    if tx.dialect.name == "sqlite":
        value = func.json_each(PAIRS).table_valued("value").c.value
        both = [func.json_extract(value, f"$[{at}]") for at in range(2)]
    else:
        value = func.json_array_elements(cast(PAIRS, JSON)).table_valued("value").c.value
        both = [value.op("->>")(at) for at in range(2)]
    first, second = (cast(one, Text) for one in both)
    return select(first.label("first"), second.label("second")).subquery("pairs")


def newest(table: Table, tx: Connection, limit: int) -> Select[tuple[int]]:
    """Ids, at most `limit` for each pair of service and environment, each found by the index on (service, environment, id)
    alone: a window function would read the whole of it."""
    places, columns = pairs(tx), table.c
    here = columns.service == places.c.first, columns.environment == places.c.second
    picks = []
    for at in range(limit):
        one = select(columns.id).where(*here).order_by(columns.id.desc()).limit(1).offset(at)
        picks.append(select(one.correlate(places).scalar_subquery().label("id")).select_from(places))
    return select(union_all(*picks).subquery("newest").c.id)
