"""`plan`, `deploy`, `rollback`, `scale`: ask the API for a deployment, and stay until it is over."""

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.commands.following import (
    follow_deployment,
    follow_run,
    override_option,
    overriding,
    reason_option,
    told_to_wait,
    wait_option,
)
from pipeline.commands.planning import planned
from pipeline.commands.screen import lively, size
from pipeline.commands.showing import show


def _at(service: str, environment: str) -> str:
    return f"/services/{service}/environments/{environment}"


def _stay(server: Api, number: int, wait: bool) -> None:
    follow_deployment(server, number) if wait else told_to_wait(number, "deployment")


@click.command()
@click.argument("service", shell_complete=completing.services)
@click.argument("environment", shell_complete=completing.environments)
@click.option("--release", type=int, shell_complete=completing.releases, help="Default: the newest.")
def plan(service: str, environment: str, release: int | None) -> None:
    """What a deployment would change, and every step that it would take, host by host. Changes nothing."""
    server = api(asked())
    number = release or _newest(server, service)
    answer = server.get("/plan", service=service, environment=environment, release=number)
    width = size()[0] if lively() else 0
    show(answer, "\n".join(planned(answer, service, environment, width)))


@click.command()
@click.argument("service", shell_complete=completing.services)
@click.argument("environment", shell_complete=completing.environments)
@click.option(
    "--release",
    type=int,
    shell_complete=completing.releases,
    help="A release that exists. Default: the newest.",
)
@click.option("--ref", help="Build this branch, tag or commit first.")
@click.option("--image", help="An image by digest, whoever built it: repository@sha256:…")
@override_option
@reason_option
@wait_option
def deploy(
    service: str,
    environment: str,
    release: int | None,
    ref: str | None,
    image: str | None,
    override: bool,
    reason: str,
    wait: bool,
) -> None:
    """Bring a release, a ref or an image onto ENVIRONMENT."""
    if sum(given is not None for given in (release, ref, image)) > 1:
        raise click.UsageError("Give one of --release, --ref and --image.")
    server, extra = api(asked()), overriding(override, reason)
    if ref is not None and override:
        raise click.UsageError("A run is let through when it waits: shipway run approve RUN --override.")
    if ref is not None:
        number = server.post(f"{_at(service, environment)}/runs", {"ref": ref})["run"]
        follow_run(server, number) if wait else told_to_wait(number, "run")
        return
    body: dict[str, object] = {"image": image} if image else {"release": release or _newest(server, service)}
    answer = server.post(f"{_at(service, environment)}/deployments", body | extra)
    _stay(server, answer["deployment"], wait)


@click.command()
@click.argument("service", shell_complete=completing.services)
@click.argument("environment", shell_complete=completing.environments)
@click.option(
    "--to",
    "release",
    type=int,
    shell_complete=completing.releases,
    help="Default: the last good release before the live one.",
)
@wait_option
def rollback(service: str, environment: str, release: int | None, wait: bool) -> None:
    """Go back: image and settings of an earlier release, without registry, forge or builder."""
    server = api(asked())
    body = {} if release is None else {"release": release}
    answer = server.post(f"{_at(service, environment)}/rollback", body)
    _stay(server, answer["deployment"], wait)


@click.command()
@click.argument("service", shell_complete=completing.services)
@click.argument("environment", shell_complete=completing.environments)
@click.argument("replicas", type=click.IntRange(1, 100))
@wait_option
def scale(service: str, environment: str, replicas: int, wait: bool) -> None:
    """Run REPLICAS of the live release on each host."""
    server = api(asked())
    answer = server.post(f"{_at(service, environment)}/scale", {"replicas": replicas})
    _stay(server, answer["deployment"], wait)


def _newest(server: Api, service: str) -> int:
    releases = server.get("/releases", service=service, limit=1)["releases"]
    if not releases:
        raise click.UsageError(f"{service} has no release yet. Push something, or name --ref or --image.")
    return int(releases[0]["number"])
