"""The files that HAProxy and nginx are given: their shape, and the promises that must stand in them."""

from dataclasses import replace

import pytest

from pipeline.fleet.proxy import Backend, BackendState, Route, Site, SiteWanted
from runners.proxies import haproxy, nginx
from runners.proxies.runtime import Slot, Worker, read_marker

SITE = Site("front", "web-1")


def wanted(
    generation: int = 1, ready=("10.0.0.1:20000",), drain=(), domain: str = "shop.example.com"
) -> SiteWanted:
    backends = [Backend(address, "web-1", 1) for address in ready]
    backends += [Backend(address, "web-1", 1, BackendState.DRAIN) for address in drain]
    return SiteWanted(SITE, generation, (Route(SITE, "shop", "production", domain, tuple(backends)),))


def haproxy_file(site: SiteWanted, current: Worker | None = None, fits: bool = True) -> tuple[str, str]:
    return haproxy._text(site, current or Worker(()), fits)


def test_haproxy_shape_does_not_change_with_generation_or_addresses():
    _, shape = haproxy_file(wanted())

    assert haproxy_file(wanted(7, ("10.0.0.9:21111", "10.0.0.9:21112"), ("10.0.0.1:20000",)))[1] == shape
    assert haproxy_file(wanted(domain="other.example.com"))[1] != shape
    assert haproxy_file(SiteWanted(SITE, 1, ()))[1] != shape


def test_haproxy_file_carries_the_marker_that_the_process_will_answer():
    text, shape = haproxy_file(wanted(9))
    line = next(line for line in text.splitlines() if "set-var" in line)
    value = line.rpartition("str(")[2].rstrip(")")

    marker = read_marker(f"proc.shipway: type=str value=<{value}>")

    assert (marker.generation, marker.shape) == (9, shape)
    assert "description shipway-generation-9\n" in text


def test_haproxy_drained_backend_is_not_in_a_new_process():
    text, _ = haproxy_file(wanted(2, ("10.0.0.1:20001",), ("10.0.0.1:20000",)))

    assert "server s1 10.0.0.1:20001\n" in text
    assert "10.0.0.1:20000" not in text


def test_haproxy_that_begins_takes_a_held_replica_for_down():
    both = wanted(2, ("10.0.0.1:20000", "10.0.0.1:20001"))
    held = frozenset({("shop_production", "10.0.0.1:20001"), ("blog_production", "10.0.0.1:20000")})

    version, names, *rows = haproxy._states(both, held).splitlines()

    assert version == "1"
    (row,) = (dict(zip(names.split()[1:], row.split(), strict=True)) for row in rows)
    assert (row["be_name"], row["srv_name"]) == ("shop_production", "s2")
    assert (row["srv_addr"], row["srv_port"], row["srv_op_state"]) == ("10.0.0.1", "20001", "0")
    assert "server s2 10.0.0.1:20001\n" in haproxy_file(both)[0]
    assert haproxy._states(both, frozenset()) == ""


def test_haproxy_file_that_names_states_has_the_same_shape():
    text, shape = haproxy._text(wanted(2), Worker(()), True, "states.2")

    assert "    server-state-file /etc/shipway/states.2\n" in text
    plain, same = haproxy_file(wanted(2))
    assert same == shape
    assert "state" not in plain


def test_haproxy_slots_stay_as_many_as_they_are_while_they_do():
    now = Worker(tuple(Slot("shop_production", f"s{n}", "0.0.0.0:1", "MAINT") for n in range(1, 41)))

    assert haproxy_file(wanted(), now)[0].count("    server s") == 40
    assert haproxy_file(wanted())[0].count("    server s") == 16
    many = tuple(f"10.0.0.1:{20000 + n}" for n in range(20))
    assert haproxy_file(wanted(1, many), Worker(()), False)[0].count("    server s") == 80


def test_haproxy_file_keeps_the_promises_of_zero_downtime():
    text, _ = haproxy_file(wanted())

    for promise in (
        "option idle-close-on-response",
        "retry-on conn-failure empty-response",
        "disable-l7-retry",
    ):
        assert promise in text
    assert "hard-stop-after" not in text


def test_haproxy_asks_replicas_for_what_their_release_is_asked_for():
    asked = replace(wanted(), routes=(replace(wanted().routes[0], health="/healthz"),))

    text = haproxy_file(asked)[0]

    assert "http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host shop.example.com " in text
    assert "http-check expect rstatus ^[1-4]\n" in text
    assert " uri / ver HTTP/1.1 " in haproxy_file(wanted())[0]
    assert "http-check expect rstatus ^[1-5]\n" in haproxy_file(wanted())[0]


def test_default_route_answers_every_other_name():
    assert "default_backend shop_production\n" in haproxy_file(wanted(domain=""))[0]
    assert "default_backend shipway-unknown\n" in haproxy_file(wanted())[0]
    assert "listen 8080 default_server;\n        server_name _;" in nginx._text(wanted(domain=""), True)
    assert nginx._text(wanted(), True).count("default_server") == 1


def test_nginx_shape_changes_with_all_but_the_generation():
    shape = nginx._shape(wanted(), True)

    assert nginx._shape(replace(wanted(), generation=8), True) == shape
    assert nginx._shape(wanted(ready=("10.0.0.1:20001",)), True) != shape
    assert nginx._shape(wanted(), False) != shape


def test_nginx_says_itself_what_it_serves():
    text = nginx._text(wanted(4, ("10.0.0.1:20000", "10.0.0.1:20001")), True)

    assert (
        f'return 200 "shipway 4 {nginx._shape(wanted(4, ("10.0.0.1:20000", "10.0.0.1:20001")), True)}' in text
    )
    assert 'add_header Shipway-Route "shop_production 10.0.0.1:20000,10.0.0.1:20001";' in text


def test_nginx_answer_is_read_back():
    answer = (
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nShipway-Route: shop_production 10.0.0.1:2,10.0.0.1:1\r\n"
        "Shipway-Route: empty_production \r\n\r\nshipway 12 abcdef\n"
    )

    assert nginx._marker(answer) == (12, "abcdef")
    assert nginx._routes(answer) == {"shop_production": ["10.0.0.1:2", "10.0.0.1:1"]}
    assert nginx._marker("HTTP/1.1 404 Not Found\r\n\r\nnobody") == (0, "")


@pytest.mark.parametrize(("drain", "lull"), [(90.0, 10), (30.0, 10), (10.0, 3), (1.0, 1)])
def test_a_leaving_nginx_keeps_idle_connections_for_less_than_its_replicas_drain(drain: float, lull: int):
    site = wanted()
    routes = tuple(replace(route, drain_timeout=drain) for route in site.routes)

    assert f"keepalive_min_timeout {lull}s;" in nginx._text(replace(site, routes=routes), True)


def test_nginx_old_and_new_differ_in_kept_connections():
    assert "keepalive_min_timeout 10s;" in nginx._text(wanted(), True)
    assert "keepalive_min_timeout" not in nginx._text(wanted(), False)
    assert "worker_shutdown_timeout" not in nginx._text(wanted(), True)


def test_nginx_route_without_replicas_answers_503_and_has_no_upstream():
    text = nginx._text(wanted(ready=()), True)

    assert "upstream shop" not in text
    assert "proxy_pass" not in text
    assert "return 503" in text
