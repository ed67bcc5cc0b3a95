"""`repo init NAME`: a bare repository that tells Shipway of each push. No forge is needed."""

import re
from pathlib import Path

import click

from pipeline.commands.asked import asked
from pipeline.commands.showing import show
from pipeline.errors import Refused
from pipeline.settings import Server, Settings
from runners.bare_repository import init as make_repository
from runners.settings_source import load_settings


@click.group()
def repo() -> None:
    """Bare repositories that deploy what is pushed to them."""


@repo.command()
@click.argument("name")
@click.option(
    "--path", type=click.Path(path_type=Path), help="Default: repositories/NAME.git in the data folder."
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="Default: keys/hook-NAME.secret in the data folder.",
)
@click.option("--branch", default="main", show_default=True, help="For the example that is printed.")
def init(name: str, path: Path | None, secret_file: Path | None, branch: str) -> None:
    """Make (or renew the hook of) the repository of service NAME, and say what to do next."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise Refused(f"{name!r} cannot be a service's name. Use letters, digits, '-' and '_'.")
    settings = load_settings(asked().config_path())
    data = Path(settings.server.data)
    folder = path or data / "repositories" / f"{name}.git"
    secret = secret_file or data / "keys" / f"hook-{name}.secret"
    project = _project(settings, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = make_repository(str(folder), project, local_url(settings.server), str(secret))
    answer = {
        "path": made.path,
        "project": made.project,
        "secret_file": made.secret_file,
        "created": made.created,
    }
    lines = [f"{'Made' if made.created else 'Renewed the hook of'} {made.path}."]
    if name not in settings.services:
        lines += [
            "",
            "Add to shipway.yml, then restart:",
            "",
            _example(name, made.path, made.project, made.secret_file, branch),
        ]
    lines += [
        "",
        "Push to it from your work tree:",
        "",
        f"  git remote add shipway {made.path}",
        f"  git push shipway {branch}",
    ]
    show(answer, "\n".join(lines))


def local_url(server: Server) -> str:
    """The hook runs on this machine: it calls where the server listens."""
    host, _, port = server.listen.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 (never listened on)


def _project(settings: Settings, name: str) -> str:
    known = settings.services.get(name)
    return known.repository.project if known and known.repository.project else name


def _example(name: str, path: str, project: str, secret: str, branch: str) -> str:
    return f"""  services:
    {name}:
      repository: {{url: "{path}", forge: git, project: {project}, secret: "file:{secret}"}}
      environments:
        production: {{branches: [{branch}], hosts: [web-1], proxy: front}}"""
