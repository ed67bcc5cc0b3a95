"""Secrets never lie in the database in clear, and the key that opens them is nobody else's."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from pipeline.errors import BadConfig, Rejected
from pipeline.secret import Secret
from runners.store import open_store
from runners.store.codec import PLAIN, Codec
from runners.store.seal import Seal
from tests.contracts.samples import begun, delivery, deployment, release


def test_no_file_of_the_database_holds_a_secret(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/db/x.db", str(tmp_path / "keys"))
    store.migrate()
    run_id, lease = begun(store)
    store.runs.hand_over(run_id, release(), deployment(release(), previous=release()), lease)
    store.inbox.receive(
        delivery(headers={"X-Gitlab-Token": "hush", "Authorization": "hush", "x-event": "push"})
    )
    token = store.tokens.create("ci", "admin", [])

    written = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir())

    store.close()
    assert b"x-event" in written
    assert b"hush" not in written
    assert token.encode() not in written


def test_the_key_and_its_folder_are_for_their_owner_only(tmp_path: Path):
    Seal(str(tmp_path / "keys"))

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "seal.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["seal.key"]


def test_the_same_folder_opens_what_it_shut(tmp_path: Path):
    shut = Seal(str(tmp_path)).shut("hush")

    assert shut != "hush"
    assert Seal(str(tmp_path)).open(shut) == "hush"


def test_a_new_first_line_seals_and_the_old_key_still_opens(tmp_path: Path):
    shut = Seal(str(tmp_path)).shut("hush")
    file = tmp_path / "seal.key"
    file.write_bytes(Fernet.generate_key() + b"\n" + file.read_bytes())

    changed = Seal(str(tmp_path))

    assert changed.open(shut) == "hush"
    file.write_bytes(file.read_bytes().split()[0])
    assert Seal(str(tmp_path)).open(changed.shut("new")) == "new"


def test_another_key_says_which_file_to_put_back(tmp_path: Path):
    shut = Seal(str(tmp_path / "a")).shut("hush")

    with pytest.raises(Rejected, match=r"another key than .*b/seal.key"):
        Seal(str(tmp_path / "b")).open(shut)


@pytest.mark.parametrize("content", ["", "no key\n"])
def test_a_broken_key_file_is_never_replaced(tmp_path: Path, content: str):
    (tmp_path / "seal.key").write_text(content)

    with pytest.raises(BadConfig, match="put the right"):
        Seal(str(tmp_path))

    assert (tmp_path / "seal.key").read_text() == content


def test_a_codec_without_a_seal_refuses_secrets():
    with pytest.raises(TypeError, match="needs a codec with a seal"):
        PLAIN.dump({"password": Secret("hush")})


def test_rows_of_other_versions_are_read(tmp_path: Path):
    codec = Codec(Seal(str(tmp_path)))
    text = '{"service": "shop", "number": 3, "image": "i@sha256:1", "a_field_of_tomorrow": 1}'

    found = codec.load(type(release()), text)

    assert (found.number, found.spec.port, found.ref) == (3, 8000, "")
