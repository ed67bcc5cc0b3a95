"""The keys of `storage:` in shipway.yml, and the noun that they make."""

from typing import Literal

from pydantic import Field

from pipeline.faults import Faults
from pipeline.recovery.place import BUCKET, Kind, Place, Storage
from pipeline.secret import Secret
from pipeline.settings_access import NO_SECRET, AccessKey, SecretKey
from pipeline.settings_endpoint import Endpoint
from pipeline.settings_rollout import Keys
from pipeline.units import PositiveDuration, Word


class StorageKeys(Keys):
    kind: Literal["", "s3", "oss"] = Field(
        default="",
        description="s3 or oss: logs and artifacts move there when they are old. Empty: they stay here.",
    )
    bucket: Word = Field(default="", description="The bucket's name.")
    prefix: Word = Field(default="", description="What all names there begin with.")
    region: Word = Field(default="", description="Of the bucket, in the cloud's words.")
    endpoint: Endpoint = Field(default="", description="Overrides the address of the cloud's API.")
    access_key: AccessKey = ""
    secret_key: SecretKey = NO_SECRET
    logs_after: PositiveDuration = Field(
        default=7 * 86400.0, description="Logs and artifacts to which nobody wrote for so long move."
    )

    def storage(self) -> Storage | None:
        if not self.kind:
            return None
        place = Place(
            Kind(self.kind),
            self.bucket,
            self.prefix.strip("/"),
            self.region,
            self.endpoint,
            self.access_key,
            Secret(self.secret_key.get_secret_value()),
        )
        return Storage(place, self.logs_after)


def check_storage(keys: StorageKeys, faults: Faults) -> None:
    if keys.kind and not BUCKET.fullmatch(keys.bucket):
        faults.add(("storage", "bucket"), "is not a bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'")
