"""Seals secrets before they are stored. The key lies in a file of its own, beside the database and never in it."""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from pipeline.errors import BadConfig, Rejected

FILE = "seal.key"


class Seal:
    """The key file holds one key a line: the first one seals, all of them open. So keys can be changed."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / FILE
        self._fernet = MultiFernet([Fernet(line) for line in _keys(self._path)])

    def shut(self, clear: str) -> str:
        return self._fernet.encrypt(clear.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Rejected(
                f"A stored secret was sealed with another key than {self._path}. Put the key file back that belongs "
                "to this database; machines that share a database share this file."
            ) from error


def _keys(path: Path) -> list[bytes]:
    if not path.exists():
        _make(path)
    keys = path.read_bytes().split()
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise BadConfig(f"{path} is not a key file of ours: put the right one back.") from error
    if not keys:
        raise BadConfig(f"{path} is empty: put the right key file back.")
    return keys


def _make(path: Path) -> None:
    """Whole or not at all, and never over another process's key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
