"""Who calls the API, and what that role may do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who is calling. Roles: viewer < deployer < admin."""

    name: str
    role: str
    scopes: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()  # the only changes that it may ask for; empty: all of its role
    commit: str = ""  # the only one that it may have built; empty: any
