"""`token create|list|revoke`: on the database itself where the operator's file is, over the API elsewhere."""

import os
from secrets import token_hex

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.own_books import own_books
from pipeline.commands.showing import show, table

ROLES = ("viewer", "deployer", "admin")
role_option = click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
scope_option = click.option(
    "--scope", "scopes", multiple=True, metavar="SERVICE[/ENVIRONMENT]", help="Only there. May be repeated."
)


@click.group()
def token() -> None:
    """Create, list or revoke API tokens."""


@token.command()
@click.argument("name", default="")
@role_option
@scope_option
def create(name: str, role: str, scopes: tuple[str, ...]) -> None:
    """Print a new token. It is shown this once; only its hash is kept. Without NAME it gets one: `token list`."""
    name = name or f"{role}-{token_hex(3)}"
    if _remote():
        answer = api(asked()).post("/tokens", {"name": name, "role": role, "scopes": list(scopes)})
    else:
        with own_books() as store:
            answer = {
                "name": name,
                "role": role,
                "scopes": list(scopes),
                "token": store.tokens.create(name, role, scopes),
            }
            store.audit.note("local", "token.create", name, role)
    show(answer, answer["token"])


@token.command("list")
def list_tokens() -> None:
    """Names, roles and scopes; never the tokens."""
    if _remote():
        answer = api(asked()).get("/tokens")
    else:
        with own_books() as store:
            found = store.tokens.tokens()
        answer = {"tokens": [{"name": c.name, "role": c.role, "scopes": list(c.scopes)} for c in found]}
    rows = [(one["name"], one["role"], " ".join(one["scopes"]) or "everywhere") for one in answer["tokens"]]
    show(answer, table(("name", "role", "where"), rows, "No tokens."))


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """From now on this token opens nothing."""
    if _remote():
        api(asked()).delete(f"/tokens/{name}")
    else:
        with own_books() as store:
            store.tokens.revoke(name)
            store.audit.note("local", "token.revoke", name)
    show({"revoked": name}, f"Token {name} is revoked.")


def _remote() -> bool:
    """Somebody who names a server means that one."""
    return bool(os.environ.get("SHIPWAY_URL") and os.environ.get("SHIPWAY_TOKEN"))
