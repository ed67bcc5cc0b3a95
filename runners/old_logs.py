"""Removes the logs of runs that nobody wrote to for long. Never looks into one."""

import logging
import shutil
from pathlib import Path

log = logging.getLogger("shipway.scheduler")


def prune_logs(directory: str, before: float) -> int:
    """Folders `directory`/thousand/run in which no file is younger than `before` (seconds since 1970)."""
    gone = 0
    for run in Path(directory).glob("*/[0-9]*"):
        if run.is_dir() and run.name.isdigit() and _newest(run) < before:
            shutil.rmtree(run, ignore_errors=True)
            gone += 1
    if gone:
        log.info("old logs removed", extra={"runs": gone})
    return gone


def _newest(folder: Path) -> float:
    return max((file.stat().st_mtime for file in folder.iterdir()), default=folder.stat().st_mtime)
