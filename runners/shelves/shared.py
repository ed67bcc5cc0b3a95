"""What runs left in a database that several machines share, as a shelf: logs and files."""

from pipeline.retention.thing import Kind, Thing, Verdict
from runners.store.run_files import SqlRunFiles
from runners.store.run_logs import Kept, SqlRunLogs

WHERE = "database"


class SharedShelf:
    """Names are `logs/RUN` and `files/RUN`."""

    disk = ""

    def __init__(self, logs: SqlRunLogs, files: SqlRunFiles) -> None:
        self._logs = logs
        self._files = files

    def things(self) -> list[Thing]:
        return [
            *(_thing(Kind.LOG, "logs", kept) for kept in self._logs.kept()),
            *(_thing(Kind.ARTIFACT, "files", kept) for kept in self._files.kept()),
        ]

    def remove(self, goer: Verdict) -> None:
        rows = self._logs if goer.thing.kind is Kind.LOG else self._files
        rows.remove(goer.thing.run)


def _thing(kind: Kind, name: str, kept: Kept) -> Thing:
    return Thing(kind, WHERE, f"{name}/{kept.run}", f"of run {kept.run}", kept.size, kept.at, run=kept.run)
