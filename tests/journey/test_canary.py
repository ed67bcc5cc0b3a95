"""No secret gets out: unique values wherever one can be configured, whole deliveries good and bad, then a search."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.delivery.report import CommandResult
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.errors import BadConfig
from pipeline.ports import Ports
from pipeline.rollout.deployment import Status
from pipeline.secret import Secret
from pipeline.settings_file import all_secrets
from pipeline.stored_secret import Scope, Use
from pipeline.web.api import CALLS
from pipeline.web.app import create_app
from runners.forges import Forges
from runners.log_store import FileLogs
from runners.stand_ins.delivery import MemorySource
from runners.stand_ins.fleet import WorldMetrics, WorldProbe, WorldProxies
from runners.stand_ins.things import Quality
from runners.stand_ins.time import InlineHands, VirtualClock
from runners.stand_ins.world import World
from runners.store import open_store
from tests.journey.estate import COMMIT, EVERYTHING, Estate, LoudBuilder, LoudEngines, everywhere, settings_of
from tests.parts.canaries import Canaries
from tests.runners.forges.bodies import BODIES, EVENTS, proof
from tests.web.test_access import url


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    canary, clock, woken, told = Canaries(), VirtualClock(), list[object](), list[str]()
    settings = settings_of(canary)
    store = open_store(f"sqlite:///{tmp_path}/data/shipway.db", str(tmp_path / "data" / "keys"))
    store.migrate()
    for use in Use:
        store.secrets.put(f"KEPT_{use.upper()}", Scope("shop", "", use), Secret(canary(f"kept-{use}")), "ada")
    store.secrets.put("DEMANDED", Scope("shop", "production"), Secret(canary("demanded")), "ada")
    world, builder = World(["web-1"], clock), LoudBuilder()
    logs = FileLogs(str(tmp_path / "data" / "logs"))
    logs.hide(all_secrets(settings))
    unused: Any = {"balancers": {}}
    ports = Ports(
        settings=settings,
        forges=Forges(),
        **{
            name: getattr(store, name)
            for name in (
                *("inbox", "leases", "runs", "releases", "deployments", "routes", "fleet", "tokens"),
                *("audit", "secrets"),
            )
        },
        logs=logs,
        queue=SimpleNamespace(  # type: ignore[arg-type]
            wake_run=lambda number, new=False: woken.append(number),
            wake_deployment=woken.append,
            depth=lambda: 0,
            workers=lambda: 1,
        ),
        source=MemorySource({COMMIT: {"Dockerfile": "FROM busybox\n"}}, specs={COMMIT: EVERYTHING}),
        builder=builder,
        engines=LoudEngines(world),
        proxies=WorldProxies(world),
        probe=WorldProbe(world),
        metrics=WorldMetrics(world),
        hands=InlineHands(),
        clock=clock,
        notices=SimpleNamespace(tell=lambda title, text: told.append(title + text)),
        **unused,
    )
    yield Estate(tmp_path, canary, settings, store, world, ports, builder, woken, told)
    store.close()


def test_the_search_finds_what_gets_out(estate: Estate) -> None:
    estate.store.audit.note("ada", "say", estate.canary("written"))
    (estate.folder / "data" / "out.log").write_text(json.dumps(estate.canary("filed")))

    assert estate.canary.found(everywhere(estate, [])) == {"written", "filed"}


def test_nothing_of_a_whole_delivery_and_its_failures_gets_out(
    estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = estate.delivered()
    estate.world.qualities[2] = Quality.BAD_START
    died = estate.delivered()
    estate.world.hook_ends = (1, "")
    refused = estate.delivered()
    estate.builder.outcomes = [Outcome((CommandResult("", 1),))]
    red = estate.delivered()
    estate.builder.hangs = True
    hung = estate.delivered()
    estate.store.secrets.remove("DEMANDED", Scope("shop", "production"))
    missing = estate.delivered()
    texts = api_answers(estate)

    assert [run.status.value for run, _ in (good, died, refused, red, hung, missing)] == [
        "succeeded",
        *["failed"] * 5,
    ]
    assert [found.status for _, found in (good, died, refused) if found] == [
        Status.SUCCEEDED,
        Status.ROLLED_BACK,
        Status.FAILED,
    ]
    assert "shipway secret set DEMANDED" in missing[0].error
    kept = {"kept-run", "written", "filed", "demanded"}
    given = {value.reveal() for value in estate.store.releases.release("shop", 1).spec.secrets.values()}
    assert given == {estate.canary(name) for name in kept}
    told = " ".join(line.text for _, line in estate.store.deployments.happenings(2))
    assert "WRITTEN=***" in told + hung[0].error + refused[0].error
    assert estate.canary.found(everywhere(estate, [*texts, caplog.text])) == set()


def api_answers(estate: Estate) -> list[str]:
    """Of every call, as an admin; also of those that write secrets, and refuse to."""
    client = create_app(estate.ports).test_client()
    token = estate.store.tokens.create("root", "admin", [])
    headers = {"Authorization": f"Bearer {token}"}
    value = estate.canary("posted")
    bodies = [
        {"name": "POSTED", "value": value, "service": "shop"},
        {"name": "POSTED", "value": value, "service": "shp"},
        {"name": "POSTED", "value": value, "stage": "nowhere"},
        {"name": "POSTED", "value": value, "more": 1},
    ]
    answers = [client.post("/api/v1/secrets", json=body, headers=headers) for body in bodies]
    answers.append(client.post("/api/v1/secrets", data=f'{{"value": "{value}', headers=headers))
    answers += [client.get(url(call), headers=headers) for call in CALLS if call.method == "GET"]
    answers += [
        client.post(f"/api/v1/services/shop/environments/production/{what}", json=body, headers=headers)
        for what, body in (("rollback", {}), ("deployments", {"release": 1}))
    ]
    assert [answer.status_code for answer in answers[:5]] == [200, 404, 400, 400, 415]
    return [answer.text for answer in answers]


@pytest.mark.parametrize("forge", sorted(BODIES))
def test_a_webhook_leaves_nothing_of_its_secret(estate: Estate, forge: str) -> None:
    """Good, forged, and with the secret where it does not belong."""
    ports = replace(estate.ports, settings=settings_of(estate.canary, forge), clock=RealClock())
    client, secret = create_app(ports).test_client(), estate.canary.plain("hook")
    body = json.dumps(
        BODIES[forge]() | {"project": "acme/shop"} if forge == "git" else BODIES[forge]()
    ).encode()
    headers = EVENTS[forge] | proof(forge, body, secret, datetime.now(UTC))

    good = client.post(f"/hooks/{forge}", data=body, headers=headers, content_type="application/json")
    forged = client.post(
        f"/hooks/{forge}", data=body + b" ", headers=EVENTS[forge], content_type="application/json"
    )

    assert (good.status_code, forged.status_code) == (202, 401)
    assert estate.canary.found(everywhere(estate, [good.text, forged.text])) == set()


class RealClock:
    """Signatures of webhooks have a date."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Nobody waits in a test."""


@pytest.mark.parametrize(
    "more",
    [
        'bad: "${WRITTEN}"\n',
        'hosts: {"${WRITTEN}": 1}\n',
        "    environments: {production: {branches: [main]}}\n",
        '  blog: {repository: {url: "https://x:${WRITTEN}@git.example.com/b.git", token: "${REGISTRY}"}}\n',
        '  blog: {repository: {url: "https://git.example.com/b.git", signing_secret: "${WRITTEN}", forge: gitlab}}\n',
        '  blog: {repository: {url: "${WRITTEN}", token: "${SLB}", tokn: "${METRICS}"}}\n',
    ],
)
def test_a_file_that_is_wrong_is_told_without_its_secrets(more: str) -> None:
    canary = Canaries()

    with pytest.raises(BadConfig) as caught:
        settings_of(canary, more=more)

    assert canary.found([str(caught.value).encode(), repr(caught.value).encode()]) == set()
