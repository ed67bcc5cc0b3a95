"""What the database does by itself, as it stands today: the audit is append-only, and changes that somebody is to be told
of leave a row in `outbox` or `moments`. Migrations made them step by step; a test compares the two.
"""

from collections.abc import Iterator, Mapping

AUDIT = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)
AUDIT_OF_POSTGRES = (
    "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
)
# table -> (noun, columns): what forges are told of
WATCHED = {"runs": ("run", ("status", "stages")), "deployments": ("deployment", ("status",))}
OF_RUN = "NEW.service, NEW.environment, NEW.id, ''"
OF_SERVICE = "NEW.service, '', 0, ''"
OF_HOST = "'', '', 0, NEW.name"
OF_DEPLOYMENT = (
    "(SELECT service FROM deployments WHERE id = NEW.deployment), "
    "(SELECT environment FROM deployments WHERE id = NEW.deployment), NEW.deployment, ''"
)
# name -> (when, condition, kind, whose): what people are told of
MOMENTS = {
    "runs_end": (
        "UPDATE OF status ON runs",
        "OLD.status <> NEW.status AND NEW.status IN ('failed', 'succeeded', 'cancelled', 'superseded')",
        "'run.' || NEW.status",
        OF_RUN,
    ),
    "runs_wait": ("UPDATE OF waits ON runs", "NEW.waits AND NOT OLD.waits", "'run.waits'", OF_RUN),
    "deployments_told": (
        "UPDATE OF status ON deployments",
        "OLD.status <> NEW.status AND NEW.status IN ('failed', 'succeeded', 'rolled_back', 'awaiting_promotion')",
        "'deployment.' || NEW.status",
        OF_RUN,
    ),
    "deployments_blocked": (
        "INSERT ON happenings",
        "NEW.kind = 'blocked'",
        "'deployment.blocked'",
        OF_DEPLOYMENT,
    ),
    "hosts_lost": (
        "UPDATE OF silent_since ON hosts",
        "OLD.silent_since IS NULL AND NEW.silent_since IS NOT NULL",
        "'host.lost'",
        OF_HOST,
    ),
    "hosts_back": (
        "UPDATE OF silent_since ON hosts",
        "OLD.silent_since IS NOT NULL AND NEW.silent_since IS NULL",
        "'host.back'",
        OF_HOST,
    ),
    "sights_lost": (
        "UPDATE OF trouble_since ON sights",
        "OLD.trouble_since IS NULL AND NEW.trouble_since IS NOT NULL",
        "'repository.lost'",
        OF_SERVICE,
    ),
    "sights_back": (
        "UPDATE OF trouble_since ON sights",
        "OLD.trouble_since IS NOT NULL AND NEW.trouble_since IS NULL",
        "'repository.back'",
        OF_SERVICE,
    ),
}


def triggers(dialect: str) -> Iterator[str]:
    """Statements that make all of them, in a database that has the tables."""
    lite = dialect == "sqlite"
    yield from AUDIT if lite else AUDIT_OF_POSTGRES
    now = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')" if lite else "clock_timestamp()"
    for table, (noun, columns) in WATCHED.items():
        differs = "IS NOT" if lite else "IS DISTINCT FROM"
        changed = " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)
        events = {
            f"{table}_begin": (f"INSERT ON {table}", ""),
            f"{table}_change": (f"UPDATE OF {', '.join(columns)} ON {table}", changed),
        }
        into = "INSERT INTO outbox (noun, number, service, at)"
        note = f"{into} VALUES ('{noun}', NEW.id, NEW.service, {now})"
        yield from _noting(f"note_{noun}", note, events, lite)
    for name, (event, when, kind, whose) in MOMENTS.items():
        into = "INSERT INTO moments (kind, at, service, environment, number, name)"
        note = f"{into} VALUES ({kind}, {now}, {whose})"
        yield from _noting(f"note_{name}", note, {name: (event, when)}, lite)


def _noting(function: str, note: str, events: Mapping[str, tuple[str, str]], lite: bool) -> Iterator[str]:
    """Triggers, name -> (event, condition), that all write one row."""
    if not lite:
        yield f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$"
    for name, (event, condition) in events.items():
        head = f"CREATE TRIGGER {name} AFTER {event}"
        if lite:
            yield f"{head} {f'WHEN {condition} ' if condition else ''}BEGIN {note}; END"
        else:
            when = f"WHEN ({condition}) " if condition else ""
            yield f"{head} FOR EACH ROW {when}EXECUTE FUNCTION {function}()"
