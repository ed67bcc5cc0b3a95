"""Somebody falls asleep in the middle of a switch of a real proxy, another one switches on, and then the first wakes up.

Wherever the sleep begins, what the sleeper goes on to do is refused on the host itself and changes nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.errors import Outdated
from pipeline.fleet.proxy import Proxy
from runners.proxies.container import SiteContainer
from tests.load.session import Load, standard
from tests.parts.fleet import Fleet, ask, until
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
TOUCHING = ("ask", "put", "_told", "signal", "processes")  # all by which a switch reaches the host
MOST = 40  # touches of a switch, at the very most


class Sleeper:
    """Before touch `at` of the host, `meanwhile` happens, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self._left = 0
        for name in TOUCHING:
            monkeypatch.setattr(SiteContainer, name, self._sleepy(getattr(SiteContainer, name)))

    def sleeps(self, at: int, meanwhile: Callable[[], None]) -> None:
        self._left, self.meanwhile = at, meanwhile

    @property
    def slept(self) -> bool:
        return self._left == 0

    def _sleepy(self, touch: Callable[..., Any]) -> Callable[..., Any]:
        def then(*words: Any, **named: Any) -> Any:
            if self._left:
                self._left -= 1
                if not self._left:
                    self.meanwhile()
            return touch(*words, **named)

        return then


@pytest.fixture
def fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


@pytest.fixture(params=["haproxy", "nginx"])
def proxy(request: pytest.FixtureRequest, fleet: Fleet) -> Proxy:
    return fleet.front(request.param)


def test_who_slept_anywhere_in_a_switch_changes_nothing_when_it_wakes(
    fleet: Fleet, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    stale, fresh = fleet.up(1, 1), fleet.up(2, 1)
    at, sleeper, generation, refused = f"{fleet.host.address}:{proxy.listen}", Sleeper(monkeypatch), 1, 0
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 1, fresh))
    with Load(standard([at], rate=50)) as load:
        for touch in range(1, MOST):
            newer = fleet.wanted(proxy, generation + 2, fresh)
            sleeper.sleeps(touch, lambda newer=newer: fleet.proxies.serve(proxy, fleet.host, newer))
            try:
                fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, generation + 1, stale, fresh))
            except Outdated:
                refused += 1
            if not sleeper.slept:
                break
            seen = fleet.proxies.seen(proxy, fleet.host)
            assert (seen.generation, seen.error) == (generation + 2, ""), touch
            assert seen.serves(fresh[0]), touch
            assert not seen.serves(stale[0]), touch
            assert ask(at) == (200, "version 2\n"), touch
            generation += 2
        counts = load.stop()

    assert refused >= 3
    assert touch < MOST - 1
    assert counts.failed == 0, counts


def test_who_slept_before_the_first_start_leaves_the_file_of_the_next_one(fleet: Fleet, proxy: Proxy):
    stale, fresh = fleet.up(1, 1), fleet.up(2, 1)
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 5, fresh))
    fleet.reach.client(fleet.host).stop(fleet.container(proxy), timeout=5)

    with pytest.raises(Outdated, match="it has generation 5, and this was generation 4"):
        fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 4, stale))

    fleet.reach.client(fleet.host).start(fleet.container(proxy))
    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).generation == 5)
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 5, fresh))
    assert ask(f"{fleet.host.address}:{proxy.listen}") == (200, "version 2\n")
