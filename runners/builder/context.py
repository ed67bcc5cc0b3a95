"""The folder that a build sees, as a tar that is made while it is sent: the same tree gives the same bytes.

Obeys .dockerignore, keeps symbolic links as links (they are never followed, so nothing outside the folder gets in),
forgets owners. Files keep the time of their checkout: web servers build ETags from it, so a constant would lie.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from docker.utils.build import PatternMatcher

from pipeline.errors import StageFailed

PIECE = 256 << 10
OUTSIDE = ".shipway.Dockerfile"  # the name of a Dockerfile that lies outside its context


def name_in_context(dockerfile: str) -> str:
    return OUTSIDE if dockerfile.startswith("../") else dockerfile.removeprefix("./")


def context_tar(folder: str, dockerfile: str, text: str) -> Iterator[bytes]:
    """`text` is sent as the Dockerfile, whatever lies there."""
    root, recipe = Path(folder), name_in_context(dockerfile)
    names = {name for name in PatternMatcher(_ignored(root, dockerfile)).walk(folder) if _usable(root / name)}
    for name in sorted(names | {recipe}):
        yield from _entry(root / name, name, text.encode() if name == recipe else None)
    yield tarfile.NUL * (2 * tarfile.BLOCKSIZE)


def _ignored(root: Path, dockerfile: str) -> list[str]:
    """A list beside the Dockerfile and named after it wins over the folder's."""
    for file in (root / f"{dockerfile}.dockerignore", root / ".dockerignore"):
        if file.is_file() and file.resolve().is_relative_to(root.resolve()):
            lines = (line.strip() for line in file.read_text("utf-8-sig", "replace").splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _usable(path: Path) -> bool:
    kind = path.lstat().st_mode
    return stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)


def _entry(path: Path, name: str, text: bytes | None) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    if text is not None:
        info.mode, info.size = 0o644, len(text)
        info.mtime = int(path.lstat().st_mtime) if path.is_file() else 0
        yield from _file(info, iter([text]))
        return
    found = path.lstat()
    info.mtime = int(found.st_mtime)
    info.mode = 0o755 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o100 else 0o644
    if stat.S_ISLNK(found.st_mode):
        target = os.readlink(path)  # noqa: PTH115 (Path would tidy it up)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    elif stat.S_ISDIR(found.st_mode):
        info.type = tarfile.DIRTYPE
    else:
        info.size = found.st_size
        yield from _file(info, _pieces(path, name))
        return
    yield _header(info)


def _file(info: tarfile.TarInfo, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield _header(info)
    sent = 0
    for piece in pieces:
        sent += len(piece)
        yield piece
    if sent != info.size:
        raise StageFailed(f"{info.name} changed while it was sent to the builder.")
    if rest := -sent % tarfile.BLOCKSIZE:
        yield tarfile.NUL * rest


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _pieces(path: Path, name: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise StageFailed(f"{name} cannot be sent to the builder: {error.strerror}.") from error
