"""Proves an id_token (RS256): the issuer's published key, issuer, audience, time. Decides nothing about its claims."""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    InvalidAudienceError,
    InvalidTokenError,
    PyJWKClientConnectionError,
    PyJWKClientError,
)

from pipeline.errors import BadSignature, Unreachable

ALGORITHMS = ["RS256"]
NEEDED = ["exp", "iat", "nbf", "iss", "aud", "sub", "jti", "project_id"]
LEEWAY = 30.0  # seconds that two clocks may differ
KEPT = 300  # seconds that keys are taken for current
TIMEOUT = 5


def issuer_of(text: str) -> str:
    """What it claims; to choose among those that are trusted, and for nothing else."""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except InvalidTokenError as error:
        raise BadSignature(f"This is no id_token: {error}.") from error
    return str(claims.get("iss", "")).rstrip("/")


class Keys:
    """The published keys of one issuer. An unknown key id does not make us fetch them more than twice a minute."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = jwt.PyJWKClient(
            url, cache_keys=False, lifespan=KEPT, timeout=TIMEOUT, ssl_context=_authorities()
        )

    def claims(
        self, text: str, audiences: Sequence[str], issuer: str, needed: Sequence[str] = NEEDED
    ) -> dict[str, Any]:
        """Raises `BadSignature`, or `Unreachable` when the keys cannot be had."""
        try:
            key = self._client.get_signing_key_from_jwt(text).key
            found: dict[str, Any] = jwt.decode(
                text,
                key,
                algorithms=ALGORITHMS,
                audience=audiences,
                issuer=[issuer, f"{issuer}/"],
                leeway=LEEWAY,
                options={"require": list(needed)},
            )
        except PyJWKClientConnectionError as error:
            raise Unreachable(
                f"The keys at {self._url} cannot be fetched ({error}), so no id_token can be proved."
            ) from error
        except PyJWKClientError as error:
            raise BadSignature(
                f"The id_token is signed with a key that {self._url} does not publish."
            ) from error
        except ExpiredSignatureError as error:
            raise BadSignature("The id_token has expired: its job is over, or the clocks differ.") from error
        except InvalidAudienceError as error:
            raise BadSignature(
                f"The id_token is for somebody else. Write `aud: {audiences[0]}` in the job's `id_tokens`."
            ) from error
        except InvalidTokenError as error:
            raise BadSignature(f"The id_token does not hold: {error}.") from error
        if not isinstance(found["aud"], str):
            raise BadSignature("The id_token is for several audiences; let it name one.")
        return found


def _authorities() -> ssl.SSLContext:
    """The same that requests believes."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE", "")
    return ssl.create_default_context(cafile=bundle if bundle and Path(bundle).is_file() else None)
