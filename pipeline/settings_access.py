"""The keys with which a cloud's API is asked, in `shipway.yml`: both, or neither."""

from typing import Annotated, Protocol

from pydantic import Field, SecretStr

from pipeline.settings_values import SecretText
from pipeline.units import Word

UNPAIRED = "and secret_key go together; give both, or neither"
NO_SECRET = SecretStr("")

AccessKey = Annotated[
    Word, Field(description="Access key id. Empty: what the cloud's SDK finds in its own places.")
]
SecretKey = Annotated[SecretText, Field(description="The access key's secret.")]


class Access(Protocol):
    access_key: str
    secret_key: SecretStr


def is_unpaired(access: Access) -> bool:
    return bool(access.access_key) != bool(access.secret_key.get_secret_value())
