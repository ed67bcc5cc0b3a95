"""Where hosts join: what listens, and how hosts name it. A noun."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Doorway:
    """`addresses`: names and IPs that its certificate is good for. The first one is written into the line that a new
    host is given; an agent may try them all."""

    listen: str
    addresses: tuple[str, ...]

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def places(self) -> tuple[str, ...]:
        """host:port, IPv6 in brackets."""
        return tuple(f"[{a}]:{self.port}" if ":" in a else f"{a}:{self.port}" for a in self.addresses)

    @property
    def url(self) -> str:
        return f"https://{self.places[0]}"
