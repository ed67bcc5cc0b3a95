"""The bar at the top: where it leads, and from which role on. A test compares it with the table of pages."""

from dataclasses import dataclass

from pipeline.web.auth import Role


@dataclass(frozen=True)
class Link:
    """`unbound`: not for people whose rights end at some services."""

    path: str
    name: str  # a key of the catalogue
    role: Role = Role.VIEWER
    unbound: bool = False


NAVIGATION = (
    Link("/", "Overview"),
    Link("/hosts", "Hosts"),
    Link("/deliveries", "Deliveries", unbound=True),
    Link("/audit", "Audit", Role.ADMIN, unbound=True),
)
