"""The encrypted file: what is not as it was written does not open."""

import io
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Rejected
from pipeline.secret import Secret
from runners.backup.envelope import PIECE, TAG, EnvelopeReader, EnvelopeWriter, read_header
from runners.backup.key import BackupKey, keep_new_key, kept_key, new_recovery_key

KEY = BackupKey(new_recovery_key())
SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]


def sealed(content: bytes, key: BackupKey = KEY) -> bytes:
    out = io.BytesIO()
    writer = EnvelopeWriter(out, key, {"made_at": "now"})
    for at in range(0, len(content), 10_000):
        writer.write(content[at : at + 10_000])
    writer.finish()
    return out.getvalue()


def opened(data: bytes, key: BackupKey = KEY) -> bytes:
    reader = EnvelopeReader(io.BytesIO(data), key)
    return b"".join(iter(lambda: reader.read(5000), b""))


def begin_of_pieces(data: bytes) -> int:
    source = io.BytesIO(data)
    read_header(source)
    return source.tell()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_opened(size: int):
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert opened(sealed(content)) == content


def test_a_passphrase_opens_what_it_sealed_and_another_does_not():
    data = sealed(b"rows", BackupKey(Secret("correct horse battery")))
    assert opened(data, BackupKey(Secret("correct horse battery"))) == b"rows"
    with pytest.raises(Rejected, match="does not open"):
        opened(data, BackupKey(Secret("incorrect horse battery")))


def test_another_recovery_key_does_not_open_it():
    with pytest.raises(Rejected, match="does not open"):
        opened(sealed(b"rows"), BackupKey(new_recovery_key()))


def test_a_passphrase_for_a_recovery_key_says_what_is_wanted():
    with pytest.raises(Rejected, match=r"opens with a recovery key"):
        opened(sealed(b"rows"), BackupKey(Secret("correct horse battery")))


def test_a_recovery_key_may_be_typed_without_care():
    text = KEY.text.reveal().lower().replace("-", " ").replace("swk ", "SWK-", 1)
    assert opened(sealed(b"rows"), BackupKey(Secret(text))) == b"rows"


@pytest.mark.parametrize("text", ["SWK-ABCD", "SWK-" + "0" * 52])
def test_half_a_recovery_key_is_refused(text: str):
    with pytest.raises(Rejected, match="recovery key"):
        opened(sealed(b"rows"), BackupKey(Secret(text)))


def test_no_byte_can_be_changed():
    data = sealed(b"x" * 300)
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(Rejected):
            opened(changed)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_file_that_was_cut_between_pieces_does_not_open(kept: int):
    data = sealed(b"x" * (3 * PIECE + 5))
    cut = data[: begin_of_pieces(data) + kept * (PIECE + TAG)]
    with pytest.raises(Rejected):
        opened(cut)


def test_pieces_cannot_change_places_nor_come_twice():
    data = sealed(b"x" * (3 * PIECE + 5))
    begin, size = begin_of_pieces(data), PIECE + TAG
    first, second = data[begin : begin + size], data[begin + size : begin + 2 * size]
    rest = data[begin + 2 * size :]
    for pieces in (second + first, first + first, first):
        with pytest.raises(Rejected):
            opened(data[:begin] + pieces + rest)


def test_pieces_of_another_file_of_the_same_key_do_not_fit():
    mine, other = sealed(b"x" * (2 * PIECE)), sealed(b"x" * (2 * PIECE))
    begin = begin_of_pieces(mine)
    with pytest.raises(Rejected):
        opened(mine[:begin] + other[begin:])


def test_a_header_that_asks_for_gigabytes_is_refused():
    data = sealed(b"rows", BackupKey(Secret("correct horse battery")))
    greedy = data.replace(b'"n": 65536', b'"n": 99999', 1).replace(b'"r": 8', b'"r": 9', 1)
    with pytest.raises(Rejected):
        opened(greedy.replace(b'"p": 1', b'"p": 9', 1), BackupKey(Secret("correct horse battery")))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"SHIPWAY BACKUP 1\n\xff\xff\xff\xff"])
def test_what_is_no_backup_is_refused(data: bytes):
    with pytest.raises(Rejected, match="backup"):
        opened(data)


def test_recovery_key_is_kept_for_its_owner_alone_and_not_replaced_unasked(tmp_path: Path):
    made = keep_new_key(tmp_path)
    assert kept_key(tmp_path) == made
    assert (tmp_path / "backup.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadConfig, match="--new"):
        keep_new_key(tmp_path)
    assert keep_new_key(tmp_path, replace=True) != made
