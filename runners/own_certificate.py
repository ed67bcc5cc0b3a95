"""Our own client certificate for engines of hosts that joined, each machine of ours has one: files that follow the authority.

One file holds certificate and key, so that it is replaced at once; docker-py reads it with each new connection.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pipeline.fleet.host import Host, TlsFiles
from pipeline.fleet.joined import OURS, Joined
from pipeline.roster import Roster
from runners.authority import Authority, Usage, key_pem, new_key, pem

DAYS = 30.0
EARLY = timedelta(days=10)  # before its end it is made anew
LOOK_EVERY = 60.0  # seconds
NAME = "shipway-controller"


class OwnCertificate:
    """`files()` are there and good. Any number of processes may share the folder."""

    def __init__(
        self,
        folder: Path,
        hosts: Authority,
        controllers: Authority,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hosts, self._controllers, self._now = hosts, controllers, now
        self._authority, self._own = folder / "hosts-ca.pem", folder / "controller.pem"
        self._lock = threading.Lock()
        self._until = float("-inf")

    def files(self) -> TlsFiles:
        with self._lock:
            if time.monotonic() >= self._until:
                self._keep()
                self._until = time.monotonic() + LOOK_EVERY
        return TlsFiles(str(self._authority), str(self._own), str(self._own))

    def of(self, host: Host) -> Host:
        """With files of this machine, where it is reached by ours."""
        return replace(host, tls=self.files()) if host.tls == OURS else host

    def is_of(self, files: TlsFiles | None) -> bool:
        return files is not None and files.cert == str(self._own)

    def _keep(self) -> None:
        if _text(self._authority) != self._hosts.pem:
            _write(self._authority, self._hosts.pem)
        if not self._good(_text(self._own)):
            key = new_key()
            made = self._controllers.issue(key.public_key(), NAME, (), Usage.CLIENT, DAYS)
            _write(self._own, pem(made) + key_pem(key))

    def _good(self, text: str) -> bool:
        """Ours, of the authority that there is now, and for long enough."""
        try:
            found = x509.load_pem_x509_certificate(text.encode())
            found.verify_directly_issued_by(self._controllers.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return found.not_valid_after_utc - EARLY > self._now()


class KeyedRoster:
    """Port `Roster` over another one: hosts that are reached by our own certificate get its files of this machine. `changed`
    is called when somebody joined or left by it."""

    def __init__(
        self, roster: Roster, own: OwnCertificate, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._roster, self._own, self._changed = roster, own, changed

    def joined(self) -> Mapping[str, Joined]:
        found = self._roster.joined()
        return {name: replace(one, host=self._own.of(one.host)) for name, one in found.items()}

    def add(self, joined: Joined) -> None:
        """Never with paths of this machine."""
        kept = OURS if self._own.is_of(joined.host.tls) else joined.host.tls
        self._roster.add(replace(joined, host=replace(joined.host, tls=kept)))
        self._changed()

    def identify(self, name: str, instance: str, provider: str, size: str) -> None:
        self._roster.identify(name, instance, provider, size)

    def protect(self, name: str, protected: bool) -> None:
        self._roster.protect(name, protected)

    def remove(self, name: str) -> None:
        self._roster.remove(name)
        self._changed()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
    Path(name).replace(path)
