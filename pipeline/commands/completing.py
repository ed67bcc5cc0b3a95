"""Which words the tab key is asked about. What it offers for them is `offering`'s, loaded only when a shell asks."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _of(name: str) -> Complete:
    def complete(context: click.Context, _: click.Parameter, begun: str) -> "list[CompletionItem]":
        found: list[CompletionItem] = getattr(import_module("pipeline.commands.offering"), name)(
            context, begun
        )
        return found

    return complete


services = _of("services")
environments = _of("environments")
hosts = _of("hosts")
releases = _of("releases")
runs = _of("runs")
deployments = _of("deployments")
