"""Stylesheet and scripts: read once, named by what is in them, kept by browsers for a year.

An address carries a digest of the content, so that a new version is a new address.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from flask import Flask, Response, abort, request

from pipeline.assets import templates_dir

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    mark: str
    kind: str
    content: bytes = field(repr=False)
    packed: bytes = field(repr=False)


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    folder = templates_dir() / "web" / "static"
    return {
        path.name: _asset(path.read_bytes(), KINDS[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in KINDS
    }


def address(name: str) -> str:
    return f"/static/{assets()[name].mark}/{name}"


def mount(app: Flask) -> None:
    @app.get("/static/<mark>/<name>", endpoint="GET /static/{mark}/{name}")
    def static(mark: str, name: str) -> Response:
        """An old address is not answered with what it never named."""
        found = assets().get(name)
        if found is None or found.mark != mark:
            abort(404)
        packs = request.accept_encodings.quality("gzip") > 0
        response = Response(found.packed if packs else found.content, mimetype=found.kind)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["Vary"] = "Accept-Encoding"
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        return response


def _asset(content: bytes, kind: str) -> Asset:
    return Asset(hashlib.sha256(content).hexdigest()[:16], kind, content, gzip.compress(content, mtime=0))
