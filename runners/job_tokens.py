"""Tokens of Shipway's own, and beside them id_tokens of CI jobs, where shipway.yml admits any."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from threading import Lock
from typing import Any

from pipeline.books import Tokens
from pipeline.caller import Caller
from pipeline.errors import BadConfig, BadSignature
from pipeline.fleet.service import Service
from pipeline.intake.job import admit
from pipeline.settings import Settings
from runners.forge_address import web_address

JWT = "eyJ"  # `{"` in base64: how each begins, and none of ours
KEYS = "/oauth/discovery/keys"  # of GitLab


def with_jobs(tokens: Tokens, settings: Settings) -> Tokens:
    trusting = [service for service in settings.services.values() if service.repository.jobs is not None]
    return JobTokens(tokens, trusting, settings.server.url) if trusting else tokens


class JobTokens:
    """Implements `pipeline.books.Tokens`. Keys are fetched when the first id_token comes."""

    def __init__(self, tokens: Tokens, services: Sequence[Service], url: str) -> None:
        self._tokens = tokens
        self._services = services
        self._url = url
        self._issuers: dict[str, Any] = {}
        self._lock = Lock()

    def who(self, text: str) -> Caller | None:
        if not text.startswith(JWT):
            return self._tokens.who(text)
        proof = _proof()
        issuer = proof.issuer_of(text)
        services = [service for service in self._services if _issuer(service) == issuer]
        if not services:
            raise BadSignature(
                f"No service here takes id_tokens of {issuer!r}. Write it as `jobs.issuer` of the repository."
            )
        claims: Mapping[str, object] = self._keys(issuer, proof).claims(
            text, self._audiences(services), issuer
        )
        audience = claims["aud"]
        return admit(claims, [service for service in services if self._audience(service) == audience])

    def create(self, name: str, role: str, scopes: Sequence[str]) -> str:
        return self._tokens.create(name, role, scopes)

    def tokens(self) -> list[Caller]:
        return self._tokens.tokens()

    def revoke(self, name: str) -> None:
        self._tokens.revoke(name)

    def _keys(self, issuer: str, proof: Any) -> Any:
        """The address is of shipway.yml, never of the token."""
        with self._lock:
            if issuer not in self._issuers:
                self._issuers[issuer] = proof.Keys(f"{issuer}{KEYS}")
            return self._issuers[issuer]

    def _audiences(self, services: Sequence[Service]) -> list[str]:
        return sorted({self._audience(service) for service in services})

    def _audience(self, service: Service) -> str:
        jobs = service.repository.jobs
        return (jobs.audience if jobs else "") or self._url


def _issuer(service: Service) -> str:
    jobs = service.repository.jobs
    return ((jobs.issuer if jobs else "") or web_address(service.repository)).rstrip("/")


def _proof() -> Any:
    try:
        return import_module("runners.id_token")
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"id_tokens need the Python package {error.name}, which is not installed where Shipway runs. Install it: "
            "pip install 'shipway[gitlab]'."
        ) from error
