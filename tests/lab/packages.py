"""Debian packages: resolved and downloaded by apt itself, with a dpkg status and lists of our own, so that nothing of the
machine's own state is read as installed or changed. Needs no root."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import LabError, run, say
from tests.lab.needs import install

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN = "http://deb.debian.org/debian"
# What maintainer scripts need and running programs do not. Libraries stay, whatever they are.
_TOOLS = frozenset(
    ["adduser", "base-files", "base-passwd", "cdebconf", "dash", "debconf", "debianutils", "diffutils", "dpkg",
     "findutils", "gzip", "init-system-helpers", "install-info", "iproute2", "libc-bin", "libcap2-bin", "login",
     "lsb-base", "mount", "passwd", "perl", "sed", "sensible-utils", "sysvinit-utils", "tar", "ucf", "usrmerge",
     "util-linux"]
)  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """One source of packages with lists of its own; `own` is the machine's."""

    name: str  # own | sid
    folder: Path  # its lists and caches
    sources: Path | None = None  # None: the machine's

    @property
    def options(self) -> list[str]:
        lists = self.folder / "lists"
        facts = {
            "Dir::State::status": self.folder / "status",
            "Dir::State::Lists": lists,
            "Dir::Cache": self.folder / "cache",
            "Debug::NoLocking": 1,
            "APT::Install-Recommends": 0,
            "Acquire::Languages": "none",
            "Acquire::http::Timeout": 30,
            "Acquire::Retries": 2,
            "Acquire::Check-Valid-Until": "false",  # a mirror that lags is good enough for a lab; signatures are checked
        }
        if os.geteuid() == 0:
            facts["APT::Sandbox::User"] = "root"  # _apt may not enter our folders
        if self.sources:
            facts |= {"Dir::Etc::SourceList": self.sources, "Dir::Etc::SourceParts": "/dev/null"}
        return [word for key, value in facts.items() for word in ("-o", f"{key}={value}")]


def open_suite(name: str, cache: Path) -> Suite:
    """Lists fetched. Raises `LabError` when the suite cannot be reached."""
    folder = cache / f"apt-{name}"
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    suite = Suite(name, folder, _sid_sources(folder) if name == "sid" else None)
    machine = Path("/var/lib/apt/lists")
    if name == "own" and not any((folder / "lists").glob("*Packages*")) and any(machine.glob("*Packages*")):
        for path in machine.glob("*_*"):  # as fresh as the machine's own, and no download
            shutil.copy(path, folder / "lists" / path.name)
        return suite
    update(suite)
    return suite


def update(suite: Suite) -> None:
    """Fetch its lists anew. apt calls an unreachable mirror a warning; here it is an error."""
    run(["apt-get", "-qq", *suite.options, "-o", "APT::Update::Error-Mode=any", "update"], timeout=300)


def _sid_sources(folder: Path) -> Path:
    install(("debian-archive-keyring",))  # Ubuntu has it as a package
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], check=False)
    mirrors = [uri for uri in targets.split() if uri.rstrip("/").endswith("/debian")]
    path = folder / "sources.list"
    path.write_text(f"deb [signed-by={KEYRING}] {mirrors[0] if mirrors else DEBIAN} sid main\n")
    return path


def architecture() -> str:
    return run(["dpkg", "--print-architecture"]).strip()


def resolve(suite: Suite, roots: tuple[str, ...]) -> list[str]:
    """File names of the packages, the needed libraries first. As apt's own solver sees it on an empty machine."""
    lines = run(["apt-get", "-qq", *suite.options, "install", "-y", "--print-uris", *roots]).splitlines()
    names = [line.split()[1] for line in lines if line.startswith("'")]
    return [name for name in names if _runs(name.split("_")[0], roots)]


def _runs(package: str, roots: tuple[str, ...]) -> bool:
    perl = package.startswith(("perl-", "libperl")) or package.endswith("-perl")
    return package in roots or not (package in _TOOLS or perl)


def download(suite: Suite, files: list[str], folder: Path) -> list[Path]:
    """The .deb files in order; what is in the folder is not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in files if not (folder / name).exists()]
    exact = ["=".join(name.split("_")[:2]).replace("%3a", ":") for name in missing]
    if missing:
        run(["apt-get", "-qq", *suite.options, "download", *exact], timeout=300, cwd=folder)
        say(f"downloaded {len(missing)} packages from {suite.name}")
    absent = [name for name in files if not (folder / name).exists()]
    if absent:
        raise LabError(f"apt downloaded {suite.name} packages, but {', '.join(absent[:3])} are not there")
    return [folder / name for name in files]
