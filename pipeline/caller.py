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
    kind: str = "token"  # or user: somebody who signed in

    @property
    def signature(self) -> str:
        """In the audit: a token may be named like a user."""
        return self.name if self.kind == "token" else f"{self.kind}:{self.name}"

    @property
    def requester(self) -> str:
        """In runs and deployments."""
        return f"api:{self.name}" if self.kind == "token" else self.signature
