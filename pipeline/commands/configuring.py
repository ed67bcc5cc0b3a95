"""`init` and `config check|schema|docs`: the operator's file, before anything runs."""

import json
from pathlib import Path

import click

from pipeline.assets import templates_dir
from pipeline.commands.asked import asked
from pipeline.commands.showing import show
from pipeline.errors import Conflict
from pipeline.settings_docs import configuration_page
from pipeline.settings_file import settings_schema
from runners.settings_source import load_settings

FILES = ("shipway.yml", ".shipway.yml")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Write shipway.yml (the operator's) and .shipway.yml (for a repository) into FOLDER, annotated. Never overwrites."""
    found = [str(folder / name) for name in FILES if (folder / name).exists()]
    if found:
        raise Conflict(f"{' and '.join(found)} is there already. Move it away, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(
            (templates_dir() / "init" / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    written = [str(folder / name) for name in FILES]
    text = f"Wrote {' and '.join(written)}. Edit them, then: shipway config check && shipway up"
    show({"written": written}, text)


@click.group()
def config() -> None:
    """Check or explain the operator's file."""


@config.command()
def check() -> None:
    """Read the whole file and tell every mistake at once. Touches nothing else."""
    path = asked().config_path()
    settings = load_settings(path)
    places = sum(len(service.environments) for service in settings.services.values())
    count = {"services": len(settings.services), "environments": places, "hosts": len(settings.hosts)}
    words = ", ".join(
        f"{number} {noun if number != 1 else noun.removesuffix('s')}" for noun, number in count.items()
    )
    show({"ok": True, "file": path, **count}, f"{path} is good: {words}.")


@config.command()
def schema() -> None:
    """JSON Schema of shipway.yml, for editors."""
    click.echo(json.dumps(settings_schema(), indent=2))


@config.command()
def docs() -> None:
    """Every key of both files, as Markdown."""
    click.echo(configuration_page(), nl=False)
