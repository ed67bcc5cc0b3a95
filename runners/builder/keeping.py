"""Copies the files that a test container left into the artifacts of its run.

Never fails a test run: what is not kept is said in the log.
"""

import posixpath
from collections.abc import Callable

from runners.artifact_store import ArtifactKeeper
from runners.builder.copying import Bounds, Found, TooMuch, Unreadable, find_files, working_folder
from runners.builder.talking import Api

BOUNDS = Bounds(largest=128 << 20, most=1000, everything=512 << 20)
LONGEST_NAME = 400


class Keeping:
    """For the containers of one run."""

    def __init__(self, api: Api, store: ArtifactKeeper, run: int, log: Callable[[str], None]) -> None:
        self._api = api
        self._store = store
        self._run = run
        self._log = log

    def keep(self, container: str, command: str, patterns: tuple[str, ...]) -> None:
        """Of several commands each has a folder."""
        folder = working_folder(self._api, container)
        for pattern in patterns:
            try:
                kept = sum(
                    self._keep(file, folder, command)
                    for file in find_files(self._api, container, pattern, BOUNDS)
                )
            except (TooMuch, Unreadable) as error:
                self._log(f"[shipway] Not all of {pattern} is kept: {error}.\n")
            except OSError as error:
                self._log(f"[shipway] {pattern} is not kept: {error.strerror} on this machine.\n")
            else:
                said = f"{kept} files of {pattern} are kept" if kept else f"Nothing matches {pattern}"
                self._log(f"[shipway] {said}.\n")

    def _keep(self, file: Found, folder: str, command: str) -> bool:
        name = posixpath.relpath(file.name, folder) if file.name.startswith(f"{folder.rstrip('/')}/") else ""
        name = posixpath.join(command, name or file.name.lstrip("/"))
        if len(name) > LONGEST_NAME or not name.isprintable():
            self._log(f"[shipway] A file with an impossible name is not kept: {name[:80]!r}.\n")
            return False
        if not self._store.keep(self._run, name, file.size, file.opened):
            raise TooMuch("the run has no room left for more")
        return True
