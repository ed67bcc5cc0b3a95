"""What opens a backup: a passphrase that people remember, or a recovery key that was printed once. Opens no file."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pipeline.errors import BadConfig, Rejected
from pipeline.secret import Secret

FILE = "backup.key"
MARK = "SWK"
BYTES = 32
COST = {"n": 1 << 16, "r": 8, "p": 1}  # 64 MiB and a fifth of a second, once a file
MOST = {"n": 1 << 20, "r": 16, "p": 4}  # a file that asks for more wants our memory, not its key
SALT = 16


@dataclass(frozen=True)
class BackupKey:
    """`text` as a person has it. A file is read several times, and scrypt is slow on purpose: once found, a key is kept."""

    text: Secret
    _found: dict[bytes, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def recovery(self) -> bool:
        return self.text.reveal().strip().upper().startswith(f"{MARK}-")

    def fresh(self) -> tuple[bytes, dict[str, Any]]:
        """A key for one file, and what its header must say so that it is found again."""
        salt = os.urandom(SALT)
        told = {"salt": base64.b64encode(salt).decode(), "key": "recovery" if self.recovery else "passphrase"}
        told_all: dict[str, Any] = told if self.recovery else {**told, **COST}
        return self.of(told_all), told_all

    def of(self, header: Mapping[str, Any]) -> bytes:
        """The key of the file with this header."""
        wanted = header.get("key")
        if wanted != ("recovery" if self.recovery else "passphrase"):
            raise Rejected(
                f"This backup opens with a {'recovery key (SWK-…)' if wanted == 'recovery' else 'passphrase'}, "
                f"and this is a {'recovery key' if self.recovery else 'passphrase'}. Give the other one."
            )
        salt = _salt(header)
        if self.recovery:
            return HKDF(SHA256(), BYTES, salt, b"shipway backup").derive(_read(self.text.reveal()))
        cost = {name: header[name] for name in COST if isinstance(header.get(name), int)}
        if len(cost) < len(COST) or not all(0 < cost[name] <= MOST[name] for name in cost):
            raise Rejected("The header of this backup asks for more work than any of ours does: it is none.")
        if salt not in self._found:
            self._found[salt] = Scrypt(salt, BYTES, **cost).derive(self.text.reveal().encode())
        return self._found[salt]


def new_recovery_key() -> Secret:
    """52 letters and digits in groups, good to be written down: no 0, 1, 8 or 9."""
    letters = base64.b32encode(secrets.token_bytes(BYTES)).decode().rstrip("=")
    return Secret("-".join([MARK, *(letters[at : at + 4] for at in range(0, len(letters), 4))]))


def kept_key(keys: Path) -> BackupKey | None:
    """The recovery key of this machine; None before it has one."""
    try:
        return BackupKey(Secret((keys / FILE).read_text("utf-8").strip()))
    except FileNotFoundError:
        return None


def keep_new_key(keys: Path, replace: bool = False) -> BackupKey:
    """Raises `BadConfig` when there is one: the backups that it opens would be lost with it."""
    path = keys / FILE
    if path.exists() and not replace:
        raise BadConfig(
            f"{path} holds a recovery key already. With --new another one takes its place; keep the old one written down "
            "for the backups that it opens."
        )
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = new_recovery_key()
    draft = keys / f".{FILE}"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(made.reveal() + "\n")
    draft.replace(path)
    return BackupKey(made)


def _salt(header: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(header.get("salt", "")))
    except ValueError as error:
        raise Rejected("The header of this backup is damaged. Take an older one.") from error


def _read(text: str) -> bytes:
    """Forgiving about how it was typed."""
    letters = "".join(text.upper().split()).removeprefix(f"{MARK}-").replace("-", "")
    try:
        found = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError as error:
        raise Rejected(
            "This is not a recovery key: they are SWK- and 13 groups of letters and 2 to 7."
        ) from error
    if len(found) != BYTES:
        raise Rejected("This is not a whole recovery key: they are SWK- and 13 groups.")
    return found
