"""Processes of Shipway as forks of one that has loaded everything.

Each of them loads a second's worth of packages; loaded once and forked, all of them start in two seconds instead of
eight on two cores, share that memory, and a killed one is back in a moment.
"""

import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module

import click

from pipeline.commands.asked import Asked, with_common_options
from pipeline.commands.ending import exit_code
from pipeline.supervisor import PATIENCE, ChildPlan, Process, Supervisor
from runners.process import Fork

LATE = ("git",)  # what is loaded late everywhere else; here each fork would load it anew
LESS_PATIENCE = PATIENCE - 1.0  # whoever watches us is not to lose his own


def supervise(
    plans: Sequence[ChildPlan], commands: Mapping[str, click.Command], config: str, beat: str
) -> None:
    """Until SIGTERM or SIGINT. The first word of a plan names one of `commands`."""
    for name in LATE:
        with suppress(ImportError):  # without git on the machine; whoever needs it says so
            import_module(name)
    gc.collect()
    gc.freeze()  # so that collecting in a fork does not copy pages that all share

    def spawn(plan: ChildPlan) -> Process:
        return Fork(partial(call, commands[plan.words[0]], plan.words[1:], config))

    Supervisor(plans, spawn, beat, LESS_PATIENCE).run()


def call(command: click.Command, words: Sequence[str], config: str) -> int:
    """As if it had been typed; the exit code."""
    asked = Asked(config=config)
    named = with_common_options(command)
    return exit_code(lambda: named.main(list(words), named.name, standalone_mode=False, obj=asked), asked)
