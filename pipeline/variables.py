"""Puts environment variables into the operator's file: `${NAME}` and `${NAME:-default}`; `$${` is a plain `${`.

Works on values, never on keys, and only on the mapping it is given. An empty variable counts as unset for the default,
as in a shell. Never reads the environment itself.
"""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.faults import Faults, Path

REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{")


def expand(raw: Any, environ: Mapping[str, str], faults: Faults) -> tuple[Any, dict[str, str]]:
    """The same tree with its references replaced, and the variables that were used."""
    used: dict[str, str] = {}
    return _tree(raw, (), environ, faults, used), used


def _tree(raw: Any, path: Path, environ: Mapping[str, str], faults: Faults, used: dict[str, str]) -> Any:
    if isinstance(raw, dict):
        return {key: _tree(value, (*path, key), environ, faults, used) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_tree(value, (*path, at), environ, faults, used) for at, value in enumerate(raw)]
    return _text(raw, path, environ, faults, used) if isinstance(raw, str) else raw


def _text(raw: str, path: Path, environ: Mapping[str, str], faults: Faults, used: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            faults.add(
                path, "has a broken reference; write ${NAME} or ${NAME:-default}, and $${ for a plain ${"
            )
            return match[0]
        found = environ.get(name)
        if default is not None and not found:
            return str(default)
        if found is None:
            faults.add(
                path, f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
            )
            return match[0]
        used[name] = found
        return found

    return REFERENCE.sub(value, raw)
