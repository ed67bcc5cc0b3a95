"""`bin/demo`: leaves the tool running; `--once` cleans up at its end; `--down` removes every trace."""

import argparse
import sys
from pathlib import Path

from tests.demo.ground import FOLDER, prepare, remove
from tests.demo.story import Broken, tell
from tests.lab.commands import LabError, say
from tests.lab.layout import cache
from tests.parts.house import House


def main() -> int:
    options = _options()
    if options.down:
        remove()
        say(
            f"nothing of the demo is left but the cache of packages and images in {cache()} (bin/lab down --cache)"
        )
        return 0
    try:
        house = prepare()
        tell(house)
        _next(house, options.once)
    except (Broken, AssertionError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    finally:
        if options.once:
            remove()
    return 0


def _next(house: House, once: bool) -> None:
    say("done: everything that was promised was kept")
    if once:
        return
    token = house.token
    print(
        f"""
Shipway runs at {house.url} · token {token}
The service answers at {" ".join(f"http://{front}/" for front in house.fronts)}

Try next:
  export SHIPWAY_URL={house.url} SHIPWAY_TOKEN={token} PATH={Path(sys.executable).parent}:$PATH
  shipway status
  shipway plan {house.service} production
  (cd {FOLDER}/shop && echo v4 > VERSION && : > BAD && git commit -qam 'Version 4' && git push)
  shipway logs -f 4
  shipway rollback {house.service} production
  bin/demo --down     removes every trace of this"""
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/demo", description="The main job on real parts, told line by line."
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--once", action="store_true", help="clean up at the end")
    choice.add_argument("--down", action="store_true", help="remove every trace of an earlier demo")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.stderr.write(f"demo: {error}\n")
        sys.exit(1)
