"""The contract of `pipeline.books.Secrets`: sealed, scoped, and given to nobody else."""

import pytest

from pipeline.errors import NotFound, Refused
from pipeline.secret import Secret
from pipeline.stored_secret import Scope, Use
from runners.store import Store

EVERYWHERE = Scope()
SHOP = Scope("shop")
ANY_PRODUCTION = Scope("", "production")
SHOP_PRODUCTION = Scope("shop", "production")


def given(
    books: Store, service="shop", environment="production", stage=Use.RUN, trusted=True
) -> dict[str, str]:
    found = books.secrets.values(service, environment, stage, trusted)
    return {name: value.reveal() for name, value in found.items()}


def test_a_secret_is_given_where_its_scope_reaches(books: Store):
    books.secrets.put("DB_URL", SHOP_PRODUCTION, Secret("postgres://p"), "ada")

    assert given(books) == {"DB_URL": "postgres://p"}
    assert given(books, environment="test") == {}
    assert given(books, service="blog") == {}
    assert given(books, environment="") == {}


@pytest.mark.parametrize("stage", Use)
@pytest.mark.parametrize("other", Use)
def test_a_secret_of_one_stage_is_given_in_no_other(books: Store, stage: Use, other: Use):
    books.secrets.put("DB_URL", Scope("shop", "production", stage), Secret("hush"), "ada")

    assert bool(given(books, stage=other)) is (stage is other)


def test_the_most_specific_one_wins(books: Store):
    values = {EVERYWHERE: "all", ANY_PRODUCTION: "production", SHOP: "shop", SHOP_PRODUCTION: "both"}
    seen = []
    for scope, value in values.items():
        books.secrets.put("KEY", scope, Secret(value), "ada")
        seen.append(given(books)["KEY"])

    assert seen == ["all", "production", "shop", "both"]


def test_code_that_is_not_trusted_gets_none(books: Store):
    for stage in Use:
        books.secrets.put("KEY", Scope("", "", stage), Secret("hush"), "ada")

    assert [given(books, stage=stage, trusted=False) for stage in Use] == [{}, {}, {}]


def test_a_value_is_replaced_and_the_list_says_who_did_it(books: Store):
    books.secrets.put("KEY", SHOP, Secret("one"), "ada")
    before = books.secrets.secrets()
    books.secrets.put("KEY", SHOP, Secret("two"), "bob")
    books.secrets.put("A", EVERYWHERE, Secret("three"), "ada")

    a, key = books.secrets.secrets()

    assert given(books)["KEY"] == "two"
    assert (a.name, key.name, key.scope, key.set_by) == ("A", "KEY", SHOP, "bob")
    assert key.set_at >= before[0].set_at
    assert "two" not in repr(key)


def test_a_removed_one_is_gone_and_told_by_its_scope(books: Store):
    books.secrets.put("KEY", SHOP, Secret("one"), "ada")

    with pytest.raises(NotFound, match=r"no secret KEY of shop/production \(run\)"):
        books.secrets.remove("KEY", SHOP_PRODUCTION)
    books.secrets.remove("KEY", SHOP)

    assert given(books) == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("1KEY", "x", "'1KEY' cannot be a variable's name"),
        ("A=xxx", "x", "Only the name"),
        ("KEY", "", "empty"),
        ("KEY", "a\0b", "NUL"),
        ("KEY", "x" * 65537, "larger than 64 KiB"),
    ],
)
def test_what_no_environment_can_hold_is_refused_without_saying_it(books: Store, name, value, words):
    with pytest.raises(Refused, match=words) as caught:
        books.secrets.put(name, SHOP, Secret(value), "ada")

    assert "xxx" not in str(caught.value)
    assert books.secrets.secrets() == []
