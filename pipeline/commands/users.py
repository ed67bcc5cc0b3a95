"""`user create|list|disable|enable|password`: people who sign in to the dashboard. On the database itself, never over the
network: whoever can make users can become an administrator.

A password comes from a prompt or from standard input, never from the words of a command.
"""

import sys

import click

from pipeline.commands.own_books import own_books
from pipeline.commands.showing import ago, show, table
from pipeline.commands.tokens import role_option, scope_option
from pipeline.secret import Secret

LONGEST = 4096  # characters that are read of a password


@click.group()
def user() -> None:
    """People who sign in to the dashboard: create, list, disable, change a password."""


@user.command()
@click.argument("name")
@role_option
@scope_option
def create(name: str, role: str, scopes: tuple[str, ...]) -> None:
    """A new user. The password is asked for, or read from standard input: `< file`."""
    password = _password()
    with own_books() as store:
        store.users.create(name, role, scopes, password)
        store.audit.note("local", "user.create", name, role)
    show({"name": name, "role": role, "scopes": list(scopes)}, f"{name} may sign in as {role}.")


@user.command("list")
def list_users() -> None:
    """Names, roles, scopes, and when each signed in last."""
    with own_books() as store:
        found = store.users.users()
    rows = [
        (
            one.name,
            one.role + (", disabled" if one.disabled else ""),
            " ".join(one.scopes) or "everywhere",
            one.origin,
            ago(one.seen_at.isoformat()) if one.seen_at else "never",
        )
        for one in found
    ]
    answer = [
        {"name": u.name, "role": u.role, "scopes": list(u.scopes), "origin": u.origin, "disabled": u.disabled}
        for u in found
    ]
    nobody = "No users. Make the first: shipway user create NAME --role admin"
    show({"users": answer}, table(("name", "role", "where", "from", "signed in"), rows, nobody))


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Sign NAME out everywhere, and let them in no more."""
    _disable(name, True)
    show({"disabled": name}, f"{name} is disabled and signed out.")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let NAME in again."""
    _disable(name, False)
    show({"enabled": name}, f"{name} may sign in again.")


@user.command()
@click.argument("name")
def password(name: str) -> None:
    """A new password for NAME, who is signed out everywhere."""
    new = _password()
    with own_books() as store:
        store.users.set_password(name, new)
        store.audit.note("local", "user.password", name)
    show({"changed": name}, f"The password of {name} is changed.")


def _disable(name: str, disabled: bool) -> None:
    with own_books() as store:
        store.users.disable(name, disabled)
        store.audit.note("local", "user.disable" if disabled else "user.enable", name)


def _password() -> Secret:
    if sys.stdin.isatty():
        return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return Secret(sys.stdin.read(LONGEST).rstrip("\r\n"))
