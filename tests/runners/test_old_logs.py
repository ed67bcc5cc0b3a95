"""Old logs go, young ones stay."""

import os
from pathlib import Path

from runners.old_logs import prune_logs


def log_of(root: Path, run: int, at: float) -> Path:
    folder = root / "0000" / str(run)
    folder.mkdir(parents=True)
    file = folder / "0001-build.log"
    file.write_text("x")
    os.utime(file, (at, at))
    return folder


def test_only_logs_that_nobody_wrote_to_since_are_removed(tmp_path: Path) -> None:
    old, young = log_of(tmp_path, 1, 1000.0), log_of(tmp_path, 2, 3000.0)

    assert prune_logs(str(tmp_path), before=2000.0) == 1

    assert not old.exists()
    assert young.exists()


def test_nothing_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert prune_logs(str(tmp_path / "logs"), before=2000.0) == 0
