"""The keys of `server.traces` in shipway.yml, and the noun that they make."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline import units
from pipeline.secret import Secret
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.traces.trace import Traces


def _endpoint(value: str) -> str:
    return units.http_url(value) if value else value


Endpoint = Annotated[units.Word, AfterValidator(_endpoint)]


class TracesKeys(Keys):
    endpoint: Endpoint = Field(
        default="", description="A collector that takes OTLP over HTTP. Empty: no traces; docs/figures.md."
    )
    headers: dict[units.Word, SecretText] = Field(
        default={}, description="Sent along, such as Authorization."
    )

    def traces(self) -> Traces:
        headers = {name: Secret(value.get_secret_value()) for name, value in self.headers.items()}
        return Traces(self.endpoint, headers)
