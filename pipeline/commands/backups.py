"""`backup` and `restore`: Shipway itself, on its own machine. Services run on meanwhile; `restore` needs Shipway stopped."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.own_books import own_books, own_settings
from pipeline.commands.showing import event, show, table
from pipeline.errors import BadConfig, Rejected

PASSPHRASE = "SHIPWAY_BACKUP_PASSPHRASE"  # noqa: S105 (the name of a variable)
KEY = "SHIPWAY_BACKUP_KEY"
UNSAFE = ".."

key_option = click.option(
    "--passphrase",
    is_flag=True,
    help=f"Ask for a passphrase, or take that of {PASSPHRASE}. Default: the recovery key.",
)


@click.group(invoke_without_command=True)
@click.option("--to", default="", metavar="PLACE", help="A folder, s3://… or oss://…. Default: backup.to.")
@click.option("--logs", is_flag=True, help="Logs of runs too.")
@click.option("--artifacts", is_flag=True, help="Files that tests left, too.")
@click.option(
    "--keep", type=click.IntRange(1, 1000), default=None, help="So many stay there. Default: backup.keep."
)
@key_option
@click.pass_context
def backup(
    context: click.Context, to: str, logs: bool, artifacts: bool, keep: int | None, passphrase: bool
) -> None:
    """Back up database, keys, configuration and repositories as one encrypted file, proved by restoring it.

    Services and Shipway run on meanwhile.
    """
    if context.invoked_subcommand:
        return
    settings = own_settings()
    with own_books(settings) as store:
        policy = settings.backup
        place = _place(settings, to)
        extras = [
            n for n, on in (("logs", logs or policy.logs), ("artifacts", artifacts or policy.artifacts)) if on
        ]
        rounds = _rounds(settings, store, extras)
        if passphrase:
            policy = replace(policy, passphrase=_passphrase(new=True))
        elif not policy.passphrase.reveal() and not (rounds.ground.data / "keys" / "backup.key").exists():
            _print_key(import_module("runners.backup.key").keep_new_key(rounds.ground.data / "keys"))
        made, checked = rounds.run(policy, place, keep or policy.keep)
    answer = {"name": made.name, "place": made.place, **_told(checked)}
    show(
        answer,
        f"{made.place}/{made.name}: {_sentence(checked)} Restored into a scratch folder and compared: the same.",
    )


@backup.command()
@click.option("--new", is_flag=True, help="Another one in place of the one that there is.")
def key(new: bool) -> None:
    """Make the recovery key, and print it once: write it down, it opens backups when this machine is gone."""
    settings = own_settings()
    folder = Path(settings.server.data) / "keys"
    _print_key(import_module("runners.backup.key").keep_new_key(folder, new))


@backup.command()
@click.argument("file")
@key_option
def verify(file: str, passphrase: bool) -> None:
    """Prove that FILE can be restored: restore it into a scratch folder, and compare. Changes nothing."""
    with _local(file) as path:
        found = import_module("runners.backup.reading").BackupFile(path, _opening(passphrase))
        checked = import_module("runners.backup.checking").check(found)
    show(_told(checked), f"{_sentence(checked)} Restored into a scratch folder and compared: the same.")


@backup.command("list")
def listed() -> None:
    """The latest backups, and those that did not come about."""
    with own_books() as store:
        made = store.backups.newest()
    rows = [(f"{m.at:%Y-%m-%d %H:%M}", m.name, m.place, _size(m.size), m.error or "ok") for m in made]
    answer = [
        {"at": m.at.isoformat(), "name": m.name, "place": m.place, "size": m.size, "error": m.error}
        for m in made
    ]
    show(
        {"backups": answer}, table(("when (UTC)", "name", "place", "size", "state"), rows, "No backups yet.")
    )


@click.command()
@click.argument("file")
@click.option("--force", is_flag=True, help="Over a Shipway that lives here; what it has is moved aside.")
@key_option
def restore(file: str, force: bool, passphrase: bool) -> None:
    """Restore Shipway from FILE: a path, s3://bucket/prefix/name or oss://…. Shipway must not run here.

    Services are not touched. At the next start the books are compared with what really runs, and follow it.
    """
    config = Path(asked().config or "shipway.yml").absolute()
    with _local(file) as path:
        opened = import_module("runners.backup.reading").BackupFile(path, _opening(passphrase))
        _configure(config, opened.configuration())
        settings = import_module("runners.settings_source").load_settings(str(config))
        places = [(name, e) for name, service in settings.services.items() for e in service.environments]
        lock = import_module("runners.process").hold_alone(Path(settings.server.data))
        restoring = import_module("runners.backup.restoring")
        wish = restoring.Wish(settings.server, places, force, datetime.now(UTC))
        checked = restoring.restore(opened, wish, event)
        lock.close()
    show(
        _told(checked),
        "Restored. Start Shipway: `shipway up`. It compares its books with what runs before it deploys anything, and "
        "`shipway audit` has what it found. Then check `shipway token list`: tokens revoked since the backup are valid again.",
    )


def _configure(config: Path, files: dict[str, bytes]) -> None:
    """Where there is no configuration, the one of the backup. One that is there stays."""
    if config.exists():
        event(f"{config} is there and stays as it is.")
        return
    if "shipway.yml" not in files:
        raise BadConfig(
            f"There is no {config}, and the backup has none. Write one, or name it with --config."
        )
    config.parent.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = config if name == "shipway.yml" else config.parent / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(content)
            event(f"{path} is written from the backup.")


# ------------------------------------------------------------------------------------------------ keys and places


def _opening(passphrase: bool) -> Any:
    """From the environment, from this machine, or typed."""
    module = import_module("runners.backup.key")
    secret = import_module("pipeline.secret").Secret
    if passphrase or os.environ.get(PASSPHRASE):
        return module.BackupKey(_passphrase(new=False))
    if os.environ.get(KEY):
        return module.BackupKey(secret(os.environ[KEY]))
    kept = _kept()
    if kept is not None:
        return kept
    return module.BackupKey(secret(click.prompt("Recovery key (SWK-…) or passphrase", hide_input=True)))


def _kept() -> Any:
    """Of the Shipway that lives here, if one does."""
    path = asked().config_if_any()
    if not path or not Path(path).exists():
        return None
    settings = own_settings()
    policy = settings.backup
    module = import_module("runners.backup.key")
    if policy.passphrase.reveal():
        return module.BackupKey(policy.passphrase)
    return module.kept_key(Path(settings.server.data) / "keys")


def _passphrase(new: bool) -> Any:
    secret = import_module("pipeline.secret").Secret
    text = os.environ.get(PASSPHRASE) or click.prompt("Passphrase", hide_input=True, confirmation_prompt=new)
    if new and len(text) < 12:
        raise BadConfig("The passphrase is shorter than 12 characters; take a longer one.")
    return secret(text)


def _print_key(made: Any) -> None:
    event(
        "The recovery key opens every backup of this Shipway. Write it down and keep it elsewhere; it is shown once:"
    )
    event(f"\n    {made.text.reveal()}\n")


def _place(settings: Any, to: str) -> Any:
    policy = settings.backup
    if not to:
        if policy.to is None:
            raise BadConfig("Where to? Name a place with --to, or set backup.to in shipway.yml.")
        return policy.to
    try:
        place = import_module("pipeline.recovery.place").read_place(to)
    except ValueError as error:
        raise BadConfig(f"--to {error}") from error
    if place.kind == "folder":
        return replace(place, bucket=str(Path(place.bucket).absolute()))
    same = policy.to is not None and policy.to.kind is place.kind
    return replace(policy.to, bucket=place.bucket, prefix=place.prefix) if same else place


@contextmanager
def _local(file: str) -> Iterator[Path]:
    """The file itself, or a copy of what lies in a bucket, for as long as it is needed."""
    if "://" not in file:
        yield Path(file)
        return
    place, _, name = file.rpartition("/")
    settings = own_settings() if Path(asked().config or "shipway.yml").exists() else None
    empty = import_module("pipeline.settings").Settings()
    objects = import_module("runners.objects").objects_of(_place(settings or empty, place))
    if UNSAFE in name or not name:
        raise Rejected(f"{file} names no backup.")
    with tempfile.TemporaryDirectory(prefix="shipway-restore-") as folder:
        path = Path(folder) / name
        with path.open("wb") as target:
            for piece in objects.get(name):
                target.write(piece)
        yield path


# ------------------------------------------------------------------------------------------------ this Shipway


def _rounds(settings: Any, store: Any, extras: list[str]) -> Any:
    making, rounds = import_module("runners.backup.making"), import_module("runners.backup.rounds")
    ground = making.Ground(Path(settings.server.data), Path(asked().config_path()), extras)
    return rounds.Rounds(store, ground, lambda: datetime.now(UTC))


def _told(checked: Any) -> dict[str, Any]:
    return {
        "made_at": checked.manifest.made_at.isoformat(),
        "shipway": checked.manifest.shipway,
        "schema": checked.manifest.schema,
        "size": checked.size,
        "files": checked.files,
        "tables": checked.tables,
        "rows": checked.rows,
        "sealed": checked.sealed,
    }


def _sentence(checked: Any) -> str:
    return (
        f"{_size(checked.size)}, {checked.rows} rows of {checked.tables} tables, {checked.sealed} sealed secrets open with "
        f"its keys, of {checked.manifest.made_at:%Y-%m-%d %H:%M} UTC."
    )


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
