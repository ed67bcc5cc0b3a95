"""`bin/bench NAME`: runs one measurement on a lab of its own (or that of SHIPWAY_LAB, which is then left up)."""

import os
import sys
from importlib import import_module
from pathlib import Path

from tests.lab.commands import LabError
from tests.lab.down import down
from tests.lab.layout import PREFIX
from tests.lab.up import up

BENCHES = {
    "rollout": "zero lost requests, and how long: Shipway, a shell script, Ansible and Swarm on the same hosts",
    "deploy": "push to live, back warm and cold, against the same work as raw engine calls in the best order",
    "requests": "100,000 requests of every kind over ten rollouts and five rollbacks: how many failed",
    "idle": "CPU and memory of web, worker, scheduler and Redis while nothing happens, and a worker's import",
    "intake": "webhooks a second beside adnanh/webhook and Buildbot, and none lost when processes die; needs no lab",
    "plan": "what a rollout of 10, 100 and 1,000 hosts costs us alone, in CPU time and memory; needs no lab",
    "figures": "what the DORA metrics and stage durations of 10,000 runs cost, in CPU time; needs no lab",
    "logs": "what 100 followers of 100 logs cost, beside tail -f, and appending with masking and without; needs no lab",
    "agents": "a call and a stream by agent, TLS, ssh forward and tcp beside the unix socket; an agent's memory and CPU",
    "scaling": "actions, overloaded minutes and node-minutes of scaling beside the naive rule; needs no lab",
    "sizes": "1,000 hosts, 200 services, 10,000 runs a day beside 10 hosts and 5 services, both databases; needs no lab",
    "pages": "what each page of the dashboard costs the server with 10,000 runs, beside the API's list; needs no lab",
}
ALONE = frozenset({"intake", "plan", "figures", "logs", "pages", "scaling", "sizes"})  # need no lab
EVERY_WAY = frozenset({"agents"})  # need hosts that are reached by TLS and by ssh


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in BENCHES:
        print("bin/bench NAME\n" + "\n".join(f"  {name:10} {what}" for name, what in BENCHES.items()))
        return 2
    if sys.argv[1] in ALONE:
        return _measured()
    kept = os.environ.get("SHIPWAY_LAB")
    state = Path(kept or PREFIX + "bench")
    os.environ["SHIPWAY_LAB"] = str(state)
    try:
        up(state, hosts=3, tls=sys.argv[1] in EVERY_WAY, ssh=sys.argv[1] in EVERY_WAY)
        code = _measured()
    except LabError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    finally:
        if not kept:
            down(state)
    return code


def _measured() -> int:
    code: int = import_module(f"tests.bench.{sys.argv[1]}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
