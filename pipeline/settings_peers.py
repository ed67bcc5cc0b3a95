"""The keys of `enrolment.peers` in shipway.yml: how machines of one control plane reach each other's doors."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from pipeline import units
from pipeline.settings_rollout import Keys


def _address(value: object) -> str:
    text = units.text(value)
    return text if not text or units.is_ip(text) else units.domain(text)


class PeerKeys(Keys):
    address: Annotated[str, BeforeValidator(_address)] = Field(
        default="",
        description="Name or IP of this machine for the others. Empty: its address towards `server.redis`.",
    )
    port: units.Port = Field(
        default=8444,
        description="With several machines its door is called there by the others, and by nobody else. TLS.",
    )
