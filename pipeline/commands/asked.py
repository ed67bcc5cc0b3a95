"""What every command may be asked beside its own words: `--config`, `--json`. One place, so that they mean the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pipeline.errors import BadConfig

DEFAULT_FILE = "shipway.yml"


@dataclass
class Asked:
    """`config` empty: not named; then shipway.yml of this folder is meant, if there is one."""

    config: str = ""
    json: bool = False

    def config_path(self) -> str:
        """Absolute. Raises `BadConfig` when there is none."""
        found = self.config_if_any()
        if not found:
            raise BadConfig(
                f"There is no {DEFAULT_FILE} here. Name one with --config or SHIPWAY_CONFIG; `shipway init` writes one."
            )
        return found

    def config_if_any(self) -> str:
        if self.config or Path(DEFAULT_FILE).is_file():
            return str(Path(self.config or DEFAULT_FILE).absolute())
        return ""


def asked() -> Asked:
    found = click.get_current_context().find_object(Asked)
    if found is None:
        raise LookupError("a command was called outside of `shipway`")
    return found


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
        told = context.ensure_object(Asked)
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if value and (
            typed or not getattr(told, name)
        ):  # the environment is read again after the command's name
            setattr(told, name, value)

    return callback


def common_options() -> list[click.Option]:
    """Taken before and after the name of a command alike."""
    return [
        click.Option(
            ["--config"],
            metavar="FILE",
            envvar="SHIPWAY_CONFIG",
            expose_value=False,
            callback=_remember("config"),
            help="The operator's file. Default: SHIPWAY_CONFIG, else ./shipway.yml.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_remember("json"),
            help="Print JSON for programs.",
        ),
    ]


def with_common_options(command: click.Command) -> click.Command:
    """Give a command, or every command of a group, the options of `common_options`."""
    names = {name for parameter in command.params for name in parameter.opts}
    if "--config" not in names:
        command.params.extend(common_options())
    if isinstance(command, click.Group):
        for child in command.commands.values():
            with_common_options(child)
    return command
