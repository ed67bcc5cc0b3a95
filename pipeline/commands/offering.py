"""What a shell may offer after a word: services, environments, releases, hosts, runs, deployments, as the server has them.

Asked in a fifth of a second at most and kept for ten; a server that is away, or that wants a token, offers nothing. Never
says a word of its own: it would land on somebody's prompt.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from pipeline.commands.asked import Asked, asked
from pipeline.commands.calling import Api, api
from pipeline.commands.showing import first_line, show
from pipeline.errors import ShipwayError, Unsupported

PATIENCE = 0.2  # seconds; a prompt that hangs is worse than one that offers nothing
FRESH = 10.0  # seconds
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, services, environments, releases, hosts and numbers.

    \b
    bash   echo 'eval "$(shipway completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(shipway completion zsh)"' >> ~/.zshrc
    fish   shipway completion fish > ~/.config/fish/completions/shipway.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise Unsupported(f"There is no completion for {shell}: take one of {', '.join(SHELLS)}.")
    text = kind(context.find_root().command, {}, "shipway", "_SHIPWAY_COMPLETE").source()
    show({"shell": shell, "script": text}, text)


def services(context: click.Context, begun: str) -> list[CompletionItem]:
    found = _asked(context, "/services").get("services", [])
    return _items(begun, ((s["name"], f"{len(s['environments'])} environments") for s in found))


def environments(context: click.Context, begun: str) -> list[CompletionItem]:
    """Of the service that stands before it; without one, of all."""
    wanted = _service(context)
    found = [s for s in _asked(context, "/services").get("services", []) if wanted in ("", s["name"])]
    places = {p["name"]: f"release {p['live'] or 'none'} is live" for s in found for p in s["environments"]}
    return _items(begun, places.items())


def hosts(context: click.Context, begun: str) -> list[CompletionItem]:
    """Those that some environment runs on: engines are not asked for this."""
    found = _asked(context, "/services").get("services", [])
    names = {host for s in found for place in s["environments"] for host in place["hosts"]}
    return _items(begun, ((name, "") for name in sorted(names)))


def releases(context: click.Context, begun: str) -> list[CompletionItem]:
    service = _service(context)
    found = _asked(context, "/releases", service=service).get("releases", []) if service else []
    return _items(begun, ((str(r["number"]), f"{r['ref']} {r['commit'][:10]}") for r in found))


def runs(context: click.Context, begun: str) -> list[CompletionItem]:
    found = _asked(context, "/runs", limit=20).get("runs", [])
    told = ((str(r["id"]), f"{r['service']} {r['environment']} {r['status']} {r['ref']}") for r in found)
    return _items(begun, told)


def deployments(context: click.Context, begun: str) -> list[CompletionItem]:
    found = _asked(context, "/deployments", limit=20).get("deployments", [])
    told = ((str(d["id"]), f"{d['service']} {d['environment']} #{d['release']} {d['status']}") for d in found)
    return _items(begun, told)


def _service(context: click.Context) -> str:
    """Behind an option that still wants its value click leaves the words before it unread."""
    word = context.params.get("service") or context.params.get("what") or next(iter(context.args), "")
    return str(word)


def _items(begun: str, offered: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    return [CompletionItem(name, help=first_line(text)) for name, text in offered if name.startswith(begun)]


def _asked(context: click.Context, path: str, **query: object) -> Any:
    try:
        server = api(context.find_object(Asked) or asked())
        return _kept(server, path, query)
    except (ShipwayError, OSError, ValueError, LookupError):
        return {}


def _kept(server: Api, path: str, query: dict[str, object]) -> Any:
    """From this user's cache; an old answer is better than none when the server is away."""
    key = hashlib.sha256(json.dumps([server.url, server.token, path, query]).encode()).hexdigest()[:32]
    file = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shipway" / f"{key}.json"
    kept = file.is_file()
    if kept and time.time() - file.stat().st_mtime < FRESH:
        return json.loads(file.read_text(encoding="utf-8"))
    try:
        with server.opened("GET", path, query, patience=PATIENCE) as response:
            text = response.read().decode()
    except ShipwayError:
        return json.loads(file.read_text(encoding="utf-8")) if kept else {}
    _keep(file, text)
    return json.loads(text)


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}")
    half.write_text(text, encoding="utf-8")
    half.replace(file)
