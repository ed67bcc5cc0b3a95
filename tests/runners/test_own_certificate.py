"""Our own client certificate: made when it is missed, made anew in time and when the authority is another one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from pipeline.fleet.host import Host, TlsFiles
from pipeline.fleet.joined import OURS, Joined
from runners.authority import CONTROLLERS, HOSTS, Authority
from runners.own_certificate import KeyedRoster, OwnCertificate
from tests.enrolment.conftest import store  # noqa: F401 fixture


def own(store, folder: Path, now=lambda: datetime.now(UTC)):  # noqa: F811
    return OwnCertificate(
        folder, Authority(HOSTS, store.authorities), Authority(CONTROLLERS, store.authorities), now
    )


def shown(files: TlsFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(files.cert).read_bytes())


def test_files_are_our_own_and_for_us_alone(store, tmp_path):  # noqa: F811
    files = own(store, tmp_path / "keys").files()

    shown(files).verify_directly_issued_by(Authority(CONTROLLERS, store.authorities).certificate)
    assert Path(files.ca).read_text() == Authority(HOSTS, store.authorities).pem
    assert files.cert == files.key
    assert Path(files.key).stat().st_mode & 0o777 == 0o600


def test_good_files_are_kept_and_old_or_damaged_ones_made_anew(store, tmp_path):  # noqa: F811
    files = own(store, tmp_path).files()
    first = shown(files).serial_number

    own(store, tmp_path).files()
    assert shown(files).serial_number == first

    own(store, tmp_path, lambda: datetime.now(UTC) + timedelta(days=21)).files()
    second = shown(files).serial_number
    assert second != first

    Path(files.cert).write_text("damaged")
    own(store, tmp_path).files()
    assert shown(files).serial_number not in (first, second)


GUEST = Joined(Host("web-7", "tcp://10.0.0.7:2376", "10.0.0.7", tls=OURS), datetime(2026, 1, 1, tzinfo=UTC))


def test_roster_gives_files_of_this_machine_and_keeps_none(store, tmp_path):  # noqa: F811
    here = KeyedRoster(store.roster, own(store, tmp_path / "here"))
    there = KeyedRoster(store.roster, own(store, tmp_path / "there"))
    here.add(GUEST)
    seen = here.joined()["web-7"]
    here.add(seen)

    assert seen.host.tls is not None
    assert seen.host.tls.cert.startswith(str(tmp_path / "here"))
    assert there.joined()["web-7"].host.tls.cert.startswith(str(tmp_path / "there"))
    assert store.roster.joined()["web-7"].host.tls == OURS


def test_whoever_keeps_what_stands_hears_that_somebody_joined_and_left(store, tmp_path):  # noqa: F811
    told: list[str] = []
    roster = KeyedRoster(store.roster, own(store, tmp_path / "here"), lambda: told.append("changed"))

    roster.add(GUEST)
    roster.protect(GUEST.name, True)
    assert told == ["changed"]
    roster.remove(GUEST.name)
    assert told == ["changed", "changed"]
