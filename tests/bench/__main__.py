"""`bin/bench NAME`: runs one measurement on a lab of its own (or that of SHIPWAY_LAB, which is then left up)."""

import os
import sys
from importlib import import_module
from pathlib import Path

from tests.lab.commands import LabError
from tests.lab.down import down
from tests.lab.layout import PREFIX
from tests.lab.up import up

BENCHES = {"rollout": "zero lost requests, and how long: Shipway, a shell script and Swarm on the same hosts"}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in BENCHES:
        print("bin/bench NAME\n" + "\n".join(f"  {name:10} {what}" for name, what in BENCHES.items()))
        return 2
    kept = os.environ.get("SHIPWAY_LAB")
    state = Path(kept or PREFIX + "bench")
    os.environ["SHIPWAY_LAB"] = str(state)
    try:
        up(state, hosts=3, tls=False, ssh=False)
        code: int = import_module(f"tests.bench.{sys.argv[1]}").main()
    except LabError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    finally:
        if not kept:
            down(state)
    return code


if __name__ == "__main__":
    sys.exit(main())
