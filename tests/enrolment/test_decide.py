"""Who may join, as what: the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.enrolment.decide import Known, admit, check_certificate
from pipeline.enrolment.invitation import HostCertificate, Invitation, Newcomer, SigningRequest, Via
from pipeline.errors import Conflict, Forbidden, Refused, ShipwayError
from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY, OTHER = "a" * 64, "b" * 64
INVITED = Invitation(NOON + timedelta(minutes=15), via=Via.TLS)
ASKED = SigningRequest(KEY)
CAME = Newcomer("10.0.0.7", hostname="web-7", address="192.168.1.7")
WEB_7 = Joined(Host("web-7", "tcp://10.0.0.7:2376", "10.0.0.7"), NOON)
NOBODY = Known({}, {}, ())


def test_machine_is_named_as_it_calls_itself_and_reached_where_we_see_it():
    admitted = admit(INVITED, ASKED, CAME, NOBODY, NOON)

    assert (admitted.name, admitted.engine, admitted.address) == ("web-7", "tcp://10.0.0.7:2376", "10.0.0.7")


def test_behind_an_agent_its_own_address_is_where_replicas_publish():
    admitted = admit(replace(INVITED, via=Via.AGENT), ASKED, CAME, NOBODY, NOON)

    assert (admitted.engine, admitted.address) == ("agent:web-7", "192.168.1.7")


@pytest.mark.parametrize("said", ["", "nonsense", "127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.1", "::1"])
def test_address_that_is_no_machines_is_not_believed(said):
    came = replace(CAME, address=said)

    assert admit(replace(INVITED, via=Via.AGENT), ASKED, came, NOBODY, NOON).address == "10.0.0.7"


@pytest.mark.parametrize(
    ("invitation", "request_", "came", "known", "kind", "sentence"),
    [
        (None, ASKED, CAME, NOBODY, Forbidden, "not known here"),
        (replace(INVITED, expires_at=NOON), ASKED, CAME, NOBODY, Forbidden, "ended at 12:00:00"),
        (replace(INVITED, key=OTHER, host="x"), ASKED, CAME, NOBODY, Forbidden, "another machine \\(x\\)"),
        (INVITED, replace(ASKED, names=("bank.example",)), CAME, NOBODY, Refused, "bank.example"),
        (
            replace(INVITED, instance="i-1"),
            ASKED,
            replace(CAME, instance="i-2"),
            NOBODY,
            Forbidden,
            "i-1.*i-2",
        ),
        (replace(INVITED, name="web-7"), ASKED, CAME, Known({}, {}, {"web-7"}), Conflict, "shipway.yml has"),
        (
            replace(INVITED, name="web-7"),
            ASKED,
            CAME,
            Known({"web-7": WEB_7}, {"web-7": OTHER}, ()),
            Conflict,
            "hosts remove web-7",
        ),
        (INVITED, ASKED, replace(CAME, peer="8.8.8.8"), NOBODY, Refused, "--via agent"),
        (
            replace(INVITED, name="new"),
            ASKED,
            CAME,
            Known({"web-7": WEB_7}, {"web-7": OTHER}, ()),
            Conflict,
            "web-7 has the address",
        ),
    ],
)
def test_who_may_not_join_is_told_why(invitation, request_, came, known, kind, sentence):
    with pytest.raises(kind, match=sentence):
        admit(invitation, request_, came, known, NOON)


def test_same_key_comes_again_as_the_same_host():
    bound = replace(INVITED, key=KEY, host="web-7")
    known = Known({"web-7": WEB_7}, {"web-7": KEY}, ())

    assert admit(bound, ASKED, CAME, known, NOON).name == "web-7"


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("", "host-aaaaaaaa"),
        ("localhost", "host-aaaaaaaa"),
        ("ip-10-0-0-7.ec2.internal", "ip-10-0-0-7"),
        ("iZbp1_X'; rm -rf /", "izbp1-x-rm-rf"),
        ("file-1", "file-1-aaaaaaaa"),
        ("web-9", "web-9-aaaaaaaa"),
        ("x" * 80, "x" * 41),
    ],
)
def test_odd_and_taken_names_become_good_ones(hostname, name):
    known = Known(
        {"web-9": replace(WEB_7, host=Host("web-9", "agent:web-9", "10.0.0.9"))}, {"web-9": OTHER}, {"file-1"}
    )

    assert admit(INVITED, ASKED, replace(CAME, hostname=hostname), known, NOON).name == name


GOOD = HostCertificate("1", "web-7", KEY, "client", NOON, NOON + timedelta(days=90))


def test_good_certificate_is_believed():
    assert check_certificate(GOOD, NOON) is GOOD


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        (None, "of a host that joined"),
        (replace(GOOD, usage="server"), "engine's certificate"),
        (replace(GOOD, revoked_at=NOON, revoked_by="mia"), "revoked on 2026-03-01 by mia"),
        (replace(GOOD, expires_at=NOON), "ended"),
    ],
)
def test_certificate_that_is_not_good_opens_nothing(certificate, sentence):
    with pytest.raises(ShipwayError, match=sentence):
        check_certificate(certificate, NOON)
