"""The agent as the one file that a host gets: its three parts, one after the other. Changes nothing in them."""

import re
from pathlib import Path

PARTS = ("stream", "cable", "agent")
_OURS = re.compile(r"^from runners\.agents\.\w+ import (?:\([^)]*\)|[^(\n]*)\n", re.MULTILINE)


def program() -> str:
    """Its text. Runs by `python3 -I -S`, with the settings of `templates/agent/agent.env`."""
    folder = Path(__file__).parent
    parts = [(folder / f"{part}.py").read_text(encoding="utf-8") for part in PARTS]
    return "#!/usr/bin/python3 -IS\n" + "\n\n".join(_OURS.sub("", part) for part in parts)
