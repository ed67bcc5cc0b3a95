"""A request to the sample service that is under way until the test ends it: no length that must be longer than a busy machine
is slow.

with HeldRequest("10.0.0.1:80") as request: …; assert request.goes_on()
"""

import http.client
from types import TracebackType

_LASTS = 600  # seconds; nobody waits for its end


class HeldRequest:
    def __init__(self, address: str, host: str = "app") -> None:
        self._line = http.client.HTTPConnection(address, timeout=10)
        self._line.request("GET", f"/stream?s={_LASTS}", headers={"Host": host})
        self._answer = self._line.getresponse()  # it has arrived, and is being answered
        self.version = self._answer.headers["X-Version"]

    def goes_on(self) -> bool:
        """Is more of it sent?"""
        return self._answer.read(5) == b"tick\n"

    def __enter__(self) -> "HeldRequest":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.close()
        self._line.close()
