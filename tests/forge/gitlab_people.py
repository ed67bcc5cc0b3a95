"""GitLab as an OpenID Connect provider, by its documentation: /oauth/authorize, token, userinfo, published keys.

Strict: a code is good once, for the client, redirect address and PKCE verifier that it was made for.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "shipway", "client-secret-of-shipway"


@cache
def _key() -> Any:
    """One for all that run: it is slow to find."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class GitLab:
    """`person` is who signs in next; what is in `lies` replaces claims of the id_token."""

    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "7", "preferred_username": "mia", "groups": ["acme"]}
    )
    lies: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # of userinfo
    url: str = ""
    key: Any = field(default_factory=_key)
    signer: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def consent(self, address: str) -> dict[str, str]:
        """A person at `address` agrees: what the browser brings back."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.url}/oauth/authorize"
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert {"openid", "profile"} <= set(asked["scope"].split())
        code = secrets.token_hex(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": self.person["sub"], "nonce": asked["nonce"]}
        claims |= {"iat": now, "exp": now + 120, "auth_time": now} | self.lies
        access = secrets.token_hex(16)
        self.tokens.add(access)
        id_token = jwt.encode(claims, self.signer or self.key, "RS256", headers={"kid": "1"})
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": id_token}

    def keys(self) -> dict[str, Any]:
        published = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [published | {"kid": "1", "use": "sig", "alg": "RS256"}]}


@contextmanager
def running_gitlab() -> Iterator[GitLab]:
    gitlab = GitLab()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/oauth/discovery/keys":
                return self._say(200, gitlab.keys())
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            if self.path == "/oauth/userinfo" and scheme == "Bearer" and token in gitlab.tokens:
                return self._say(200, gitlab.person | gitlab.told)
            return self._say(401, {"error": "invalid_token"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*(gitlab.token(form) if self.path == "/oauth/token" else (404, {})))

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    gitlab.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield gitlab
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
