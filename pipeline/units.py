"""Reads the small values of both YAML files: durations, sizes, names, addresses. Values in, values or ValueError out.

Each function says in its ValueError what is wrong and what would be right; who calls adds where. The annotated types at
the end put them into the pydantic models. Nothing here reads a file, the environment or the network.
"""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, WithJsonSchema

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")
FACTOR = re.compile(r"\d+(\.\d+)?x?")
PERCENT = re.compile(r"([1-9][0-9]?|100)%")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOST_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253})?")
USER_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
URL_PATH = re.compile(r"/[!-~]*")

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
LONGEST = 366 * 86400.0


def duration(value: object) -> float:
    """Seconds of `500ms`, `10s`, `1h30m` or a bare number of seconds."""
    text = _scalar(value).strip().lower()
    try:
        seconds = _seconds(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a duration; write 500ms, 10s, 5m, 1h or a number of seconds"
        ) from None
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{text!r} is out of range; a duration lies between 0 and 366 days")
    return seconds


def _seconds(text: str) -> float:
    parts = DURATION_PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return round(sum(float(number) * SECONDS[unit] for number, unit in parts), 6)
    return float(text)


def positive_duration(value: object) -> float:
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than 0")
    return seconds


def poll(value: object) -> float:
    """Seconds between two looks, at least one; 0 for `off`."""
    if value == "off":
        return 0.0
    seconds = duration(value)
    if 0 < seconds < 1:
        raise ValueError("must be off, or at least 1s")
    return seconds


def size(value: object) -> int:
    """Bytes of `256m`, `1g`, `512MiB` or a bare number of bytes. Units are powers of 1024."""
    text = _scalar(value).strip()
    match = SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a size; write 256m, 1g or a number of bytes")
    return int(float(match[1]) * 1024 ** POWERS[match[2].lower()])


def batch(value: object) -> int | str:
    """A number of hosts, or a share of them such as `25%`."""
    text = _scalar(value).strip()
    if PERCENT.fullmatch(text):
        return text
    if re.fullmatch(r"[1-9][0-9]{0,5}", text):
        return int(text)
    raise ValueError(f"{text!r} is neither a number of hosts (at least 1) nor a share such as 25%")


def share(value: object) -> float:
    """`5%`, `0.5%` or 0.05."""
    text = _scalar(value).strip()
    match = SHARE.fullmatch(text)
    found = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= found <= 1:
        raise ValueError(f"{text!r} is not a share; write 5% or 0.05")
    return found


def factor(value: object) -> float:
    """`3x` or 3; at least 1."""
    text = _scalar(value).strip().lower()
    if not FACTOR.fullmatch(text) or float(text.rstrip("x")) < 1:
        raise ValueError(f"{text!r} is not a factor of at least 1; write 3x")
    return float(text.rstrip("x"))


def name(value: object) -> str:
    text = _scalar(value)
    if not NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no usable name; use at most 41 of a-z, 0-9 and '-', beginning with a letter or digit"
        )
    return text


def text(value: object) -> str:
    """Any scalar as the text it was written as. Nothing (null) is not a text."""
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        found = str(value)
        if "\0" in found:
            raise ValueError("must not contain a NUL character")
        return found
    if value is None:
        raise ValueError('is empty; give it a value ("" for an empty text) or remove the key')
    raise ValueError(f"must be a single value, not a {'list' if isinstance(value, list) else 'mapping'}")


def identifier(value: object) -> str:
    found = _scalar(value)
    if not IDENTIFIER.fullmatch(found):
        raise ValueError(
            f"{found!r} cannot be a variable's name; use letters, digits and '_', no digit first"
        )
    return found


def listen_address(value: object) -> str:
    """`host:port`, IPv6 in brackets; an empty host means every address."""
    found = _scalar(value)
    host, colon, port = found.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not _port(port) or (host != bare and not is_ip(bare)) or (host == bare and ":" in host):
        raise ValueError(f"{found!r} is not an address to listen on; write host:port, such as 127.0.0.1:8080")
    if bare and not is_ip(bare) and not HOST_WORD.fullmatch(bare):
        raise ValueError(f"{bare!r} is not a host name or IP address")
    return found


def port_number(value: object) -> int:
    found = _scalar(value)
    if not _port(found):
        raise ValueError(f"{found!r} is not a port; give a number from 1 to 65535")
    return int(found)


def port_range(value: object) -> tuple[int, int]:
    """`20000-29999`: published ports are taken from it."""
    first, dash, last = _scalar(value).replace(" ", "").partition("-")
    if not dash or not _port(first) or not _port(last) or int(first) > int(last):
        raise ValueError(f"{value!r} is not a range of ports; write 20000-29999")
    return int(first), int(last)


def ip_address(value: object) -> str:
    found = _scalar(value)
    if not is_ip(found):
        raise ValueError(
            f"{found!r} is not an IP address; replicas are published on it, so a name will not do"
        )
    return found


def domain(value: object) -> str:
    """A host name as browsers send it, lower case; it is written into proxy configurations."""
    found = _scalar(value).lower().removesuffix(".")
    if len(found) > 253 or not all(DNS_LABEL.fullmatch(label) for label in found.split(".")):
        raise ValueError(
            f"{found!r} is not a host name; write shop.example.com (international names as xn--…)"
        )
    return found


def engine_url(value: object) -> str:
    """unix:///path, tcp://address:port, ssh://user@address[:port] or agent:name."""
    found = _scalar(value)
    parts = urlsplit(found)
    agent = parts.scheme == "agent" and NAME.fullmatch(found.removeprefix("agent:"))
    if agent or (parts.scheme == "unix" and not parts.netloc and re.match(r"/.", parts.path)):
        return found
    beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.password
    if parts.scheme not in ("tcp", "ssh") or beyond:
        raise ValueError(
            f"{found!r} is not an engine; write unix:///var/run/docker.sock, tcp://10.0.0.5:2376, "
            "ssh://deploy@10.0.0.5 or agent:web-1"
        )
    if not parts.hostname or not (HOST_WORD.fullmatch(parts.hostname) or is_ip(parts.hostname)):
        raise ValueError(f"{found!r} names no usable host; it may not be empty nor begin with '-'")
    _check_user_and_port(found)
    return found


def _check_user_and_port(url: str) -> None:
    parts = urlsplit(url)
    if "@" in parts.netloc and not (parts.scheme == "ssh" and USER_WORD.fullmatch(parts.username or "")):
        raise ValueError(f"{url!r} has a user that ssh cannot use; write ssh://deploy@10.0.0.5")
    if parts.port is None and parts.scheme == "tcp":
        raise ValueError(f"{url!r} has no port; write tcp://{parts.hostname}:2376")


def image(value: object) -> str:
    found = _scalar(value)
    if not IMAGE.fullmatch(found):
        raise ValueError(f"{found!r} is not an image; write name:tag or registry/name:tag")
    return found


def http_url(value: object) -> str:
    found = _scalar(value).rstrip("/")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\"'<>]", found):
        raise ValueError(f"{found!r} is not an address; write https://shipway.example.com")
    return found


def url_path(value: object) -> str:
    found = _scalar(value)
    if not URL_PATH.fullmatch(found):
        raise ValueError(f"{found!r} is not a path to ask for; begin with '/', without spaces (write %20)")
    return found


def inner_path(value: object) -> str:
    """A relative path that stays inside the folder it is relative to."""
    found = _scalar(value)
    if found.startswith("/") or ".." in found.split("/") or "\\" in found:
        raise ValueError(f"{found!r} leads out of the repository; give a relative path without '..'")
    if not found or not found.isprintable():
        raise ValueError(f"{found!r} is not a path")
    return found


def _port(found: str) -> bool:
    return bool(re.fullmatch(r"[1-9][0-9]{0,4}", found)) and int(found) <= 65535


def is_ip(found: str) -> bool:
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return True


def _words(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


_SECONDS = WithJsonSchema({"type": ["string", "number"], "examples": ["500ms", "10s", "5m", "1h", 30]})
Duration = Annotated[float, BeforeValidator(duration), _SECONDS]
Poll = Annotated[float, BeforeValidator(poll), _SECONDS]
PositiveDuration = Annotated[float, BeforeValidator(positive_duration), _SECONDS]
Size = Annotated[
    int, BeforeValidator(size), WithJsonSchema({"type": ["string", "integer"], "examples": ["256m"]})
]
Batch = Annotated[
    int | str, BeforeValidator(batch), WithJsonSchema({"type": ["string", "integer"], "examples": [1, "25%"]})
]
Share = Annotated[
    float, BeforeValidator(share), WithJsonSchema({"type": ["string", "number"], "examples": ["5%", 0.05]})
]
Factor = Annotated[
    float, BeforeValidator(factor), WithJsonSchema({"type": ["string", "number"], "examples": ["3x", 3]})
]
Text = Annotated[str, BeforeValidator(text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Word = Annotated[str, BeforeValidator(text)]
Name = Annotated[str, BeforeValidator(name), _words(f"^{NAME.pattern}$", "web-1")]
Identifier = Annotated[str, BeforeValidator(identifier), _words(f"^{IDENTIFIER.pattern}$", "LOG_LEVEL")]
Listen = Annotated[str, BeforeValidator(listen_address), _words(r":\d+$", "127.0.0.1:8080")]
Port = Annotated[
    int, BeforeValidator(port_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})
]
PortRange = Annotated[tuple[int, int], BeforeValidator(port_range), _words(r"^\d+-\d+$", "20000-29999")]
IpAddress = Annotated[str, BeforeValidator(ip_address)]
Domain = Annotated[str, BeforeValidator(domain)]
EngineUrl = Annotated[
    str, BeforeValidator(engine_url), _words("^((unix|tcp|ssh)://|agent:)", "tcp://10.0.0.5:2376")
]
Image = Annotated[str, BeforeValidator(image)]
HttpUrl = Annotated[str, BeforeValidator(http_url), _words("^https?://", "https://shipway.example.com")]
UrlPath = Annotated[str, BeforeValidator(url_path), _words("^/", "/healthz")]
InnerPath = Annotated[str, BeforeValidator(inner_path)]
