"""Where hosts join: what listens, and how hosts name it. A noun."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Doorway:
    """`addresses`: names and IPs that its certificate is good for. The first one is written into the line that a new
    host is given; an agent may try them all. `peer_address`, `peer_port`: where other machines of the control plane reach
    this one's door; no address: its own one towards Redis."""

    listen: str
    addresses: tuple[str, ...]
    peer_address: str = ""
    peer_port: int = 8444

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def places(self) -> tuple[str, ...]:
        """host:port, IPv6 in brackets."""
        return tuple(place_of(address, self.port) for address in self.addresses)

    @property
    def url(self) -> str:
        return f"https://{self.places[0]}"


def place_of(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
