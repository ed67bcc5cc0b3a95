"""What of a webhook is kept and shown: never its proof, nor a secret that somebody wrote into it. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote_plus

from pipeline.fleet.service import Service

PROOFS = (
    *("authorization", "cookie", "token", "signature", "secret", "password", "credential"),
    *("api-key", "apikey"),
)  # parts of header names that are not kept
HIDDEN = "***"
SHORTEST = 8  # characters; what is shorter may be a word of the body, such as main
USERINFO = re.compile(rb"(://)[^/\s\"'@:]*:[^/\s\"'@]+@")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _kept_header(value) for name, value in headers.items() if not _proves(name)}


def kept_body(body: bytes, services: Iterable[Service]) -> bytes:
    """Without the secrets of these services, as JSON or a form writes them, and without passwords in addresses."""
    for form in _forms(services):
        body = body.replace(form, HIDDEN.encode())
    return USERINFO.sub(rb"\1***@", body) if b"@" in body else body


def _kept_header(value: str) -> str:
    if "@" not in value:
        return value
    return kept_body(value.encode("utf-8", "surrogateescape"), ()).decode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _proves(name: str) -> bool:
    return any(part in name.lower() for part in PROOFS)


def _forms(services: Iterable[Service]) -> Iterator[bytes]:
    for service in services:
        repository = service.repository
        for secret in (repository.secret, repository.signing, repository.token):
            text = secret.reveal()
            if len(text) >= SHORTEST:
                yield from _forms_of(text)


@lru_cache(maxsize=1024)
def _forms_of(text: str) -> frozenset[bytes]:
    plain = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    found = plain | {quote_plus(one, errors="surrogatepass") for one in plain}
    return frozenset(text.encode("utf-8", "surrogatepass") for text in found)
