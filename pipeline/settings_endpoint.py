"""Addresses of clouds' APIs in `shipway.yml`."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from pipeline.units import Word

UNSAFE = "is not an address of an API; write https://host, plain http:// only for 127.0.0.1"


def is_safe(endpoint: str) -> bool:
    """https, or http that stays on this machine: requests are signed, but what is in them is not for everybody."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https":
        return bool(parts.hostname) and not parts.username
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _checked(endpoint: str) -> str:
    if endpoint and not is_safe(endpoint):
        raise ValueError(UNSAFE)
    return endpoint


Endpoint = Annotated[Word, AfterValidator(_checked)]
