"""What `doctor` says of a registry: whether it answers, and whether our login may pull and push."""

from typing import Any

import pytest

from pipeline.fleet.host import RegistryAccess
from runners.examining.registry import look_at_registry
from tests.runners.registries.test_distribution import Told, told  # noqa: F401 - a fixture

OPEN: dict[str, tuple[int, dict[str, str], Any]] = {
    "GET /v2/": (200, {}, {}),
    "GET /v2/acme/shop/tags/list?n=500": (200, {}, {"tags": []}),
    "POST /v2/acme/shop/blobs/uploads/": (202, {"Location": "/v2/acme/shop/blobs/uploads/7?_state=x"}, {}),
    "DELETE /v2/acme/shop/blobs/uploads/7?_state=x": (204, {}, {}),
}
DENIED = (403, {}, {"errors": [{"code": "DENIED"}]})


def looked(told: Told, **changes: Any) -> list[tuple[str, str]]:  # noqa: F811
    told.answers = OPEN | changes
    access = RegistryAccess(told.address, "acme", insecure=True)
    return [(str(found.level), found.text) for found in look_at_registry(access, "shop")]


def test_a_login_that_may_all_is_well_and_leaves_nothing_behind(told: Told):  # noqa: F811
    assert [level for level, _ in looked(told)] == ["ok", "ok"]
    assert told.asked[-1][0] == "DELETE /v2/acme/shop/blobs/uploads/7?_state=x"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("GET /v2/acme/shop/tags/list?n=500", "may not pull"),
        ("POST /v2/acme/shop/blobs/uploads/", "may not push to"),
    ],
)
def test_a_login_that_may_not_is_told(told: Told, call: str, said: str):  # noqa: F811
    (_, (level, text)) = looked(told, **{call: DENIED})

    assert (level, said in text) == ("bad", True)


def test_a_registry_that_fails_at_the_moment_blames_no_login(told: Told):  # noqa: F811
    (_, (level, text)) = looked(told, **{"POST /v2/acme/shop/blobs/uploads/": (503, {}, {})})

    assert (level, "is not known" in text) == ("warn", True)


@pytest.mark.parametrize(
    ("answer", "said"), [((404, {}, {}), "no registry of version 2"), ((401, {}, {}), "wants a login")]
)
def test_what_is_no_registry_or_wants_a_login_is_told(told: Told, answer: Any, said: str):  # noqa: F811
    ((level, text),) = looked(told, **{"GET /v2/": answer})

    assert (level, said in text) == ("bad", True)


def test_nobody_there_is_told():
    (finding,) = look_at_registry(RegistryAccess("127.0.0.1:1", insecure=True), "shop")

    assert (finding.level, "does not answer" in finding.text) == ("bad", True)
    assert finding.mend
