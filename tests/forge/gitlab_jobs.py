"""The fake GitLab's CI jobs, as far as Shipway meets them: id_tokens, signed with keys that are published."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.forge.gitlab_project import Project

Claims = dict[str, Any]


class JobIssuer:
    """Makes its key when it is first needed: that takes a while."""

    def __init__(self) -> None:
        self.fetched = 0  # so often its keys were asked for
        self._key: rsa.RSAPrivateKey | None = None
        self.name = "key-1"

    @property
    def key(self) -> rsa.RSAPrivateKey:
        self._key = self._key or new_key()
        return self._key

    def keys(self) -> Claims:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": self.name, "use": "sig", "alg": "RS256"}]}

    def token(self, issuer: str, audience: str, project: Project, commit: str, changes: Claims) -> str:
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": f"project_path:{project.path}:ref_type:branch:ref:main",
            "aud": audience,
            "exp": now + 300,
            "nbf": now - 5,
            "iat": now,
            "jti": "0b7f9b3e-1",
            "project_id": str(project.id),
            "project_path": project.path,
            "user_login": "mia",
            "pipeline_id": "1001",
            "pipeline_source": "push",
            "job_id": "77",
            "ref": "main",
            "ref_type": "branch",
            "ref_path": "refs/heads/main",
            "ref_protected": "true",
            "environment": "production",
            "sha": commit,
        }
        held = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(held, self.key, algorithm="RS256", headers={"kid": self.name})


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
