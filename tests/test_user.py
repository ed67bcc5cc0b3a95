"""Rules about people: whose role counts, how long a guess waits, which passwords are taken."""

import pytest

from pipeline.secret import Secret
from pipeline.user import LONGEST_WAIT, form_token, role_of, wait_after, weakness

ALLOW = {"acme": "viewer", "acme/ops": "admin", "acme/dev": "deployer"}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (("acme",), "viewer"),
        (("acme/ops", "acme"), "admin"),
        (("acme", "acme/dev"), "deployer"),
        (("ACME", "acme/ops/x", "other"), ""),
        ((), ""),
    ],
)
def test_the_highest_role_of_all_groups_counts(groups, role):
    assert role_of(groups, ALLOW) == role


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 2), (6, 4), (8, 16), (60, LONGEST_WAIT)]
)
def test_each_failure_doubles_the_wait_up_to_a_bound(failures, seconds):
    assert wait_after(failures, 5) == seconds


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "shorter than 10"),
        ("x" * 201, "longer than 200"),
        ("aaaaaaaaaaaa", "too easy"),
        ("adalovelace", "too easy"),
        ("four words that fit", ""),
        ("密码应该是一句很长的话", ""),
    ],
)
def test_a_password_is_long_and_not_the_name(password, said):
    assert said in weakness("AdaLovelace", Secret(password))
    assert bool(weakness("AdaLovelace", Secret(password))) == bool(said)


def test_the_form_token_does_not_tell_the_session():
    assert form_token("a") != form_token("b")
    assert "session-text" not in form_token("session-text")
