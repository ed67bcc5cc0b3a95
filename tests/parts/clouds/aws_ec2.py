"""moto made honest about RunInstances: it makes new machines for a token that it knows already, takes user data of any size and
images that do not exist (research: moto 5.2). Everything else of EC2 stays moto's.
"""

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

USER_DATA = 16 << 10
Answer = Callable[..., Any]
App = Callable[[dict[str, Any], Answer], Iterable[bytes]]


@dataclass
class HonestEc2:
    """WSGI in front of moto's. `images`: those that exist; empty: all. `orders`: what was asked for, in order."""

    moto: App
    images: set[str] = field(default_factory=set)
    orders: list[dict[str, str]] = field(default_factory=list)
    tokens: dict[str, tuple[dict[str, str], bytes]] = field(default_factory=dict)

    def __call__(self, environ: dict[str, Any], start_response: Answer) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        values = {key: found[0] for key, found in parse_qs(body.decode(), keep_blank_values=True).items()}
        environ["wsgi.input"] = io.BytesIO(body)
        if values.get("Action") != "RunInstances":
            return self.moto(environ, start_response)
        return self._run(values, environ, start_response)

    def _run(
        self, values: dict[str, str], environ: dict[str, Any], start_response: Answer
    ) -> Iterable[bytes]:
        token = values.get("ClientToken", "")
        if token in self.tokens:
            said, answer = self.tokens[token]
            if said != values:
                return _refuse(
                    "IdempotentParameterMismatch", "Arguments on this request differ.", start_response
                )
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [answer]
        if len(base64.b64decode(values.get("UserData", ""))) > USER_DATA:
            return _refuse("InvalidParameterValue", "User data is limited to 16384 bytes", start_response)
        if self.images and values.get("ImageId") not in self.images:
            return _refuse("InvalidAMIID.NotFound", "The image id does not exist", start_response)
        self.orders.append(values)
        answer = b"".join(self.moto(environ, start_response))
        if token and b"<instanceId>" in answer:
            self.tokens[token] = (values, answer)
        return [answer]


def _refuse(code: str, text: str, start_response: Answer) -> Iterable[bytes]:
    start_response("400 Bad Request", [("Content-Type", "text/xml")])
    error = f"<Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
    return [f"<Response>{error}<RequestID>r-1</RequestID></Response>".encode()]
