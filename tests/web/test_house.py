"""The calls about services, hosts, deliveries, tokens; health, readiness and figures; what every answer carries."""

import pytest

from pipeline.errors import Unreachable
from tests.web.conftest import DB_PASSWORD, SECRET
from tests.web.test_hooks import SIGNED, push


@pytest.fixture
def admin(house):
    return house.token("admin", name="root")


def test_services_are_listed_without_the_password_in_their_address(client, admin):
    answer = client.get("/api/v1/services", headers=admin)

    assert [service["name"] for service in answer.json["services"]] == ["shop", "blog"]
    assert answer.json["services"][0]["repository"] == "https://git.example.com/acme/shop.git"
    assert SECRET not in answer.text


def test_a_repository_that_cannot_be_looked_at_says_why_and_since_when(client, house, admin):
    house.ports.inbox.trouble("blog", "git.example.com does not answer.")

    shop, blog = client.get("/api/v1/services", headers=admin).json["services"]

    assert (shop["trouble"], shop["trouble_since"], shop["poll"]) == ("", None, 60.0)
    assert blog["trouble"] == "git.example.com does not answer."
    assert blog == client.get("/api/v1/services/blog", headers=admin).json
    assert blog["trouble_since"]


def test_an_environment_shows_hosts_replicas_and_only_its_own_backends(client, admin):
    answer = client.get("/api/v1/services/shop/environments/production", headers=admin).json

    up, down = answer["hosts"]
    assert (up["host"], up["reachable"], up["replicas"][0]["release"]) == ("web-1", True, 1)
    assert (down["host"], down["reachable"], down["error"]) == ("web-2", False, "connection refused")
    assert [(site["host"], site["generation"]) for site in answer["proxies"]] == [("web-1", 7), ("web-2", 7)]
    (backend,) = answer["proxies"][0]["backends"]
    assert (backend["address"], backend["release"], backend["sessions"]) == ("10.0.0.1:20000", 1, 3)
    assert (answer["live"], answer["last_good"], answer["replicas"]) == (None, None, 2)


def test_releases_show_the_names_of_secrets_and_nothing_more(client, house, admin):
    number = house.release().number

    listed = client.get("/api/v1/releases?service=shop", headers=admin)
    shown = client.get(f"/api/v1/services/shop/releases/{number}", headers=admin)

    assert listed.json["releases"] == [shown.json]
    assert shown.json["spec"]["secrets"] == ["DB_URL"]
    assert shown.json["spec"]["env"] == {"LOG": "info"}
    assert DB_PASSWORD not in shown.text


def test_a_release_made_for_an_environment_beyond_the_bounds_is_hidden(client, house):
    number = house.release("production").number
    bound = house.token("viewer", "shop/test")

    assert client.get("/api/v1/releases?service=shop", headers=bound).json["releases"] == []
    assert client.get(f"/api/v1/services/shop/releases/{number}", headers=bound).status_code == 403


def test_hosts_say_whether_they_answer(client, admin):
    hosts = client.get("/api/v1/hosts", headers=admin).json["hosts"]

    assert [(host["name"], host["reachable"]) for host in hosts] == [("web-1", True), ("web-2", False)]


def test_deliveries_are_listed_with_what_became_of_them(client, admin):
    client.post("/hooks/gitlab", json=push(), headers=SIGNED)
    client.post(
        "/hooks/gitlab", json=push("refs/heads/odd"), headers=SIGNED | {"X-Gitlab-Event-UUID": "22222222-b"}
    )

    answer = client.get("/api/v1/deliveries", headers=admin)

    ignored, accepted = answer.json["deliveries"]
    assert accepted["runs"] == [1]
    assert ignored["ignored"]
    assert SECRET not in answer.text


def test_a_token_is_created_used_listed_and_revoked(client, admin):
    made = client.post(
        "/api/v1/tokens", json={"name": "ci", "role": "deployer", "scopes": ["shop/test"]}, headers=admin
    )
    used = client.get("/api/v1/me", headers={"Authorization": f"Bearer {made.json['token']}"})
    listed = client.get("/api/v1/tokens", headers=admin)
    revoked = client.delete("/api/v1/tokens/ci", headers=admin)
    late = client.get("/api/v1/me", headers={"Authorization": f"Bearer {made.json['token']}"})

    assert made.status_code == 201
    assert used.json == {"name": "ci", "role": "deployer", "scopes": ["shop/test"]}
    assert used.json in listed.json["tokens"]
    assert made.json["token"] not in listed.text
    assert revoked.json == {"revoked": "ci"}
    assert late.status_code == 401
    audit = client.get("/api/v1/audit", headers=admin)
    assert [(e["action"], e["target"]) for e in audit.json["entries"]] == [
        ("token.revoke", "token ci"),
        ("token.create", "token ci"),
    ]
    assert made.json["token"] not in audit.text


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a"},
        {"name": "a", "role": "emperor"},
        {"name": "", "role": "viewer"},
        {"name": "a b", "role": "viewer"},
        {"name": "a", "role": "viewer", "scopes": ["moon"]},
        {"name": "a", "role": "viewer", "scopes": ["shop/moon"]},
        {"name": "a", "role": "viewer", "scopes": ["shop/"]},
        {"name": "a", "role": "viewer", "scopes": "shop"},
    ],
)
def test_tokens_that_make_no_sense_are_refused(client, house, admin, body):
    assert client.post("/api/v1/tokens", json=body, headers=admin).status_code == 400
    assert [caller.name for caller in house.store.tokens.tokens()] == ["root"]


def test_a_second_token_of_one_name_is_409_and_an_unknown_one_404(client, admin):
    assert (
        client.post("/api/v1/tokens", json={"name": "root", "role": "viewer"}, headers=admin).status_code
        == 409
    )
    assert client.delete("/api/v1/tokens/nobody", headers=admin).status_code == 404


def test_health_says_ok_even_when_nothing_else_is(client, house):
    house.queue.down = True

    assert client.get("/healthz").status_code == 200


def test_readiness_is_200_when_everything_is_there(client):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["ready"], answer.json["down"]) == (200, True, [])


def test_readiness_names_what_is_down_and_no_address(client, house):
    house.queue.down = True

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["down"]) == (503, ["redis", "workers"])
    assert "10.0.0.9" not in answer.text


def test_a_front_that_asks_for_the_database_alone_keeps_a_server_without_redis(client, house):
    house.queue.down = True

    answer = client.get("/readyz?only=database")

    assert (answer.status_code, answer.json["down"]) == (200, [])
    assert [check["name"] for check in answer.json["checks"]] == ["database"]


def test_readiness_of_an_unknown_part_is_refused(client):
    answer = client.get("/readyz?only=databse")

    assert answer.status_code == 400
    assert "there is no part 'databse'. Parts: database, redis, workers." in answer.json["detail"]


def test_readiness_without_a_worker_says_so(client, house):
    house.queue.alive = 0

    assert client.get("/readyz").json["down"] == ["workers"]


def test_readiness_says_when_the_database_is_gone(client, house, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise Unreachable("The database is away.")

    monkeypatch.setattr(
        house.ports.runs, "runs", away
    )  # a stand-in of the whole store would not be the real one

    assert client.get("/readyz").json["down"] == ["database"]


def test_figures_leave_out_what_is_down_and_say_so(client, house):
    house.queue.down = True

    figures = client.get("/metrics").text

    assert 'shipway_up{part="queue"} 0.0' in figures
    assert 'shipway_up{part="database"} 1.0' in figures
    assert "shipway_queue_depth " not in figures
    assert 'shipway_runs{status="failed"} 0.0' in figures


def test_figures_do_not_grow_with_what_strangers_ask_for(client):
    for n in range(5):
        client.get(f"/nothing/{n}")
        client.open(f"/nothing/{n}", method=f"ODD{n}")

    assert client.get("/metrics").text.count("shipway_http_request_seconds_count{") == 1


def test_the_front_page_says_what_this_is_and_nothing_about_services(client):
    answer = client.get("/", follow_redirects=True)

    assert "/api/v1" in answer.text
    assert "shop" not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/me", "/nothing", "/hooks/gitlab"])
def test_every_answer_is_safe_to_show_in_a_browser(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert not any(name.startswith("Access-Control") for name, _ in headers)


def test_a_request_id_is_made_or_kept_when_it_is_harmless(client):
    assert len(client.get("/healthz").headers["X-Request-Id"]) == 16
    kept = client.get("/healthz", headers={"X-Request-Id": "from-the-front-1"})
    odd = client.get("/healthz", headers={"X-Request-Id": "a b;<script>"})
    assert kept.headers["X-Request-Id"] == "from-the-front-1"
    assert odd.headers["X-Request-Id"] != "a b;<script>"
