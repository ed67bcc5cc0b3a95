"""`python3 -m tests.lab up|down|status`: see `bin/lab`."""

import argparse
import json
import os
import sys
from ipaddress import IPv4Network
from pathlib import Path

from tests.lab import engine, registry
from tests.lab.commands import LabError
from tests.lab.down import down, forget
from tests.lab.layout import cache, state_of
from tests.lab.up import SUBNET, up


def main() -> int:
    options = _options()
    state = state_of(options.name)
    try:
        if options.command == "up":
            up(state, options.hosts, options.tls, options.ssh, options.subnet)
        elif options.command == "down":
            down(state)
            if options.cache:
                forget(cache())
        else:
            return _status(state)
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/lab", description="Docker hosts, a registry and base images on this machine."
    )
    parser.add_argument(
        "--name", default="", help="which lab; else the state directory in SHIPWAY_LAB; else `dev`"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="bring it up, or complete it")
    start.add_argument("--hosts", type=int, default=3)
    start.add_argument("--tls", action="store_true", help="one more host, reached by mutual TLS")
    start.add_argument("--ssh", action="store_true", help="one more host, reached by SSH")
    start.add_argument("--subnet", type=IPv4Network, default=SUBNET, help="a /24; the next free one is taken")
    stop = commands.add_parser("down", help="remove every trace but the cache of packages and images")
    stop.add_argument("--cache", action="store_true", help="remove that, too")
    commands.add_parser("status", help="what answers; ends with 1 when something does not")
    return parser.parse_args()


def _status(state: Path) -> int:
    try:
        facts = json.loads((state / "lab.json").read_text())
    except FileNotFoundError:
        print(f"no lab at {state}")
        return 1
    sockets = {"builder": facts["builder"].removeprefix("unix://")}
    sockets |= {h["name"]: h.get("socket", sockets["builder"]) for h in facts["hosts"]}
    sockets |= {facts[kind]["name"]: facts[kind]["socket"] for kind in ("tls", "ssh") if kind in facts}
    rows = {name: _engine_line(Path(sock)) for name, sock in sockets.items()}
    rows["registry"] = facts["registry"] if registry.answers(facts["registry"]) else "no answer"
    for name, text in rows.items():
        print(f"{name:10} {text}")
    return 1 if "no answer" in rows.values() else 0


def _engine_line(sock: Path) -> str:
    return f"Docker {engine.version(sock)} at {sock}" if engine.answers(sock) else "no answer"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.umask(0o022)
    sys.exit(main())
