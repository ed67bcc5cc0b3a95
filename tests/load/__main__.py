"""`python3 -m tests.load TARGET… [--rate N] [--seconds N] …`: prints what became of every request, as JSON."""

import argparse
import json
import select
import sys

from tests.load.generator import Generator, Plan


def main() -> int:
    plan, stop_with_input = _plan()
    generator = Generator(plan, _input_ended if stop_with_input else lambda: False)
    if stop_with_input:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    try:
        counts = generator.run()
    except KeyboardInterrupt:
        counts = generator.counts
    sys.stdout.write(json.dumps(counts.facts()) + "\n")
    return 1 if counts.failed else 0


def _input_ended() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _plan() -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(prog="python3 -m tests.load")
    parser.add_argument("targets", nargs="*", help="host:port, shared out over the connections")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--no-keep-alive", dest="keep_alive", action="store_false")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--path", default="/")
    parser.add_argument("--host", default="app")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--timeout", type=float, default=15)
    parser.add_argument("--plan", help="all of this as JSON; ends when its input ends")
    options = vars(parser.parse_args())
    plan = options.pop("plan")
    facts = json.loads(plan) if plan else options
    return Plan(**facts | {"targets": tuple(facts["targets"])}), bool(plan)


if __name__ == "__main__":
    sys.exit(main())
