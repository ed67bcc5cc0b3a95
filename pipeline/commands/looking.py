"""`status`, `services`, `hosts`, `releases`, `audit`: what there is, by the API."""

from importlib import import_module
from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.commands.overview import overview, plain
from pipeline.commands.screen import lively, size, utc
from pipeline.commands.showing import ago, short, show, table

UNBOUND = 10_000  # lines: a terminal scrolls


@click.command()
@click.argument("service", default="", shell_complete=completing.services)
@click.argument("environment", default="", shell_complete=completing.environments)
@click.option("-w", "--watch", is_flag=True, help="Stay, and show each change as it comes, until Ctrl-C.")
def status(service: str, environment: str, watch: bool) -> None:
    """What is live where and how it is, sick first. With SERVICE and ENVIRONMENT: down to each replica and backend."""
    server = api(asked())
    if environment:
        if watch:
            raise click.UsageError("--watch shows services: name none, or one alone.")
        _place(server, service, environment)
    elif watch:
        import_module("pipeline.commands.watching").watch(server, service)
    else:
        _overview(server, service)


def _overview(server: Api, service: str) -> None:
    answer = server.get("/overview", service=service, look=1)
    places, now = answer["places"], utc()
    if asked().json:
        services = [one for one in server.get("/services")["services"] if service in ("", one["name"])]
        answer |= {"services": services, "running": server.get("/runs", status="running")["runs"]}
    if not places:
        text = "No services yet. Add one to shipway.yml, then look at it with `shipway config check`."
    elif lively():
        text = "\n".join(overview(places, size()[0], UNBOUND, now))
    else:
        heads = ("condition", "service", "environment", "live", "healthy", "since", "remark")
        text = table(heads, plain(places, now), "")
    show(answer, text)


@click.group(invoke_without_command=True)
@click.pass_context
def services(context: click.Context) -> None:
    """The services and their environments; or `move` one of them."""
    if context.invoked_subcommand:
        return
    answer = api(asked()).get("/services")
    rows = [
        (
            one["name"],
            place["name"],
            " ".join(place["branches"] + place["tags"]),
            " ".join(place["hosts"]),
            one["repository"],
        )
        for one in answer["services"]
        for place in one["environments"]
    ]
    heads = ("service", "environment", "branches, tags", "hosts", "repository")
    lines = [table(heads, rows, "No services.")]
    lines += [
        f"{one['name']}: its repository cannot be looked at since {ago(one['trouble_since'])}: {one['trouble']}"
        for one in answer["services"]
        if one["trouble"]
    ]
    show(answer, "\n".join(lines))


@click.group(invoke_without_command=True)
@click.pass_context
def hosts(context: click.Context) -> None:
    """The hosts and whether they answer; or invite, look at, drain, resume or remove one of them."""
    if context.invoked_subcommand:
        return
    answer = api(asked()).get("/hosts")
    rows = [
        (
            host["name"],
            host["engine"],
            host["address"],
            host["region"],
            _labels(host),
            _word(host),
            _gigabytes(host["free_bytes"]),
            _machine(host),
            host["drained"] or host["error"] or _agent(host),
        )
        for host in answer["hosts"]
    ]
    heads = ("host", "engine", "address", "region", "labels", "answers", "free", "machine", "remark")
    show(
        answer, table(heads, rows, "No hosts. `shipway hosts invite` prints a line that makes a machine one.")
    )


@click.command()
@click.argument("service", shell_complete=completing.services)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def releases(service: str, limit: int) -> None:
    """The releases of SERVICE, newest first."""
    answer = api(asked()).get("/releases", service=service, limit=limit)
    rows = [
        (
            one["number"],
            one["ref"],
            short(one["commit"]),
            one["environment"],
            one["image"].rpartition("@")[2][:19],
            ago(one["created_at"]),
        )
        for one in answer["releases"]
    ]
    show(answer, table(("release", "ref", "commit", "made for", "digest", "when"), rows, "No releases yet."))


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
def audit(limit: int) -> None:
    """Who did what, when."""
    answer = api(asked()).get("/audit", limit=limit)
    rows = [
        (one["at"][:19], one["actor"], one["action"], one["target"], one["detail"])
        for one in answer["entries"]
    ]
    show(answer, table(("when", "who", "did", "to", "detail"), rows, "Nothing yet."))


def _place(server: Api, service: str, environment: str) -> None:
    answer = server.get(f"/services/{service}/environments/{environment}")
    replicas = [
        (
            host["host"],
            replica["release"],
            replica["index"],
            replica["state"],
            replica["address"],
            replica["health"],
        )
        for host in answer["hosts"]
        for replica in host["replicas"]
    ]
    backends = [
        (
            f"{site['proxy']}@{site['host']}",
            backend["address"],
            backend["state"],
            backend["release"],
            backend["sessions"],
        )
        for site in answer["proxies"]
        for backend in site["backends"]
    ]
    lines = [
        f"{service} on {environment}: release {answer['live'] or 'none'} is live",
        *_outdated(answer),
        *(
            f"{host['host']} does not answer: {host['error']}"
            for host in answer["hosts"]
            if not host["reachable"]
        ),
        *(f"{host['host']}: {host['drained']}" for host in answer["hosts"] if host["drained"]),
        *(f"{site['proxy']}@{site['host']}: {site['error']}" for site in answer["proxies"] if site["error"]),
        "",
        table(("host", "release", "replica", "state", "address", "health"), replicas, "No replicas."),
        "",
        table(("proxy", "backend", "state", "release", "sessions"), backends, "No backends."),
        *_entrance(answer),
    ]
    show(answer, "\n".join(lines))


def _outdated(answer: Any) -> list[str]:
    names, live = answer.get("outdated_secrets") or [], answer["live"]
    if not names:
        return []
    command = f"shipway deploy {answer['service']} {answer['environment']} --release {live}"
    return [f"Secrets changed since release {live} was made: {', '.join(names)}. `{command}` brings them."]


def _entrance(answer: Any) -> list[str]:
    """Who the load balancer sends to, where there is one."""
    name, error = answer["load_balancer"], answer["load_balancer_error"]
    if not name:
        return []
    rows = [(name, one["host"], one["target"], one["state"], _remark(one)) for one in answer["members"]]
    lines = ["", table(("load balancer", "host", "member", "state", "remark"), rows, "No members of ours.")]
    return [*lines, f"load balancer {name} cannot be read: {error}"] if error else lines


def _remark(member: Any) -> str:
    return member["reason"] if member["ours"] else "without our mark: it is never changed"


def _labels(host: Any) -> str:
    return ",".join(f"{name}={value}" for name, value in host["labels"].items())


def _machine(host: Any) -> str:
    """Of one that joined: cloud, instance, size, engine, and whose it is."""
    joined = host["joined"]
    if not joined:
        return ""
    version = f"Docker {joined['engine_version']}" if joined["engine_version"] else ""
    pool = f"pool {joined['pool']}" if joined["pool"] else ""
    facts = (
        joined["provider"],
        joined["instance"],
        joined["size"],
        version,
        pool,
        "protected" * joined["protected"],
    )
    return " · ".join(fact for fact in facts if fact)


def _agent(host: Any) -> str:
    """Of a host that dials out; a server of before has no word for it."""
    return f"agent: {host['agent']}" if host.get("agent") else ""


def _word(host: Any) -> str:
    return {True: "yes", False: "no", None: "not asked"}[host["reachable"]]


def _gigabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.1f} GB"
