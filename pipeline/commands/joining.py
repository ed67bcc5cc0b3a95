"""`hosts invite|checklist|protect|revoke|remove`: hosts that are in no file."""

from pathlib import Path
from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.placing import hosts
from pipeline.commands.showing import show

__all__ = ["hosts"]

GLYPHS = {"ok": ("✔", "green"), "warn": ("▲", "yellow"), "bad": ("✖", "red"), "none": ("–", "")}


@hosts.command()
@click.option(
    "--labels", "-l", default="", metavar="role=web,…", help="For `hosts: {role: web}` in shipway.yml."
)
@click.option("--region", default="", help="Default: what its cloud tells.")
@click.option("--name", default="", help="Default: what the machine calls itself.")
@click.option(
    "--via",
    type=click.Choice(["agent", "tls"]),
    default="agent",
    show_default=True,
    help="agent: it calls us, nothing listens there. tls: we call its engine on its private address.",
)
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="How long it is good."
)
@click.option(
    "--user-data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write user-data for cloud-init to this file.",
)
def invite(labels: str, region: str, name: str, via: str, minutes: int, user_data: Path | None) -> None:
    """Print one line; pasted as root on a fresh machine, it makes it one of the hosts. Good once."""
    body = {"labels": _labels(labels), "region": region, "name": name, "via": via, "minutes": minutes}
    answer = api(asked()).post("/hosts/invitations", body)
    if user_data is None:
        show(answer, answer["line"])
        return
    user_data.touch(mode=0o600)
    user_data.write_text(answer["user_data"], encoding="utf-8")
    show(answer, f"User-data is in {user_data}, good for one machine and {minutes} minutes.")


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
def checklist(host: str) -> None:
    """Is HOST ready? Reachable, engine, disk, clock, registry, proxy, load balancer."""
    answer = api(asked()).get(f"/hosts/{host}/checklist")
    show(answer, "\n".join(line for check in answer["checks"] for line in _lines(check)))


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
@click.option("--off", is_flag=True, help="No more.")
def protect(host: str, off: bool) -> None:
    """Never pick HOST when its pool shrinks."""
    answer = api(asked()).post(f"/hosts/{host}/protect", {"protected": not off})
    show(answer, f"{host} is {'not ' * off}protected.")


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
def revoke(host: str) -> None:
    """Refuse HOST's certificates and use it no more, at once: for a machine that is not ours any more."""
    answer = api(asked()).post(f"/hosts/{host}/revoke")
    show(answer, f"{host} is out; {answer['certificates']} certificates are refused from now on.")


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
@click.option("--force", is_flag=True, help="Also while something runs there.")
def remove(host: str, force: bool) -> None:
    """Take HOST out, after `hosts drain`. It may be invited again."""
    answer = api(asked()).post(f"/hosts/{host}/remove", {"force": force})
    show(answer, f"{host} is out. What we put there may stay or be wiped: /etc/shipway.")


def _labels(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    wrong = next((part for part in pairs if not part[1] or not part[0].strip()), None)
    if wrong is not None:
        raise click.UsageError(f"{''.join(wrong)!r} is not a label: write --labels role=web,disk=fast.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _lines(check: Any) -> list[str]:
    glyph, ink = GLYPHS[check["state"]]
    mark = click.style(f"{glyph} {check['name']:<13}", fg=ink or None)
    return [f"{mark} {check['text']}", *([f"{'':15} → {check['mend']}"] if check["mend"] else [])]
