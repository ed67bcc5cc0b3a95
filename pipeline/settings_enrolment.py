"""The keys of `enrolment` in shipway.yml: where hosts that are in no file join."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from pipeline import units
from pipeline.enrolment.doorway import Doorway
from pipeline.settings_peers import PeerKeys
from pipeline.settings_rollout import Keys


def _addresses(value: object) -> list[str]:
    """One or several; a certificate is made for them, and each is written into commands."""
    found = value if isinstance(value, list) else [value]
    if not found:
        raise ValueError("is empty; name the address at which hosts reach this machine")
    return [_address(one) for one in found]


def _address(value: object) -> str:
    text = units.text(value)
    return text if units.is_ip(text) else units.domain(text)


Addresses = Annotated[list[str], BeforeValidator(_addresses, json_schema_input_type=str | list[str])]


class EnrolmentKeys(Keys):
    listen: units.Listen = Field(
        default="0.0.0.0:8443", description="Where the door for hosts listens, by TLS."
    )
    address: Addresses = Field(
        description="Name or IP at which hosts reach it; several: all that they may try. No proxy may end its TLS."
    )

    peers: PeerKeys = Field(
        default_factory=PeerKeys,
        description="How machines of one control plane reach hosts that dial another one.",
    )

    def doorway(self) -> Doorway:
        return Doorway(self.listen, tuple(dict.fromkeys(self.address)), self.peers.address, self.peers.port)
