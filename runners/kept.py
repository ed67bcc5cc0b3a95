"""Where logs of runs and files of their tests are kept: in the data folder of the one machine, or, where a PostgreSQL is
shared, in it, so that each machine reads what the others wrote, and a machine that is lost takes nothing along."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.ports import Logs, Shelf
from runners.artifact_store import ArtifactKeeper, FileArtifacts
from runners.log_store import FileLogs
from runners.shared_artifacts import SharedArtifacts
from runners.shared_logs import SharedLogs
from runners.shelves.shared import SharedShelf
from runners.store import Store


@dataclass(frozen=True)
class KeptOfRuns:
    logs: Logs
    artifacts: ArtifactKeeper
    shelves: tuple[Shelf, ...] = ()


def kept_of_runs(data: str, store: Store, bring: Callable[[Path], None] = lambda _: None) -> KeptOfRuns:
    """Opens nothing yet. `bring` makes a folder whole that moved to a bucket."""
    logs, artifacts = FileLogs(f"{data}/logs", bring=bring), FileArtifacts(f"{data}/artifacts", bring=bring)
    if not store.shared:
        return KeptOfRuns(logs, artifacts)
    shelf = SharedShelf(store.run_logs, store.run_files)
    return KeptOfRuns(SharedLogs(store.run_logs, logs), SharedArtifacts(store.run_files, artifacts), (shelf,))
