"""Reads what a request to product Alb says, and refuses what its documentation does not allow."""

import re
from ipaddress import ip_address
from typing import Any

from tests.parts.balancers.aliyun_signature import ApiError

Row = dict[str, Any]
_SERVER = re.compile(r"Servers\.([1-9][0-9]*)\.(\w+)")
_OF_THE_CALL = ("Signature", "SignatureNonce", "Timestamp")


def order(values: dict[str, str]) -> dict[str, str]:
    """What a token stands for."""
    return {key: value for key, value in values.items() if key not in _OF_THE_CALL}


def place(row: Row) -> tuple[str, int]:
    return row["ServerId"], row["Port"]


def place_of(row: Row) -> str:
    return f"{row['ServerId']}:{row['Port']}"


def limit(values: dict[str, str], most: int) -> int:
    size = int(values.get("MaxResults", "20"))
    if not 1 <= size <= most:
        raise ApiError(400, "IllegalParam.MaxResults", "The param of MaxResults is illegal.")
    return size


def servers_of(values: dict[str, str], most: int) -> list[Row]:
    found: dict[int, dict[str, str]] = {}
    for key, value in values.items():
        if match := _SERVER.fullmatch(key):
            found.setdefault(int(match[1]), {})[match[2]] = value
    if not found or sorted(found) != list(range(1, len(found) + 1)):
        raise ApiError(400, "MissingParam.Servers", "The parameter of Servers is missing.")
    if len(found) > most:
        raise ApiError(400, "QuotaExceeded.ServersNum", f"At most {most} servers in each call.")
    rows = [_server(found[number]) for number in sorted(found)]
    if len({place(row) for row in rows}) < len(rows):
        raise ApiError(400, "DuplicatedParam.Server", "The param of Server is duplicated.")
    return rows


def _server(said: dict[str, str]) -> Row:
    for key in ("ServerId", "ServerType", "Port"):
        if not said.get(key):
            raise ApiError(400, f"MissingParam.{key}", f"The parameter of {key} is missing.")
    if said["ServerType"] != _kind(said["ServerId"]):
        raise ApiError(400, "Mismatch.ServerType", f"The ServerType is mismatched for {said['ServerId']}.")
    weight, about = int(said.get("Weight", "100")), said.get("Description", "")
    if not 0 <= weight <= 100:
        raise ApiError(400, "IllegalParam.Weight", "The param of Weight is illegal.")
    if about and not 2 <= len(about) <= 256:
        raise ApiError(400, "IllegalParam.description", "The parameter description of server is illegal.")
    return {
        "ServerId": said["ServerId"],
        "ServerIp": said.get("ServerIp", ""),
        "ServerType": said["ServerType"],
        "Port": int(said["Port"]),
        "Weight": weight,
        "Description": about,
    }


def _kind(server: str) -> str:
    try:
        ip_address(server)
    except ValueError:
        return {"eni": "Eni", "eci": "Eci"}.get(server.partition("-")[0], "Ecs")
    return "Ip"
