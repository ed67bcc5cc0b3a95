"""How a command ends: every error becomes a sentence and an exit code."""

import json
import os
import re
import sys
from collections.abc import Callable

import click

from pipeline.commands.asked import Asked
from pipeline.commands.screen import colours
from pipeline.errors import ShipwayError

INTERRUPTED = 130
COMMAND = re.compile(r"`[a-z]+ ")  # with something behind it: a key of a file stands in such marks too


def exit_code(act: Callable[[], object], asked: Asked) -> int:
    """Do it, and say how it ended."""
    try:
        code = act()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `shipway runs | head`
        return 1
    except ShipwayError as error:
        return _tell(error, asked)
    return code if isinstance(code, int) else 0


def _tell(error: ShipwayError, asked: Asked) -> int:
    """The last words are what to type now: those of the message, else those of its kind."""
    text, now = str(error).rstrip() or (error.__doc__ or "").strip(), ""
    if not COMMAND.search(text):
        now = error.now
    if asked.json:
        found = {
            "error": text,
            "kind": type(error).__name__,
            "exit_code": error.exit_code,
            "now": now or text,
        }
        print(json.dumps(found, ensure_ascii=False))
    click.secho(f"shipway: {text}", fg="red", err=True, color=colours())
    if now:
        click.secho(f"  → {now}", err=True, color=colours())
    return error.exit_code
