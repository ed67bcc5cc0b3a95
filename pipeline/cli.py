"""`shipway`, the command: finds the sub-command, and turns every error into a sentence and an exit code.

Imports click and nothing heavy: a sub-command's file is loaded when it is named. Decides nothing.
"""

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from pipeline import __version__
from pipeline.commands.asked import Asked, common_options, with_common_options
from pipeline.commands.ending import exit_code
from pipeline.commands.screen import colours

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> (where it is, what it does); the order is that of `shipway --help`, which leaves out what says nothing
COMMANDS = {
    "init": ("pipeline.commands.configuring:init", "Write shipway.yml and .shipway.yml to begin with."),
    "up": ("pipeline.commands.starting:up", "Run everything on this machine."),
    "serve": ("pipeline.commands.serving:serve", "Run the web part alone."),
    "work": ("pipeline.commands.working:work", "Run workers alone."),
    "schedule": ("pipeline.commands.scheduling:schedule", "Run the scheduler alone."),
    "door": ("pipeline.commands.door:door", "Run the door alone, by which hosts join."),
    "crew": ("pipeline.commands.crew:crew", ""),
    "status": ("pipeline.commands.looking:status", "What is live where and how it is, sick first; -w stays."),
    "services": ("pipeline.commands.placing:services", "The services and their environments; move one."),
    "pools": ("pipeline.commands.pools:pools", "Machines that clouds make and delete; want more or fewer."),
    "regions": (
        "pipeline.commands.regions:regions",
        "One name over several regions: how they are; plan, apply, park, unpark.",
    ),
    "evacuate": ("pipeline.commands.evacuating:evacuate", "Empty a host or a region."),
    "hosts": (
        "pipeline.commands.joining:hosts",
        "The hosts and whether they answer; invite, drain or remove one.",
    ),
    "releases": ("pipeline.commands.looking:releases", "The releases of a service."),
    "runs": ("pipeline.commands.runs:runs", "The latest runs."),
    "run": ("pipeline.commands.runs:run", "Start, show, cancel or retry a run."),
    "deliveries": (
        "pipeline.commands.deliveries:deliveries",
        "Webhooks and looks that told of something; show or replay one.",
    ),
    "logs": ("pipeline.commands.logs:logs", "The log of a run."),
    "plan": (
        "pipeline.commands.deploying:plan",
        "What a deployment would change, as a diff, and step by step.",
    ),
    "deploy": (
        "pipeline.commands.deploying:deploy",
        "Bring a release, an image or a ref onto an environment.",
    ),
    "rollback": (
        "pipeline.commands.deploying:rollback",
        "Go back to the last good release, or to one by number.",
    ),
    "scale": ("pipeline.commands.deploying:scale", "Change the number of replicas on each host."),
    "scaling": ("pipeline.commands.scaling:scaling", "What scales by itself, and what it decided and why."),
    "deployments": ("pipeline.commands.deployments:deployments", "The latest deployments."),
    "deployment": ("pipeline.commands.deployments:deployment", "Show or follow one deployment."),
    "follow": ("pipeline.commands.deployments:follow", "Stay with a deployment or a run until it is over."),
    "pause": ("pipeline.commands.deployments:pause", "Hold a deployment where it is."),
    "resume": ("pipeline.commands.deployments:resume", "Let a held deployment go on."),
    "promote": (
        "pipeline.commands.deployments:promote",
        "Take a canary to all hosts, or one environment's release to another.",
    ),
    "approve": ("pipeline.commands.deployments:approve", "Let a deployment go on with its next batch."),
    "abort": ("pipeline.commands.deployments:abort", "End a deployment and go back."),
    "freeze": ("pipeline.commands.freezing:freeze", "Hold deployments back for a while: set, list, lift."),
    "prune": ("pipeline.commands.pruning:prune", "Remove what nobody needs, or say what would go."),
    "audit": ("pipeline.commands.looking:audit", "Who did what, when."),
    "token": ("pipeline.commands.tokens:token", "Create, list or revoke API tokens."),
    "backup": ("pipeline.commands.backups:backup", "Back Shipway itself up; check a backup, list them."),
    "restore": ("pipeline.commands.backups:restore", "Restore a backup of Shipway itself."),
    "user": ("pipeline.commands.users:user", "People who sign in to the dashboard."),
    "secret": ("pipeline.commands.secrets:secret", "Secrets that Shipway keeps: set, list, remove, rotate."),
    "notices": ("pipeline.commands.notices:notices", "Who was told what; send a test."),
    "figures": (
        "pipeline.commands.figures:figures",
        "How often, how fast, how safely a service is released.",
    ),
    "config": ("pipeline.commands.configuring:config", "Check or explain the operator's file."),
    "repo": ("pipeline.commands.repositories:repo", "Bare repositories that deploy what is pushed to them."),
    "gitlab": (
        "pipeline.commands.gitlab:gitlab",
        "A project's webhook at GitLab, made or repaired; GitLab runners on hosts.",
    ),
    "doctor": ("pipeline.commands.doctor:doctor", "Look whether everything that is needed is there."),
    "explain": ("pipeline.commands.explaining:explain", "Diagrams drawn from the code's own tables."),
    "help": ("pipeline.commands.explaining:topics", "Longer help: exit codes."),
    "completion": ("pipeline.commands.offering:completion", "Print what makes a shell complete words."),
    "version": ("pipeline.commands.explaining:version", "Print the version."),
}


def load(name: str) -> click.Command:
    """The command with all that it imports. What modules bring stays, so no garbage is ever looked for in it: each such
    look took a seventh of the time."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    gc.disable()
    try:
        command: click.Command = getattr(import_module(module), attribute)
    finally:
        gc.freeze()
        gc.enable()
    return command


class LazyGroup(click.Group):
    """Knows its commands by the table; loads one when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return with_common_options(load(cmd_name)) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A misspelt one is told with the nearest that there is."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = import_module("difflib").get_close_matches(args[0], COMMANDS, 1)
            meant = f" Did you mean `shipway {close[0]}`?" if close else " `shipway --help` lists them."
            raise click.UsageError(error.message + meant, error.ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """From the table too: a key press must not load every command."""
        item = import_module("click.shell_completion").CompletionItem
        names = [
            item(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if text and name.startswith(incomplete)
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that help loads nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items() if text])


@click.group(
    cls=LazyGroup,
    params=common_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="shipway")
@click.pass_context
def shipway(context: click.Context) -> None:
    """git push is the release: built, tested, published, live on every host, or back where it was."""
    context.ensure_object(Asked)
    context.color = colours()


def main() -> None:
    asked = Asked()
    sys.exit(exit_code(lambda: shipway.main(prog_name="shipway", standalone_mode=False, obj=asked), asked))


if __name__ == "__main__":
    main()
