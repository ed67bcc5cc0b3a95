"""The dashboard of a real `shipway up`: the first user's link, and a run started on a page, seen on another as it moves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.parts.repository import SampleRepository
from tests.parts.workshop import Workshop

pytestmark = pytest.mark.live

PASSWORD = "correct horse battery staple"


@pytest.fixture
def workshop(tmp_path: Path, shop: SampleRepository) -> Iterator[Workshop]:
    shop.commit("v1")
    shop.push()
    made = Workshop(tmp_path / "house", shop.remote)
    made.start()
    yield made
    if made.process:
        made.kill()


@pytest.fixture
def browser(workshop: Workshop) -> requests.Session:
    """The first user, by the link that `up` printed."""
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"Accept": "text/html", "Origin": workshop.url})
    ticket = re.search(r"/welcome\?ticket=(\S+)", workshop.log(100_000))[1]
    form = {"ticket": ticket, "name": "ada", "password": PASSWORD}
    session.post(f"{workshop.url}/welcome", data=form, timeout=10).raise_for_status()
    return session


def test_a_run_started_on_a_page_is_seen_on_another_as_it_moves(
    workshop: Workshop, browser: requests.Session
) -> None:
    page = browser.get(f"{workshop.url}/services/{workshop.service}", timeout=10).text
    token = re.search(r'name="form_token" value="([^"]+)"', page)[1]
    events = {"Accept": "text/event-stream"}
    with browser.get(f"{workshop.url}/live", headers=events, stream=True, timeout=20) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        path = re.search(r'action="(/services/[^"]+/runs)"', page)[1]

        asked = browser.post(
            f"{workshop.url}{path}",
            data={"form_token": token, "ref": "main"},
            allow_redirects=False,
            timeout=10,
        )

        assert asked.status_code == 303
        assert any(f'href="{asked.headers["Location"]}"' in line for line in lines)
    audit = workshop.get("/audit")["entries"]
    assert [one["actor"] for one in audit if one["action"] == "run.start"] == ["user:ada"]


def test_the_server_ends_in_order_while_somebody_looks(workshop: Workshop, browser: requests.Session) -> None:
    events = {"Accept": "text/event-stream"}
    with browser.get(f"{workshop.url}/live", headers=events, stream=True, timeout=20) as stream:
        next(stream.iter_lines())

        workshop.stop()  # raises when it does not end within ten seconds

    assert "requests abandoned" not in workshop.log(100_000)
