"""`version`, `help`, `explain`: what Shipway says about itself, taken from its own tables."""

import click

from pipeline import __version__, errors
from pipeline.commands.showing import show, table
from pipeline.rollout.states import mermaid

INTERRUPTED = (130, "Ctrl-C")


@click.command()
def version() -> None:
    """Print the version."""
    show({"version": __version__}, f"shipway {__version__}")


@click.group("help")
def topics() -> None:
    """Longer help: exit codes."""


@topics.command("exit-codes")
def exit_codes() -> None:
    """What the exit codes of all commands mean."""
    found = exit_code_table()
    rows = [(code, meaning) for code, meaning in found.items()]
    show({str(code): meaning for code, meaning in found.items()}, table(("code", "meaning"), rows, ""))


@click.group()
def explain() -> None:
    """Diagrams drawn from the code's own tables."""


@explain.command()
def rollout() -> None:
    """The states of a deployment, as a mermaid diagram."""
    click.echo(mermaid(), nl=False)


def exit_code_table() -> dict[int, str]:
    """From the error tree: the first class of each code speaks for it."""
    found = {0: "It worked."}
    for kind in _tree(errors.ShipwayError):
        found.setdefault(kind.exit_code, (kind.__doc__ or "").strip())
    found[errors.ShipwayError.exit_code] = "Something that nobody expected."
    found[INTERRUPTED[0]] = INTERRUPTED[1]
    return dict(sorted(found.items()))


def _tree(kind: type[errors.ShipwayError]) -> list[type[errors.ShipwayError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _tree(child))]
