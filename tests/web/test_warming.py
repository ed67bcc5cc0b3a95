"""Before the first page."""

from dataclasses import replace

from pipeline.delivery.run import NewRun
from pipeline.errors import Unreachable
from pipeline.rollout.deployment import Status
from pipeline.web.pages.render import environment
from pipeline.web.warming import warm
from tests.web.conftest import COMMIT, House
from tests.web.test_deployments import bring


def test_all_templates_are_compiled_and_no_host_is_asked(house: House):
    bring(house, house.release().number, Status.SUCCEEDED)
    house.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:ada"))
    asked: list[str] = []
    house.ports.engines.look = lambda host, *_: asked.append(host.name)
    environment.cache_clear()

    warm(house.ports)

    made = environment()
    assert made.cache is not None
    assert {name for _, name in made.cache} == set(made.list_templates())
    assert asked == []
    assert house.store.audit.entries() == []


def test_books_that_do_not_answer_end_nothing(house: House, caplog):
    class Away:
        def session(self, text: str) -> None:
            raise Unreachable("The database is away.")

    warm(replace(house.ports, sessions=Away()))

    assert "first pages take longer" in caplog.text
