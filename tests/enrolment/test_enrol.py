"""Hosts join with a token, arrive when their engine answers, come again by certificate; each misuse is refused."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.enrolment.enrol import arrive, enrol, host_of, renew, revoke
from pipeline.enrolment.invitation import Via
from pipeline.enrolment.invite import invite
from pipeline.errors import Conflict, Forbidden, NotFound, Refused, ShipwayError, Unreachable
from pipeline.fleet.joined import OURS
from runners.authority import CONTROLLERS, HOSTS, Authority, new_key
from tests.enrolment.ground import SEEN, papers_in, request_of, serial_of


def token_of(desk, **wishes):
    return invite(desk, {"role": "web"}, **{"region": "hz", "via": Via.TLS, "by": "mia", **wishes})


def joined_on(desk, **wishes):
    """(its certificates, its key)"""
    key, token = new_key(), token_of(desk, **wishes)
    papers = enrol(token, request_of(key), SEEN, desk)
    arrive(serial_of(papers.client), token, SEEN, desk)
    return papers, key


def test_host_gets_certificates_for_the_address_that_we_see_and_for_nothing_else(desk):
    papers = enrol(token_of(desk), request_of(), SEEN, desk)

    server, client = (
        x509.load_pem_x509_certificate(text.encode()) for text in (papers.server, papers.client)
    )
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["10.0.0.7"]
    assert list(server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert list(client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert 89 < (server.not_valid_after_utc - desk.clock.now()).days + 1 <= 91
    assert server.subject.rfc4514_string() == "CN=web-7"


def test_engine_trusts_our_calls_alone_and_not_what_other_hosts_have(desk):
    papers = enrol(token_of(desk), request_of(), SEEN, desk)
    client = x509.load_pem_x509_certificate(papers.client.encode())

    client.verify_directly_issued_by(x509.load_pem_x509_certificate(papers.hosts.encode()))
    with pytest.raises(ValueError, match="ssuer"):
        client.verify_directly_issued_by(x509.load_pem_x509_certificate(papers.controllers.encode()))


def test_host_is_one_of_us_only_when_its_engine_answered(desk, hands, store):
    token = token_of(desk, pool="web", instance="i-7")
    papers = enrol(token, request_of(), SEEN, desk)
    assert store.roster.joined() == {}

    hands.sick = Unreachable("its engine does not answer")
    with pytest.raises(Unreachable):
        arrive(serial_of(papers.client), token, SEEN, desk)
    assert store.roster.joined() == {}

    hands.sick = None
    arrive(serial_of(papers.client), token, SEEN, desk)
    joined = store.roster.joined()["web-7"]
    assert (joined.host.labels, joined.host.region, joined.host.tls) == ({"role": "web"}, "hz", OURS)
    assert (joined.pool, joined.host.instance, joined.engine_version) == ("web", "i-7", "27.1")
    assert hands.knocked[-1].engine == "tcp://10.0.0.7:2376"


def test_lost_answer_is_asked_for_again_with_the_same_key(desk, store):
    key, token = new_key(), token_of(desk)
    first = enrol(token, request_of(key), SEEN, desk)
    again = enrol(token, request_of(key), SEEN, desk)

    assert first.host == again.host
    assert first.client != again.client


@pytest.mark.parametrize(
    ("token", "request_", "kind", "sentence"),
    [
        ("shwj_garbage", request_of(), Forbidden, "not known"),
        ("", request_of(), Forbidden, "not known"),
        (None, "garbage", Refused, "no request"),
        (None, request_of() + "x" * 9000, Refused, "too large"),
        (None, request_of(None, "bank.example"), Refused, "bank.example"),
    ],
    ids=[
        "unknown token",
        "no token",
        "garbage",
        "too large",
        "other name",
    ],  # requests are other ones each time
)
def test_garbage_joins_nothing(desk, store, token, request_, kind, sentence):
    with pytest.raises(kind, match=sentence):
        enrol(token_of(desk) if token is None else token, request_, SEEN, desk)
    assert store.certificates.holders() == {}


def test_request_with_a_broken_signature_is_refused(desk):
    good = request_of()
    at = good.rindex("\n-----END") - 12
    broken = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]

    with pytest.raises(Refused):
        enrol(token_of(desk), broken, SEEN, desk)


def test_token_of_somebody_else_is_worth_nothing(desk):
    token = token_of(desk)
    enrol(token, request_of(), SEEN, desk)

    with pytest.raises(Forbidden, match="used by another machine"):
        enrol(token, request_of(), SEEN, desk)


def test_token_ends(desk, hands):
    token = token_of(desk)
    hands.later(minutes=15)

    with pytest.raises(Forbidden, match="ended"):
        enrol(token, request_of(), SEEN, desk)


def test_slow_machine_arrives_after_its_token_ended(desk, hands, store):
    token = token_of(desk)
    papers = enrol(token, request_of(), SEEN, desk)
    hands.later(minutes=40)

    assert arrive(serial_of(papers.client), token, SEEN, desk).name == "web-7"


def test_of_fifty_machines_with_one_token_one_joins(desk, store):
    token = token_of(desk, via=Via.AGENT)

    def come(number: int) -> str:
        try:
            return enrol(token, request_of(), replace(SEEN, hostname=f"web-{number}"), desk).host
        except Forbidden:
            return ""

    with ThreadPoolExecutor(8) as pool:
        came = [host for host in pool.map(come, range(50)) if host]

    assert len(came) == 1
    assert list(store.certificates.holders()) == came


def test_another_machine_does_not_take_a_name(desk):
    joined_on(desk, name="web-7")

    with pytest.raises(Conflict, match="There is a host web-7"):
        token_of(desk, name="web-7")


def test_newer_invitation_by_a_name_ends_one_that_never_arrived(desk):
    first = token_of(desk, name="web-7")
    stale = enrol(first, request_of(), SEEN, desk)
    second = token_of(desk, name="web-7")
    fresh = enrol(second, request_of(), SEEN, desk)

    with pytest.raises(Forbidden, match="a newer invitation"):
        arrive(serial_of(stale.client), first, SEEN, desk)
    assert arrive(serial_of(fresh.client), second, SEEN, desk).name == "web-7"


def test_arrival_with_another_machines_token_is_refused(desk):
    papers, _ = joined_on(desk)
    token = token_of(desk)
    enrol(token, request_of(), replace(SEEN, peer="10.0.0.8", hostname="web-8"), desk)

    with pytest.raises(Forbidden, match="not the one"):
        arrive(serial_of(papers.client), token, SEEN, desk)


def test_certificates_are_renewed_by_the_old_one(desk, hands):
    papers, key = joined_on(desk)
    hands.later(days=61)

    fresh = renew(serial_of(papers.client), request_of(key), desk)

    assert serial_of(fresh.client) != serial_of(papers.client)
    assert x509.load_pem_x509_certificate(fresh.server.encode()).not_valid_after_utc > hands.now()
    assert host_of(serial_of(fresh.client), desk) == "web-7"


@pytest.mark.parametrize("days", [91, 400])
def test_certificate_that_ended_renews_nothing(desk, hands, days):
    papers, key = joined_on(desk)
    hands.later(days=days)

    with pytest.raises(Forbidden, match="ended"):
        renew(serial_of(papers.client), request_of(key), desk)


def test_engines_certificate_is_nobody_at_the_door(desk):
    papers, _ = joined_on(desk)

    with pytest.raises(Forbidden, match="engine's"):
        host_of(serial_of(papers.server), desk)


@pytest.mark.parametrize("serial", ["", "1234"])
def test_unknown_certificate_is_nobody(desk, serial):
    with pytest.raises(Forbidden):
        renew(serial, request_of(), desk)


def test_revoked_host_is_out_and_its_certificates_are_refused(desk, store):
    papers, key = joined_on(desk)

    assert revoke("web-7", "mia", desk) == 2

    assert store.roster.joined() == {}
    for deed in (
        lambda: host_of(serial_of(papers.client), desk),
        lambda: renew(serial_of(papers.client), request_of(key), desk),
    ):
        with pytest.raises(Forbidden, match=r"revoked on .* by mia"):
            deed()
    with pytest.raises(NotFound):
        revoke("web-7", "mia", desk)


def test_revoked_host_may_be_invited_again(desk, store):
    joined_on(desk)
    revoke("web-7", "mia", desk)

    joined_on(desk)

    assert list(store.roster.joined()) == ["web-7"]


def test_who_joined_is_in_the_audit_and_no_token_is(desk, store):
    token = token_of(desk)
    papers = enrol(token, request_of(), SEEN, desk)
    arrive(serial_of(papers.client), token, SEEN, desk)

    told = str(store.audit.entries())
    assert re.search(r"host\.join.*host web-7", told)
    assert "invited by mia" in told
    assert token not in told


def test_agent_is_only_offered_where_there_is_one(desk, tmp_path):
    without = replace(desk, papers=papers_in(tmp_path / "none", agent=False))

    with pytest.raises(Refused, match="--via tls"):
        token_of(without, via=Via.AGENT)


@pytest.mark.parametrize(
    "wishes", [{"name": "Web 7"}, {"region": "../x"}, {"name": "file-1"}, {"name": "-x"}, {"name": "a" * 42}]
)
def test_names_that_will_not_do_are_refused_at_once(desk, wishes):
    with pytest.raises(ShipwayError):
        token_of(desk, **wishes)


def test_all_machines_of_ours_share_the_authorities(desk, store):
    for name in (HOSTS, CONTROLLERS):
        assert Authority(name, store.authorities).pem == Authority(name, store.authorities).pem
    assert Authority(HOSTS, store.authorities).pem != Authority(CONTROLLERS, store.authorities).pem
