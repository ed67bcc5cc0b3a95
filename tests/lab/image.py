"""Debian packages -> one image: a compressed layer, its configuration and manifest, as files in a folder. Reads the packages
as streams and writes one tar: no root, no chroot, no engine, no maintainer script, the same bytes for the same packages."""

import gzip
import hashlib
import importlib.util
import io
import json
import marshal
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.lab.commands import LabError, run
from tests.lab.recipes import Recipe

_ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "armhf": "arm"}
_LEFT_OUT = re.compile(
    r"usr/share/(doc|man|locale|info|lintian|bug|doc-base|pixmaps|applications|bash-completion)/"
    r"|usr/lib/python3[.\d]*/(lib2to3|idlelib|turtledemo|pydoc_data|tkinter)/|etc/(init|init\.d|cron|logrotate)"
)
_MERGED = ("bin", "sbin", "lib", "lib64")
_FOLDERS = (
    "usr/bin usr/sbin usr/lib usr/lib64 etc root run proc sys dev tmp var/tmp var/run var/log/nginx var/lib/nginx "
    "var/lib/haproxy var/www"
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n"
    "haproxy:x:104:104::/var/lib/haproxy:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nadm:x:4:\nwww-data:x:33:\nhaproxy:x:104:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def make(recipe: Recipe, debs: list[Path], architecture: str, folder: Path) -> None:
    """Write layer.tar.gz, config.json and manifest.json into `folder`."""
    folder.mkdir(parents=True)
    layer = folder / "layer.tar.gz"
    plain = hashlib.sha256()
    with layer.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0) as packed:
        _Rootfs(recipe, packed, plain).fill(debs)
    config = json.dumps(_config(recipe, architecture, plain.hexdigest())).encode()
    (folder / "config.json").write_bytes(config)
    (folder / "manifest.json").write_text(json.dumps(_manifest(config, layer)))
    (folder / "version").write_text(_version(recipe, debs))


def _config(recipe: Recipe, architecture: str, layer: str) -> dict[str, object]:
    return {
        "architecture": _ARCHITECTURES.get(architecture, architecture),
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Env": list(recipe.env), "Cmd": list(recipe.command), "StopSignal": recipe.stop},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"lab: {' '.join(recipe.packages)}"}],
    }


def _manifest(config: bytes, layer: Path) -> dict[str, object]:
    kind = "application/vnd.docker.{}"
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "schemaVersion": 2,
        "mediaType": kind.format("distribution.manifest.v2+json"),
        "config": {
            "mediaType": kind.format("container.image.v1+json"),
            "size": len(config),
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
        },
        "layers": [
            {
                "mediaType": kind.format("image.rootfs.diff.tar.gzip"),
                "size": layer.stat().st_size,
                "digest": f"sha256:{digest}",
            }
        ],
    }


def _version(recipe: Recipe, debs: list[Path]) -> str:
    mine = next(deb.name for deb in debs if deb.name.startswith(f"{recipe.version}_"))
    return re.sub(r"^\d+%3a", "", mine.split("_")[1]).split("-")[0].split("+")[0]


class _Tee(io.RawIOBase):
    """Everything written goes into the layer and into its hash."""

    def __init__(self, out: IO[bytes] | gzip.GzipFile, digest: "hashlib._Hash") -> None:
        self._out, self._digest = out, digest

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._digest.update(data)
        return self._out.write(data)


class _Rootfs:
    """One tar, filled package by package. The first file of a name wins; bin, sbin, lib are merged into usr."""

    def __init__(self, recipe: Recipe, out: IO[bytes] | gzip.GzipFile, digest: "hashlib._Hash") -> None:
        self._recipe = recipe
        self._tar = tarfile.open(fileobj=_Tee(out, digest), mode="w|", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - closed by fill
        self._seen: set[str] = set()
        self._minor = ""

    def fill(self, debs: list[Path]) -> None:
        with self._tar:
            for name in _FOLDERS.split():
                self._folder(name)
            for name in _MERGED:
                self._link(name, f"usr/{name}")
            for name, text in _FILES.items():
                self._file(name, text.encode())
            if _CERTIFICATES.exists():
                self._file(str(_CERTIFICATES)[1:], _CERTIFICATES.read_bytes())
            for deb in debs:
                self._unpack(deb)
            for name, target in self._recipe.links.items():  # only where no package has the name
                self._link(name, target)
            self._loader()
            self._applets(next(deb for deb in debs if deb.name.startswith("busybox-static_")))

    def _unpack(self, deb: Path) -> None:
        with _contents(deb) as package:
            for member in package:
                name = _merged(member.name)
                if self._unwanted(name):
                    continue
                member.name = name
                if member.islnk():
                    member.linkname = _merged(member.linkname)
                data = package.extractfile(member) if member.isreg() else None
                body = data.read() if data else b""
                self._add(member, body)
                self._follow(member, body)

    def _unwanted(self, name: str) -> bool:
        return not name or bool(_LEFT_OUT.match(name + "/")) or name.startswith(self._recipe.drop or ("\0",))

    def _follow(self, member: tarfile.TarInfo, body: bytes) -> None:
        """Beside a Python source its bytecode (half of a start-up is compiling); in place of pip's wheel pip itself."""
        if member.name.startswith("usr/share/python-wheels/pip-"):
            self._pip(body)
        same = f"python3.{sys.version_info.minor}/" in member.name or member.name.startswith(
            "usr/lib/python3/"
        )
        if member.name.endswith(".py") and same and member.isreg():
            self._bytecode(member, body)

    def _bytecode(self, member: tarfile.TarInfo, body: bytes) -> None:
        """As py_compile writes it: magic, flags, the source's time and size, code."""
        try:
            code = compile(body, f"/{member.name}", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):  # templates and test data
            return
        stamp = struct.pack("<4sLLL", importlib.util.MAGIC_NUMBER, 0, int(member.mtime), len(body))
        name = Path(member.name)
        tag = sys.implementation.cache_tag
        self._file(str(name.parent / "__pycache__" / f"{name.stem}.{tag}.pyc"), stamp + marshal.dumps(code))

    def _pip(self, wheel: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    self._file(f"usr/lib/python3/dist-packages/{name}", archive.read(name))
        script = "#!/usr/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
        for name in ("pip", "pip3"):
            self._file(f"usr/bin/{name}", script.encode(), 0o755)

    def _loader(self) -> None:
        """Newer packages bring the loader, but leave the link that programs name to `base-files`."""
        if "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" in self._seen:
            self._link("usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")

    def _applets(self, deb: Path) -> None:
        """A link for each of busybox's commands that no package brought."""
        for applet in _applet_names(deb):
            if f"usr/sbin/{applet}" not in self._seen:
                self._link(f"usr/bin/{applet}", "busybox")

    def _folder(self, name: str) -> None:
        info = tarfile.TarInfo(name)
        info.type = tarfile.DIRTYPE
        info.mode = 0o1777 if name in {"tmp", "var/tmp"} else 0o755
        self._add(info, b"")

    def _link(self, name: str, target: str) -> None:
        info = tarfile.TarInfo(name)
        info.type = tarfile.SYMTYPE
        info.linkname = target
        self._add(info, b"")

    def _file(self, name: str, body: bytes, mode: int = 0o644) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(body)
        info.mode = mode
        self._add(info, body)

    def _add(self, info: tarfile.TarInfo, body: bytes) -> None:
        if info.name in self._seen:
            return
        self._seen.add(info.name)
        info.uname = info.gname = ""
        info.pax_headers = {}
        self._tar.addfile(info, io.BytesIO(body) if info.isreg() else None)


@contextmanager
def _contents(deb: Path) -> Iterator[tarfile.TarFile]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as child:
        with tarfile.open(fileobj=child.stdout, mode="r|") as package:
            yield package
        if child.stdout:
            child.stdout.read()
    if child.returncode:
        raise LabError(f"{deb} is not a whole package: remove it and try again")


def _merged(name: str) -> str:
    """`./lib/x` -> `usr/lib/x`: packages of both sides of Debian's usr-merge land in one tree."""
    clean = name.removeprefix("./").strip("/")
    clean = "" if clean == "." else clean
    first = clean.partition("/")[0]
    return f"usr/{clean}" if first in _MERGED and clean != first else ("" if first in _MERGED else clean)


def _applet_names(deb: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder, _contents(deb) as package:
        for member in package:
            if member.isreg() and member.name.endswith("/bin/busybox"):
                body = package.extractfile(member)
                path = Path(folder, "busybox")
                path.write_bytes(body.read() if body else b"")
                path.chmod(0o755)
                return run([str(path), "--list"]).split()
    raise LabError(f"{deb} has no busybox in it")
