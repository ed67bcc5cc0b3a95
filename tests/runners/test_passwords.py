"""What a password's hash costs who guesses; all other tests have a cheaper one from tests/conftest.py."""

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from pipeline.secret import Secret
from runners import passwords
from runners.passwords import HASHER as REAL  # read before any test begins, so not the tests' own

RIGHT, WRONG = Secret("correct horse battery staple"), Secret("correct horse battery stable")


@pytest.fixture
def _real(monkeypatch):
    """The price is in the hash, and the hasher is the module's: there is no other way to it than to put it back."""
    monkeypatch.setattr(passwords, "HASHER", REAL)
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


def owasp(kept: str) -> bool:
    """https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id names the least."""
    price = extract_parameters(kept)
    return price.type is Type.ID and price.memory_cost >= 19 * 1024 and price.time_cost >= 2


@pytest.mark.usefixtures("_real")
def test_a_kept_password_costs_a_thief_at_least_what_owasp_asks_for():
    assert owasp(passwords.hashed(RIGHT))


@pytest.mark.usefixtures("_real")
def test_a_guess_at_a_user_whom_nobody_knows_costs_as_much_as_any_other():
    kept, nobodys = passwords.hashed(RIGHT), passwords._nobody()

    assert extract_parameters(nobodys) == extract_parameters(kept)


@pytest.mark.usefixtures("_real")
def test_only_the_right_password_holds():
    kept = passwords.hashed(RIGHT)

    assert passwords.holds(kept, RIGHT)
    assert not passwords.holds(kept, WRONG)


@pytest.mark.parametrize("kept", ["", "no hash at all"])
def test_no_password_holds_for_who_has_none(kept):
    assert not passwords.holds(kept, Secret("nobody's"))
