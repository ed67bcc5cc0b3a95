"""docs/options.md: every command with every option, out of click. What they are for is in docs/command.md."""

from collections.abc import Iterator

import click

from pipeline.cli import COMMANDS, shipway

HEAD = """# Every option

Made from the commands by `python -m tests.handbook`; do not edit. What they are for, where they find Shipway, and their exit
codes: [command.md](command.md).

`--config FILE` (or `SHIPWAY_CONFIG`), `--json` and `--help` are taken by every command.
"""
COMMON = {"config", "json", "help"}


def options_page() -> str:
    parts = [HEAD]
    with click.Context(shipway, info_name="shipway") as context:
        for name, (_, about) in COMMANDS.items():
            command = shipway.get_command(context, name)
            if about and command:
                parts += _command(command, click.Context(command, parent=context, info_name=name), 2)
    return "".join(parts)


def _command(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    about = " ".join((command.help or "").replace("\b", "").split())
    yield f"\n{'#' * depth} `{context.command_path}`\n\n{_plain(about)}\n\n```text\n{usage}\n```\n"
    yield from _options(command, context)
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _command(child, click.Context(child, parent=context, info_name=name), depth + 1)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    named = [o for o in command.params if isinstance(o, click.Option) and o.name not in COMMON]
    records = (option.get_help_record(context) for option in named)
    rows = [f"| `{_cell(record[0])}` | {_plain(_cell(record[1]))} |\n" for record in records if record]
    if rows:
        yield "\n| option | |\n|---|---|\n" + "".join(rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """Markdown would take <name> for HTML."""
    return text.replace("<", "&lt;")
