"""How a command ends: every error becomes a sentence and an exit code."""

import json
import os
import sys
from collections.abc import Callable

import click

from pipeline.commands.asked import Asked
from pipeline.errors import ShipwayError

INTERRUPTED = 130


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
    if asked.json:
        print(json.dumps({"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code}))
    print(f"shipway: {error}", file=sys.stderr)
    return error.exit_code
