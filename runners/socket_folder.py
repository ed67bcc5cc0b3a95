"""Where unix sockets lie: in the data folder, or in /tmp when the kernel would not take so long a path."""

import hashlib
import os
import stat
from pathlib import Path

from pipeline.errors import Rejected

LONGEST_SOCKET = 100  # bytes; the kernel takes 107


def socket_folder(inside: Path, longest_name: int) -> Path:
    """`inside`, or one of /tmp that follows from it, so that every process finds it without being told."""
    if len(bytes(inside)) + 1 + longest_name <= LONGEST_SOCKET:
        return inside
    mark = hashlib.sha256(bytes(inside)).hexdigest()[:16]
    return Path("/tmp") / f"shipway-{os.getuid()}-{mark}"  # noqa: S108 (owner checked in `own`)


def own(folder: Path) -> None:
    """Make it. Raises `Rejected` when somebody else made the one in /tmp before us."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise Rejected(f"{folder} is not a folder of ours alone. Remove it, or choose a shorter server.data.")
