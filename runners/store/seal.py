"""Seals secrets before they are stored. The key lies in a file of its own, beside the database and never in it."""

import fcntl
import hashlib
import hmac
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from pipeline.errors import BadConfig, Conflict, Rejected

FILE = "seal.key"
MARK = b"shipway: which key seals"


class Seal:
    """The key file holds one key a line: the first one seals, all of them open. A file that changes is read again, so
    that no process need be started anew when another one changes the keys."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / FILE
        self._made = b""  # by us, because there was none
        self._keys: list[Fernet] = []
        self._read: object = None
        if not self._path.exists():
            self._made = _write_first(self._path)
        self._fernets()

    @property
    def path(self) -> str:
        return str(self._path)

    def marks(self) -> list[str]:
        """By which keys are told apart without being shown, in the file's order."""
        return [hmac.new(key, MARK, hashlib.sha256).hexdigest() for key in _keys(self._path)]

    def take_back(self) -> None:
        """The key that was made because there was none, when another one turns out to be the right one."""
        if self._made and _keys(self._path) == [self._made]:
            self._path.unlink()

    def shut(self, clear: str) -> str:
        return self._fernets()[0].encrypt(clear.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return MultiFernet(self._fernets()).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise Rejected(
                f"A stored secret was sealed with another key than {self._path}. Put the key file back that belongs "
                "to this database; machines that share a database share this file."
            ) from error

    def anew(self, sealed: str) -> str:
        """Sealed with the first key, when an older one of the file had sealed it; else as it is."""
        first, *older = self._fernets()
        if not older:
            return sealed
        try:
            clear = MultiFernet(older).decrypt(sealed.encode())
        except InvalidToken:
            return sealed
        return first.encrypt(clear).decode()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For who changes the keys. Ends with the process at the latest."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict(
                f"Somebody is changing the keys in {self._path.parent} already; wait for it."
            ) from error
        finally:
            os.close(folder)

    def renew(self) -> None:
        """A new first key; none when there are several, since a change of keys that was cut goes on then."""
        keys = _keys(self._path)
        if len(keys) == 1:
            _write(self._path, [Fernet.generate_key(), *keys])

    def forget(self) -> None:
        """All keys but the first."""
        keys = _keys(self._path)
        if len(keys) > 1:
            _write(self._path, keys[:1])

    def edition(self) -> object:
        """Another one after each change of the keys; None while there is no file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _fernets(self) -> list[Fernet]:
        edition = self.edition()
        if edition is None:
            raise Rejected(
                f"The key file {self._path} is gone: put it back, no stored secret opens without it."
            )
        if edition != self._read:
            self._keys = [Fernet(key) for key in _keys(self._path)]
            self._read = edition
        return self._keys


def _keys(path: Path) -> list[bytes]:
    keys = path.read_bytes().split()
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise BadConfig(f"{path} is not a key file of ours: put the right one back.") from error
    if not keys:
        raise BadConfig(f"{path} is empty: put the right key file back.")
    return keys


def _write_first(path: Path) -> bytes:
    """Never over another process's key. Empty: there is one by now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Fernet.generate_key()
    draft = _draft(path, [key])
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return b""
    finally:
        draft.unlink()
    return key


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """Whole or not at all, and on disk before anything is sealed with it."""
    _draft(path, keys).replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(path: Path, keys: Sequence[bytes]) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
