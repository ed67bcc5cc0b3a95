"""The contracts of `pipeline.enrolment.books`, and of where our authorities are kept."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from pipeline.enrolment.invitation import HostCertificate, Invitation, Via
from pipeline.errors import NotFound
from runners.authority import HOSTS, Authority
from runners.store import Store

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=15)
INVITED = Invitation(
    SOON, {"role": "web"}, "hz", "web-7", "web", "aliyun", "i-7", Via.TLS, "token:mia", key="", host=""
)
CLIENT = HostCertificate("1a", "web-7", "k1", "client", SOON, SOON + timedelta(days=90))


def test_invitation_is_found_by_its_token_alone(books: Store):
    token = books.invitations.invite(INVITED)

    assert books.invitations.find(token) == INVITED
    assert books.invitations.find(token + "x") is None
    assert books.invitations.find("") is None


def test_token_itself_is_nowhere_in_the_books(books: Store):
    token = books.invitations.invite(INVITED)
    rows = books._database.read(lambda tx: str(tx.execute(text("SELECT * FROM invitations")).all()))

    assert token not in rows
    assert token.removeprefix("shwj_") not in rows


def test_first_key_stays(books: Store):
    token = books.invitations.invite(INVITED)

    assert books.invitations.bind(token, "k1", "web-7") == replace(INVITED, key="k1", host="web-7")
    assert books.invitations.bind(token, "k2", "web-8").key == "k1"
    assert books.invitations.find(token) == replace(INVITED, key="k1", host="web-7")


def test_of_many_keys_at_once_one_is_bound(books: Store):
    token = books.invitations.invite(INVITED)
    with ThreadPoolExecutor(8) as pool:
        bound = list(pool.map(lambda n: books.invitations.bind(token, f"k{n}", f"h{n}"), range(20)))

    assert len({(one.key, one.host) for one in bound}) == 1


def test_token_that_is_gone_binds_nothing(books: Store):
    with pytest.raises(NotFound, match="hosts invite"):
        books.invitations.bind("shwj_x", "k", "h")


def test_invitations_of_a_machine_are_withdrawn(books: Store):
    token = books.invitations.invite(INVITED)
    other = books.invitations.invite(replace(INVITED, instance="i-8"))

    books.invitations.withdraw("web", "i-7")

    assert books.invitations.find(token) is None
    assert books.invitations.find(other) is not None


def test_invitation_that_ended_is_remembered_for_a_day(books: Store):
    ended = books.invitations.invite(replace(INVITED, expires_at=SOON - timedelta(hours=23)))
    old = books.invitations.invite(replace(INVITED, expires_at=SOON - timedelta(hours=26)))

    books.invitations.invite(INVITED)

    assert books.invitations.find(ended) is not None
    assert books.invitations.find(old) is None


def test_certificates_are_read_as_they_were_written(books: Store):
    server = replace(CLIENT, serial="1b", usage="server", issued_at=SOON + timedelta(seconds=1))
    books.certificates.add(CLIENT)
    books.certificates.add(server)

    assert books.certificates.find("1a") == CLIENT
    assert books.certificates.find("2") is None
    assert books.certificates.of("web-7") == [server, CLIENT]
    assert books.certificates.holders() == {"web-7": "k1"}
    assert books.certificates.ends() == {"web-7": CLIENT.expires_at}


def test_newest_key_holds_the_name(books: Store):
    books.certificates.add(CLIENT)
    books.certificates.add(replace(CLIENT, serial="2", key="k2", issued_at=SOON + timedelta(seconds=1)))

    assert books.certificates.holders() == {"web-7": "k2"}


def test_revoked_certificates_stay_known_as_such(books: Store):
    books.certificates.add(CLIENT)
    books.certificates.add(replace(CLIENT, serial="2", host="web-8"))

    assert books.certificates.revoke("web-7", "mia", SOON) == 1
    assert books.certificates.revoke("web-7", "eve", SOON) == 0
    assert books.certificates.find("1a") == replace(CLIENT, revoked_at=SOON, revoked_by="mia")
    assert books.certificates.holders() == {"web-8": "k1"}
    assert list(books.certificates.ends()) == ["web-8"]


def test_authority_is_made_once_however_many_ask(books: Store):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: Authority(HOSTS, books.authorities).pem, range(16)))

    assert len(made) == 1


def test_key_of_an_authority_lies_sealed_and_survives_a_new_seal(books: Store):
    before = Authority(HOSTS, books.authorities)._kept
    rows = books._database.read(lambda tx: str(tx.execute(text("SELECT * FROM authorities")).all()))
    assert "PRIVATE KEY" not in rows

    assert books.rotate() == 1
    assert Authority(HOSTS, books.authorities)._kept == before
