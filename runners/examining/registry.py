"""The registry: whether it answers, until when its certificate is good, and whether our login may pull and push there."""

from urllib.parse import urlsplit

import requests

from pipeline.errors import Rejected, ShipwayError
from pipeline.fleet.host import RegistryAccess
from runners.examining.certificates import judged, served
from runners.examining.finding import Finding, bad, ok, warn
from runners.registries import registry_of

TIMEOUT = 5.0
NAME = "registry"


def look_at_registry(registry: RegistryAccess, service: str) -> list[Finding]:
    """`service`: whose repository is tried; empty: there is none yet."""
    scheme = "http" if registry.insecure else "https"
    try:
        answer = requests.get(f"{scheme}://{registry.address}/v2/", timeout=TIMEOUT)
    except requests.RequestException as error:
        text = f"{registry.address} does not answer ({type(error).__name__})"
        return [bad(NAME, text, "start it, or correct registry.address in shipway.yml")]
    if answer.status_code not in (200, 401):
        text = f"{registry.address} answers {answer.status_code}: no registry of version 2"
        return [bad(NAME, text, "correct registry.address in shipway.yml")]
    if answer.status_code == 401 and registry.kind == "none":
        return [bad(NAME, f"{registry.address} wants a login", "set registry.auth in shipway.yml")]
    return [ok(NAME, f"{registry.address} answers"), *_certificate(registry), *_rights(registry, service)]


def _certificate(registry: RegistryAccess) -> list[Finding]:
    url = urlsplit(f"//{registry.address}")
    if registry.insecure or not url.hostname:
        return []
    until = served(url.hostname, url.port or 443)
    return judged(NAME, "its certificate", until, f"renew it at {registry.address}")


def _rights(registry: RegistryAccess, service: str) -> list[Finding]:
    """An upload is opened and given up at once: nothing stays."""
    if not service:
        return []
    repository, login = registry.repository(service), registry_of(registry)
    mend = f"give the login of registry.auth the right to it at {registry.address}"
    try:
        login.tags(repository)
    except ShipwayError as error:
        return [bad(NAME, f"our login may not pull {repository}: {error}", mend)]
    try:
        login.try_push(repository)
    except Rejected as error:
        return [bad(NAME, f"our login may not push to {repository}: {error}", mend)]
    except ShipwayError as error:
        return [
            warn(NAME, f"whether we may push to {repository} is not known: {error}", "type it again later")
        ]
    return [ok(NAME, f"our login may pull and push {repository}")]
