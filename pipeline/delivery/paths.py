"""Which changes of a repository are a service's own: paths in, yes or no out. Pure.

A service in a folder owns that folder; no build reaches beyond it. `paths` says what else it owns, of a service at the
root what it owns at all; `ignore` takes away. Its Dockerfile and .shipway.yml are always its own. A service at the root
that says nothing owns everything, and is built by every push.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import join, normpath

from pipeline.delivery.orders import Recipe
from pipeline.fleet.service import Service
from pipeline.spec import Spec

ROOT = "."
SPEC = ".shipway.yml"
# Two stars mean any number of folders only where they are a whole part of the path.
PARTS = re.compile(r"(?:(?<=/)|^)\*\*/|/\*\*$|\*+|\?|\[!?[^\]]+\]|.", re.DOTALL)


@dataclass(frozen=True)
class Area:
    """`folders` may be files, too. Without folders and patterns: everything."""

    folders: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()  # files that no `ignore` takes away

    def __str__(self) -> str:
        """For people."""
        own = ", ".join((*self.folders, *self.patterns))
        but = f" outside {', '.join(self.ignore)}" if self.ignore else ""
        return f"under {own}{but}" if own else but.strip() or "in the repository"

    def any_of(self, changed: Iterable[str]) -> bool:
        own = [_pattern(one) for one in self.patterns]
        ignored = [_pattern(one) for one in self.ignore]
        return any(
            path in self.recipe or (self._owns(path, own) and not any(one.fullmatch(path) for one in ignored))
            for path in changed
        )

    def _owns(self, path: str, own: list[re.Pattern[str]]) -> bool:
        if not self.folders and not self.patterns:
            return True
        inside = any(path == folder or path.startswith(f"{folder}/") for folder in self.folders)
        return inside or any(one.fullmatch(path) for one in own)


def narrowed(service: Service) -> bool:
    """Can there be a change that is not its own?"""
    return service.path != ROOT or bool(service.paths or service.ignore)


def area_of(service: Service, spec: Spec, recipe: Recipe) -> Area:
    dockerfile = join(service.path, spec.build.context, recipe.dockerfile)
    return Area(
        folders=() if service.path == ROOT else (service.path,),
        patterns=service.paths,
        ignore=service.ignore,
        recipe=(normpath(join(service.path, SPEC)), normpath(dockerfile)),
    )


def _pattern(text: str) -> re.Pattern[str]:
    """As in .gitignore, https://git-scm.com/docs/gitignore#_pattern_format, without `!`: with no slash but at the end it
    matches at any depth; what matches a folder matches all in it."""
    anchored = "/" in text.rstrip("/")
    start = "" if anchored else "(?:.*/)?"
    end = "/.*" if text.endswith("/") else "(?:/.*)?"
    return re.compile(start + _translated(text.strip("/")) + end, re.DOTALL)


def _translated(text: str) -> str:
    return "".join(_part(found.group()) for found in PARTS.finditer(text))


def _part(part: str) -> str:
    wild = {"**/": "(?:.*/)?", "/**": "/.+", "?": "[^/]"}
    if part in wild:
        return wild[part]
    if part.startswith("*"):
        return "[^/]*"
    if part.startswith("[") and len(part) > 1:
        inner = part[1:-1]
        return f"[^{_chosen(inner[1:])}/]" if inner.startswith("!") else f"[{_chosen(inner)}]"
    return re.escape(part)


def _chosen(characters: str) -> str:
    """The inside of a set: a range keeps its dash, nothing else means anything."""
    return re.sub(r"[\\\[\]^&~|]", lambda found: f"\\{found.group()}", characters)
