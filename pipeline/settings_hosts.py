"""The keys under `hosts` of `shipway.yml`."""

from pydantic import Field

from pipeline import settings_values as values
from pipeline import units
from pipeline.settings_rollout import Keys
from pipeline.units import Name, Text, Word


class TlsKeys(Keys):
    ca: Word = Field(
        min_length=1, description="PEM file of the authority that signed the engine's certificate."
    )
    cert: Word = Field(min_length=1, description="PEM file of our client certificate.")
    key: Word = Field(min_length=1, description="PEM file of our client key.")


class SshKeys(Keys):
    key: Word = Field(
        default="", description="File of our private key. Empty: what the user's own ssh takes."
    )
    known_hosts: Word = Field(
        default="", description="File of the host keys that are trusted. Empty: the user's own."
    )


class HostKeys(Keys):
    engine: units.EngineUrl = Field(
        description="unix:///path, tcp://address:port, ssh://user@address, or agent:name of a host that dials out."
    )
    address: units.IpAddress | None = Field(
        default=None,
        description="Private IP on which replicas publish their ports; no proxy reaches 127.0.0.1. Default: the IP in `engine`.",
    )
    region: Name | None = Field(default=None, description="Where it stands; load balancers are regional.")
    instance: Word = Field(
        default="",
        description="The cloud's id of the machine, as its load balancer knows it. Empty: the address.",
    )
    labels: dict[values.Label, Text] = Field(
        default={}, description="For `hosts: {role: web}` in environments."
    )
    tls: TlsKeys | None = Field(default=None, description="Certificates for a tcp:// engine.")
    ssh: SshKeys | None = Field(default=None, description="Keys for an ssh:// engine.")
    ports: units.PortRange = Field(
        default=(20000, 29999), description="Replicas publish on free ports of this range."
    )
