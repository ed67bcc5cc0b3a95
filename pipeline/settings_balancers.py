"""What must fit together under `load_balancers` of `shipway.yml`: what a kind needs, and chains that end. Pure.

Knows what may be written, never whether such a load balancer exists.
"""

import re
from collections.abc import Mapping

from pipeline.faults import Faults, Path, did_you_mean
from pipeline.settings_access import UNPAIRED, is_unpaired
from pipeline.settings_endpoint import UNSAFE, is_safe
from pipeline.settings_keys import BalancerKeys, FileKeys

ALIYUN = ("aliyun-slb", "aliyun-alb")
CLOUDS = (*ALIYUN, "aws-elbv2", "aws-elb")
RUNTIME = re.compile(r"unix:///[^\s;]+|tcp://[^\s/@]+:[0-9]{1,5}")
CONFIGURATION = re.compile(r"file:///[^\s;]+")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")  # it is written into commands and configurations


def check_balancers(keys: FileKeys, names: list[str], faults: Faults) -> None:
    """`names`: all that were written, also those with other faults."""
    for name, entry in keys.load_balancers.items():
        path: Path = ("load_balancers", name)
        if entry.kind == "chain":
            _check_chain(name, entry, keys.load_balancers, names, faults)
        else:
            _check_single(entry, path, faults)
        if is_unpaired(entry):
            faults.add((*path, "access_key"), UNPAIRED)


def _check_single(entry: BalancerKeys, path: Path, faults: Faults) -> None:
    if not WORD.fullmatch(entry.id):
        faults.add((*path, "id"), f"{entry.kind} needs the name of what it is; letters, digits and -_.:/")
    if entry.of:
        faults.add((*path, "of"), "is only for kind: chain")
    if entry.group and entry.kind not in ALIYUN:
        faults.add((*path, "group"), "is only for kind: aliyun-slb or aliyun-alb")
    if entry.settle is not None and entry.kind not in CLOUDS:
        faults.add((*path, "settle"), f"is only for the clouds' kinds; {entry.kind} obeys at once")
    if entry.kind == "aliyun-alb":
        _check_alb(entry, path, faults)
    if entry.kind in ALIYUN and not entry.region:
        faults.add((*path, "region"), "is missing; give the cloud's name of it, such as cn-hangzhou")
    wrong = _endpoint_fault(entry)
    if wrong:
        faults.add((*path, "endpoint"), wrong)


def _check_alb(entry: BalancerKeys, path: Path, faults: Faults) -> None:
    if entry.id.startswith("sgp-"):
        faults.add(
            (*path, "id"), "is a server group; write it under `group`, and the load balancer (alb-…) here"
        )
    if not WORD.fullmatch(entry.group):
        faults.add((*path, "group"), "is missing; aliyun-alb needs its server group, such as sgp-bp1")


def _endpoint_fault(entry: BalancerKeys) -> str:
    if entry.kind in CLOUDS:
        return "" if not entry.endpoint or is_safe(entry.endpoint) else UNSAFE
    if entry.kind == "haproxy" and not RUNTIME.fullmatch(entry.endpoint):
        return (
            "haproxy needs unix:///path or tcp://host:port of its runtime API (`stats socket … level admin`)"
        )
    if entry.kind == "nginx" and not CONFIGURATION.fullmatch(entry.endpoint):
        return "nginx needs file:///path of its nginx.conf, such as file:///etc/nginx/nginx.conf"
    return ""


def _check_chain(
    name: str, entry: BalancerKeys, entries: Mapping[str, BalancerKeys], names: list[str], faults: Faults
) -> None:
    path: Path = ("load_balancers", name, "of")
    for key in ("id", "endpoint", "group", "settle"):
        if getattr(entry, key) not in ("", None):
            faults.add(("load_balancers", name, key), "is not for a chain; its members have their own")
    if not entry.of:
        faults.add(path, "is empty; name the load balancers of the chain, the outermost first")
    for at, part in enumerate(entry.of):
        if part not in names:
            faults.add((*path, at), f"there is no load balancer '{part}'{did_you_mean(part, names)}")
        elif _leads_to(part, name, entries, set()):
            faults.add((*path, at), f"'{part}' leads back to '{name}'; a chain must end")


def _leads_to(start: str, goal: str, entries: Mapping[str, BalancerKeys], been: set[str]) -> bool:
    if start == goal:
        return True
    if start in been or start not in entries:
        return False
    been.add(start)
    return any(_leads_to(part, goal, entries, been) for part in entries[start].of)
