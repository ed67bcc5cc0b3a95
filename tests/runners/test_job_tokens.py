"""Which id_tokens are proved: one good, and every way to forge or misuse one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from pipeline.caller import Caller
from pipeline.errors import BadSignature, Forbidden, Unreachable
from pipeline.fleet.service import CiJobs, Environment, Repository, Service
from pipeline.settings import Server, Settings
from runners.job_tokens import JobTokens, with_jobs
from runners.own_store import store_of
from tests.forge.gitlab import FakeGitLab, Outage, fake_gitlab
from tests.forge.gitlab_jobs import new_key

DOOR = "https://shipway.example.com"
COMMIT = "c" * 40


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path) as server:
        server.project("acme/shop")
        yield server


class Own:
    """Shipway's own tokens: one."""

    def create(self, name: str, role: str, scopes: Any) -> str:
        return f"made {name}"

    def who(self, text: str) -> Caller | None:
        return Caller("ada", "admin") if text == "shw_ada" else None

    def tokens(self) -> list[Caller]:
        return [Caller("ada", "admin")]

    def revoke(self, name: str) -> None: ...


def settings(gitlab: FakeGitLab, **jobs: Any) -> Settings:
    number = gitlab.projects["acme/shop"].id
    production = Environment("shop", "production", (), branches=("main",))
    repository = Repository(f"{gitlab.url}/acme/shop.git", "gitlab", "acme/shop", jobs=CiJobs(number, **jobs))
    shop = Service("shop", repository, environments={"production": production})
    return Settings(server=Server(url=DOOR), services={"shop": shop})


def tokens(gitlab: FakeGitLab, **jobs: Any) -> JobTokens:
    made = with_jobs(Own(), settings(gitlab, **jobs))
    assert isinstance(made, JobTokens)
    return made


def job(gitlab: FakeGitLab, audience: str = DOOR, **claims: Any) -> str:
    return gitlab.id_token(gitlab.projects["acme/shop"], audience, COMMIT, **claims)


def test_a_job_of_the_project_is_known(gitlab: FakeGitLab):
    caller = tokens(gitlab).who(job(gitlab))

    assert caller is not None
    assert (caller.name, caller.scopes, caller.commit) == ("gitlab job 77", ("shop/production",), COMMIT)


def test_shipways_own_tokens_are_as_they_were(gitlab: FakeGitLab):
    both = tokens(gitlab)

    assert both.who("shw_ada") == Caller("ada", "admin")
    assert both.who("shw_eve") is None
    assert (both.create("x", "admin", ()), [caller.name for caller in both.tokens()]) == ("made x", ["ada"])


def test_without_jobs_in_the_file_nothing_is_in_between(gitlab: FakeGitLab):
    plain = settings(gitlab)
    shop = plain.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, jobs=None))
    own = Own()

    assert with_jobs(own, replace(plain, services={"shop": shop})) is own


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"exp": 1_000_000_000}, "expired"),
        ({"nbf": 9_000_000_000}, "not yet valid"),
        ({"jti": None}, "jti"),
        ({"exp": None}, "exp"),
        ({"project_id": None}, "project_id"),
        (
            {"iss": "https://evil.example.com"},
            "No service here takes id_tokens of 'https://evil.example.com'",
        ),
    ],
)
def test_a_token_whose_claims_do_not_hold_is_refused(
    gitlab: FakeGitLab, changes: dict[str, Any], wanted: str
):
    with pytest.raises(BadSignature, match=wanted):
        tokens(gitlab).who(job(gitlab, **changes))


def test_a_token_for_somebody_else_is_refused_and_told_what_to_write(gitlab: FakeGitLab):
    with pytest.raises(BadSignature, match=f"`aud: {DOOR}`"):
        tokens(gitlab).who(job(gitlab, "https://vault.example.com"))


def test_a_token_for_several_is_refused(gitlab: FakeGitLab):
    with pytest.raises(BadSignature, match="several"):
        tokens(gitlab).who(job(gitlab, aud=[DOOR, "https://vault.example.com"]))


def test_an_audience_of_its_own_is_asked_for(gitlab: FakeGitLab):
    assert tokens(gitlab, audience="shipway").who(job(gitlab, "shipway"))


def test_an_issuer_of_its_own_is_asked_for(gitlab: FakeGitLab):
    with pytest.raises(BadSignature, match="No service here takes"):
        tokens(gitlab, issuer="https://issuer.example.com").who(job(gitlab))


def test_a_key_that_is_not_published_is_refused(gitlab: FakeGitLab):
    forged = jwt.encode(
        jwt.decode(job(gitlab), options={"verify_signature": False}), new_key(), "RS256", {"kid": "key-1"}
    )

    with pytest.raises(BadSignature, match="Signature verification failed"):
        tokens(gitlab).who(forged)


def test_unknown_keys_do_not_make_us_fetch_again_and_again(gitlab: FakeGitLab):
    asked, claims = tokens(gitlab), jwt.decode(job(gitlab), options={"verify_signature": False})
    asked.who(job(gitlab))
    key = new_key()
    for number in range(20):
        with pytest.raises(BadSignature, match="does not publish"):
            asked.who(jwt.encode(claims, key, "RS256", {"kid": f"bogus-{number}"}))

    assert gitlab.jobs.fetched <= 2


def test_no_signature_is_refused(gitlab: FakeGitLab):
    claims = jwt.decode(job(gitlab), options={"verify_signature": False})

    with pytest.raises(BadSignature, match="alg value is not allowed"):
        tokens(gitlab).who(jwt.encode(claims, None, "none", {"kid": "key-1"}))


def test_the_public_key_is_no_shared_secret(gitlab: FakeGitLab):
    """The old confusion: HS256, keyed with what everybody may read."""
    public = gitlab.jobs.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = jwt.decode(job(gitlab), options={"verify_signature": False})
    head, body = (_b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "key-1"}, claims))
    proof = _b64(hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest())

    with pytest.raises(BadSignature, match="alg value is not allowed"):
        tokens(gitlab).who(f"{head}.{body}.{proof}")


@pytest.mark.parametrize("text", ["eyJ", "eyJx.y.z", "eyJhbGciOiJSUzI1NiJ9..", "eyJ" + "." * 50])
def test_what_is_no_token_at_all_is_refused(gitlab: FakeGitLab, text: str):
    with pytest.raises(BadSignature):
        tokens(gitlab).who(text)


def test_keys_that_cannot_be_fetched_are_no_refusal(gitlab: FakeGitLab):
    gitlab.outage = Outage(503)

    with pytest.raises(Unreachable, match="cannot be fetched"):
        tokens(gitlab).who(job(gitlab))


def test_a_job_of_another_project_is_known_and_refused(gitlab: FakeGitLab):
    other = gitlab.project("acme/other")

    with pytest.raises(Forbidden, match="No service takes jobs of project"):
        tokens(gitlab).who(gitlab.id_token(other, DOOR, COMMIT))


def test_the_books_tokens_stay_reachable(gitlab: FakeGitLab, tmp_path: Path):
    store = store_of(Server(data=str(tmp_path / "data")))
    store.migrate()
    both = with_jobs(store.tokens, settings(gitlab))

    found = both.who(both.create("ci", "viewer", ()))

    store.close()
    assert found == Caller("ci", "viewer")


def test_proving_one_takes_little(gitlab: FakeGitLab):
    """Each look of a job at its run proves its token again: keys are fetched once."""
    asked, text = tokens(gitlab), job(gitlab)
    for _ in range(50):
        asked.who(text)

    assert gitlab.jobs.fetched == 1


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
