"""The keys of `backup:` in shipway.yml, and the noun that they make."""

from dataclasses import replace
from posixpath import join, normpath
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from pipeline.recovery.backup import BackupPolicy
from pipeline.recovery.place import Kind, Place, read_place
from pipeline.secret import Secret
from pipeline.settings_access import NO_SECRET, AccessKey, SecretKey
from pipeline.settings_endpoint import Endpoint
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.units import PositiveDuration, Word

SHORTEST = 12  # characters of a passphrase


def _place(value: str) -> str:
    if value:
        read_place(value)
    return value


def _passphrase(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < SHORTEST:
        raise ValueError(f"is shorter than {SHORTEST} characters; take a longer one")
    return value


PlaceText = Annotated[Word, AfterValidator(_place)]
Passphrase = Annotated[SecretText, AfterValidator(_passphrase)]


class BackupKeys(Keys):
    to: PlaceText = Field(
        default="",
        description="A folder, s3://bucket/prefix or oss://bucket/prefix. Empty: none is made by itself; docs/disaster.md.",
    )
    every: PositiveDuration = Field(default=86400.0, description="From one to the next.")
    keep: int = Field(default=7, ge=1, le=1000, description="The newest ones that stay there.")
    logs: bool = Field(default=False, description="Logs of runs too.")
    artifacts: bool = Field(default=False, description="Files that tests left, too.")
    passphrase: Passphrase = Field(
        default=SecretStr(""),
        description="Opens them. Empty: the recovery key that `shipway backup key` made and printed once.",
    )
    region: Word = Field(default="", description="Of the bucket, in the cloud's words.")
    endpoint: Endpoint = Field(default="", description="Overrides the address of the cloud's API.")
    access_key: AccessKey = ""
    secret_key: SecretKey = NO_SECRET

    def policy(self, folder: str) -> BackupPolicy:
        """Relative folders are relative to `folder`."""
        return BackupPolicy(
            to=self._to(folder) if self.to else None,
            every=self.every,
            keep=self.keep,
            logs=self.logs,
            artifacts=self.artifacts,
            passphrase=Secret(self.passphrase.get_secret_value()),
        )

    def _to(self, folder: str) -> Place:
        place = read_place(self.to)
        if place.kind is Kind.FOLDER:
            return replace(place, bucket=normpath(join(folder, place.bucket)))
        return replace(
            place,
            region=self.region,
            endpoint=self.endpoint,
            access_key=self.access_key,
            secret_key=Secret(self.secret_key.get_secret_value()),
        )
