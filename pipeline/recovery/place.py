"""Where files go that must outlive this machine: a folder, or a bucket of S3 or OSS. Nouns only."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.secret import Secret

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Kind(StrEnum):
    FOLDER = "folder"
    S3 = "s3"
    OSS = "oss"


@dataclass(frozen=True)
class Place:
    """`bucket` of a folder is its path. No key: S3's SDK looks in its own places, OSS in ALIBABA_CLOUD_ACCESS_KEY_ID."""

    kind: Kind
    bucket: str
    prefix: str = ""  # without slashes around it
    region: str = ""
    endpoint: str = ""  # overrides the address of the cloud's API
    access_key: str = ""
    secret_key: Secret = field(default_factory=lambda: Secret(""))

    def __str__(self) -> str:
        if self.kind is Kind.FOLDER:
            return self.bucket
        return "/".join(part for part in (f"{self.kind}://{self.bucket}", self.prefix) if part)


@dataclass(frozen=True)
class Storage:
    """Where old logs and artifacts go, and after how many seconds."""

    place: Place
    after: float


def read_place(text: str) -> Place:
    """`s3://bucket/prefix`, `oss://bucket/prefix`, or a folder. Raises ValueError, saying what would be right."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        if not text.strip() or "\0" in text:
            raise ValueError("names no folder; write /backup, s3://bucket/prefix or oss://bucket/prefix")
        return Place(Kind.FOLDER, text)
    if scheme not in (Kind.S3, Kind.OSS):
        raise ValueError(
            f"{scheme}:// is not known; write a folder, s3://bucket/prefix or oss://bucket/prefix"
        )
    bucket, _, prefix = rest.partition("/")
    if not BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is not a bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'")
    return Place(Kind(scheme), bucket, prefix.strip("/"))
