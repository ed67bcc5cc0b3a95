"""The contract of `pipeline.books.Tokens` and `Audit`."""

import pytest

from pipeline.caller import Caller
from pipeline.errors import Conflict, NotFound, Refused
from runners.store import Store


def test_a_token_tells_who_calls(books: Store):
    text = books.tokens.create("ci", "deployer", ["shop", "blog/test"])

    assert text.startswith("shw_")
    assert len(text) >= 47
    assert books.tokens.who(text) == Caller("ci", "deployer", ("shop", "blog/test"))
    assert books.tokens.who(text) == Caller("ci", "deployer", ("shop", "blog/test"))


@pytest.mark.parametrize("text", ["", "shw_", "shw_" + "x" * 43, "Bearer x", "shw_\0\ud800"])
def test_what_is_no_token_is_nobody(books: Store, text: str):
    books.tokens.create("ci", "deployer", [])

    assert books.tokens.who(text) is None


def test_two_tokens_differ_and_are_listed(books: Store):
    texts = {books.tokens.create(name, "viewer", []) for name in ("b", "a")}

    assert len(texts) == 2
    assert [caller.name for caller in books.tokens.tokens()] == ["a", "b"]


def test_a_revoked_token_is_nobody_and_its_name_is_free(books: Store):
    text = books.tokens.create("ci", "admin", [])

    books.tokens.revoke("ci")

    assert books.tokens.who(text) is None
    assert books.tokens.create("ci", "admin", []) != text
    with pytest.raises(NotFound, match="no token named 'x'"):
        books.tokens.revoke("x")


def test_a_name_stands_for_one_token(books: Store):
    books.tokens.create("ci", "admin", [])

    with pytest.raises(Conflict, match="'ci' already"):
        books.tokens.create("ci", "viewer", [])


@pytest.mark.parametrize(
    ("name", "role", "scopes", "words"),
    [
        ("ci", "root", [], "'root' is no role"),
        (" ", "admin", [], "needs a name"),
        ("ci", "admin", ["a/b/c"], "'a/b/c' is no scope"),
        ("ci", "admin", ["/b"], "'/b' is no scope"),
    ],
)
def test_nonsense_is_refused(books: Store, name: str, role: str, scopes: list[str], words: str):
    with pytest.raises(Refused, match=words):
        books.tokens.create(name, role, scopes)


def test_audit_lines_are_read_newest_first(books: Store):
    for number in range(3):
        books.audit.note("api:mia", "rollback", f"shop/{number}", "to 4")

    lines = books.audit.entries(limit=2)

    assert [line["target"] for line in lines] == ["shop/2", "shop/1"]
    assert set(lines[0]) == {"id", "at", "actor", "action", "target", "detail"}
    assert [line["target"] for line in books.audit.entries(before=lines[1]["id"])] == ["shop/0"]
