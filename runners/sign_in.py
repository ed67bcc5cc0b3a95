"""People who sign in with GitLab: OpenID Connect's code flow with PKCE, state and nonce. Decides no role.

The groups come from the userinfo answer, which names every group that somebody is a member of; id_tokens may leave some out.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hmac import compare_digest
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import requests

from pipeline.errors import BadConfig, BadSignature, Unreachable
from pipeline.people import Provider
from pipeline.settings import Server
from pipeline.user import GitLabSignIn, Person

TIMEOUT = (5, 10)  # seconds to connect, to answer
KEYS = "/oauth/discovery/keys"
NEEDED = ["exp", "iat", "iss", "aud", "sub", "nonce"]


def providers_of(server: Server) -> Mapping[str, Provider]:
    """Nobody is offered an application without its secret."""
    gitlab = server.gitlab
    return {"gitlab": GitLabPeople(gitlab)} if gitlab is not None and gitlab.client_secret else {}


class GitLabPeople:
    """Implements `pipeline.people.Provider`. Keys are fetched at each sign-in: those are rare."""

    def __init__(self, gitlab: GitLabSignIn) -> None:
        self._gitlab = gitlab

    def address(self, back: str, state: str, nonce: str, verifier: str) -> str:
        asked = {
            "client_id": self._gitlab.client_id,
            "redirect_uri": back,
            "response_type": "code",
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._gitlab.url}/oauth/authorize?{urlencode(asked)}"

    def person(self, code: str, back: str, nonce: str, verifier: str) -> Person:
        tokens = self._tokens(code, back, verifier)
        claims = self._claims(str(tokens.get("id_token", "")))
        if not compare_digest(str(claims["nonce"]), nonce):
            raise BadSignature("GitLab's answer belongs to another sign-in. Begin again.")
        told = self._asked(
            "GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        )
        if told.get("sub") != claims["sub"]:
            raise BadSignature("GitLab tells of two different people in one sign-in. Begin again.")
        groups = told.get("groups")
        name = str(told.get("preferred_username") or told.get("nickname") or "")
        return Person(
            str(claims["sub"]), name, tuple(str(g) for g in groups) if isinstance(groups, list) else ()
        )

    def _tokens(self, code: str, back: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._gitlab.client_id,
            "client_secret": self._gitlab.client_secret.reveal(),
            "code_verifier": verifier,
        }
        return self._asked("POST", "/oauth/token", data=form)

    def _claims(self, id_token: str) -> dict[str, Any]:
        try:
            proof = import_module("runners.id_token")
        except ModuleNotFoundError as error:
            raise BadConfig(
                f"Signing in with GitLab needs the Python package {error.name}, which is not installed where Shipway runs. "
                "Install it: pip install 'shipway[gitlab]'."
            ) from error
        keys = proof.Keys(f"{self._gitlab.url}{KEYS}")
        found: dict[str, Any] = keys.claims(id_token, [self._gitlab.client_id], self._gitlab.url, NEEDED)
        return found

    def _asked(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        """Redirects are refused: what is sent here is for that address alone."""
        try:
            answer = requests.request(
                method, f"{self._gitlab.url}{path}", timeout=TIMEOUT, allow_redirects=False, **sent
            )
        except requests.RequestException as error:
            raise Unreachable(
                f"GitLab at {self._gitlab.url} does not answer, so nobody can sign in by it."
            ) from error
        if answer.status_code >= 500:
            raise Unreachable(
                f"GitLab at {self._gitlab.url} answers {answer.status_code}. Sign in again in a moment."
            )
        if answer.status_code != 200:
            raise BadSignature(f"GitLab did not accept this sign-in ({answer.status_code}). Begin again.")
        try:
            body = answer.json()
        except ValueError as error:
            raise BadSignature(f"What GitLab answered to {path} is not JSON. Is its `url` right?") from error
        return body if isinstance(body, dict) else {}


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
