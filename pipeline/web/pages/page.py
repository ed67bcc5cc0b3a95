"""One row a page: the table from which routes, checks and live updates are made. Nouns only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Response

from pipeline.web.auth import Role


@dataclass(frozen=True)
class Page:
    """`show(visit, **path)` answers what `templates/web/<template>.html.j2` shows. It reads by `visit.ask` alone, so
    that the rights of the API are the rights here.

    `live`: `<template>_live.html.j2` is what moves; it is sent again, as an event, whenever it comes out different.
    It must depend on nothing but the path, the query, and what `visit.ask` answers, and holds no form: readers of equal
    rights share it. A button there is a link to the page that has the form.
    """

    path: str  # in the words of Flask
    template: str
    show: Callable[..., Mapping[str, object]]
    role: Role = Role.VIEWER
    live: bool = False
    move: Callable[..., Mapping[str, object]] | None = (
        None  # answers less, for the live part alone; None: as `show`
    )


@dataclass(frozen=True)
class Form:
    """Something that is sent from a page. `act(visit, fields, **path)` does it by `visit.ask` and answers where to go
    then. The session, its form token and the origin were proved before."""

    path: str
    act: Callable[..., str | Response]
    role: Role = Role.DEPLOYER


@dataclass(frozen=True)
class Resource:
    """What a page offers or its script asks for: a log, a file, figures. `give(visit, **path)` asks first, by
    `visit.ask`, for what it is part of."""

    path: str
    give: Callable[..., Response]
    role: Role = Role.VIEWER
