"""The contract of `pipeline.recovery.objects.Objects`: folders, S3 and OSS."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, NotFound, Rejected, Unreachable
from pipeline.recovery.objects import Objects
from pipeline.recovery.place import Kind, Place
from pipeline.secret import Secret
from runners.objects import objects_of, s3
from runners.objects.oss import OssObjects
from runners.objects.s3 import S3Objects
from runners.patience import Patience
from tests.parts.fake_buckets import Fake, buckets

BRIEF = Patience(deadline=2.0, first=0.001, longest=0.002)
PATIENT = Patience(
    deadline=30.0, first=0.001, longest=0.002
)  # a cloud's SDK takes seconds to load on a busy machine
MAKERS: dict[str, Callable[[Place, Patience], Objects]] = {"s3": S3Objects, "oss": OssObjects}


@pytest.fixture
def fake() -> Iterator[Fake]:
    with buckets() as made:
        yield made


@pytest.fixture(params=["folder", "s3", "oss"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, fake: Fake) -> Objects:
    if request.param == "folder":
        return objects_of(Place(Kind.FOLDER, str(tmp_path / "kept")))
    return MAKERS[request.param](fake.place(request.param), PATIENT)


@pytest.fixture(params=["s3", "oss"])
def bucket(request: pytest.FixtureRequest, fake: Fake) -> Objects:
    return MAKERS[request.param](fake.place(request.param), PATIENT)


def put(objects: Objects, name: str, content: bytes = b"x") -> None:
    objects.put(name, io.BytesIO(content), len(content))


def test_what_was_put_is_read_back(objects: Objects):
    content = bytes(range(256)) * 9000
    put(objects, "logs/0001/7/0001-build log+.zst", content)
    assert b"".join(objects.get("logs/0001/7/0001-build log+.zst")) == content


def test_second_put_takes_the_place_of_the_first(objects: Objects):
    put(objects, "a", b"old")
    put(objects, "a", b"new")
    assert b"".join(objects.get("a")) == b"new"


def test_names_are_all_that_begin_so(objects: Objects):
    for name in ("b/2", "a/1", "b/1", "b/3", "c"):
        put(objects, name)
    assert list(objects.names("b/")) == ["b/1", "b/2", "b/3"]
    assert list(objects.names()) == ["a/1", "b/1", "b/2", "b/3", "c"]


def test_absent_one_is_not_found_and_may_be_removed(objects: Objects):
    objects.remove("a")
    with pytest.raises(NotFound, match="There is no"):
        objects.get("a")


def test_removed_one_is_gone(objects: Objects):
    put(objects, "a")
    objects.remove("a")
    assert list(objects.names()) == []


def test_a_busy_cloud_is_asked_again(bucket: Objects, fake: Fake):
    fake.faults += ["500", "500"]
    put(bucket, "a", b"whole")
    fake.faults += ["500"]
    assert b"".join(bucket.get("a")) == b"whole"


def test_an_answer_that_is_cut_is_never_taken_for_whole(bucket: Objects, fake: Fake):
    put(bucket, "a", b"x" * 5000)
    fake.faults += ["cut"]
    with pytest.raises(Unreachable, match="cut"):
        b"".join(bucket.get("a"))


@pytest.mark.parametrize("kind", ["s3", "oss"])
def test_a_wrong_secret_is_refused_and_says_where_to_look(kind: str, fake: Fake):
    wrong = MAKERS[kind](fake.place(kind, secret="another"), BRIEF)
    with pytest.raises(Rejected, match=r"SignatureDoesNotMatch.*docs/disaster"):
        put(wrong, "a")
    assert fake.objects == {}


@pytest.mark.parametrize("kind", ["s3", "oss"])
def test_a_place_without_a_prefix_is_the_whole_bucket(kind: str, fake: Fake):
    whole = MAKERS[kind](fake.place(kind, prefix=""), BRIEF)
    put(whole, "a")
    assert list(fake.objects) == ["a"]
    assert list(whole.names()) == ["a"]


def test_large_files_go_up_in_parts(fake: Fake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3, "WHOLE", 100)  # a file of 256 MiB would take a minute
    monkeypatch.setattr(s3, "PART", 64)
    objects = S3Objects(fake.place("s3"), BRIEF)
    put(objects, "a", b"0123456789" * 30)
    assert fake.objects["shop/a"] == b"0123456789" * 30


def test_oss_without_a_key_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    with pytest.raises(BadConfig, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
        OssObjects(Place(Kind.OSS, "backups", region="cn-hangzhou", secret_key=Secret("")))
