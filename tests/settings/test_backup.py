"""`backup` and `storage` of shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.errors import BadConfig
from pipeline.recovery.place import Kind
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings

BUCKET = "region: cn-hangzhou, access_key: AKID, secret_key: 'file:key'"


def parse(text: str) -> Settings:
    return parse_settings(text, {}, lambda path: f"hush-hush-{path.rpartition('/')[2]}", "/etc/shipway")


def test_a_backup_goes_to_a_folder_beside_the_file_or_to_a_bucket():
    to = parse("backup: {to: ./backups, every: 12h}").backup.to
    assert to is not None
    assert (to.kind, to.bucket) == (Kind.FOLDER, "/etc/shipway/backups")

    to = parse(f"backup: {{to: 'oss://acme/shipway', {BUCKET}}}").backup.to
    assert to is not None
    assert (to.kind, to.bucket, to.prefix, to.access_key) == (Kind.OSS, "acme", "shipway", "AKID")


def test_its_secrets_are_masked_and_do_not_print():
    settings = parse(
        f"backup: {{to: 's3://acme/b', passphrase: 'file:phrase', {BUCKET}}}\n"
        f"storage: {{kind: s3, bucket: acme, {BUCKET.replace('file:key', 'file:other')}}}"
    )

    assert {"hush-hush-phrase", "hush-hush-key", "hush-hush-other"} <= set(all_secrets(settings))
    assert "hush-hush" not in repr(settings)


@pytest.mark.parametrize(
    "section",
    ["backup: {to: 's3://acme/b', endpoint: %s}", "storage: {kind: s3, bucket: acme, endpoint: %s}"],
)
@pytest.mark.parametrize("endpoint", ["http://10.0.0.1", "ftp://host", "https://user@host"])
def test_a_bucket_is_not_spoken_to_in_clear(section: str, endpoint: str):
    with pytest.raises(BadConfig, match="endpoint: is not an address of an API"):
        parse(section % endpoint)
    assert parse(section % "http://127.0.0.1:9000")
