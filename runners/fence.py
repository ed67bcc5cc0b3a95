"""What keeps an older configuration from replacing a newer one: the generation in the file on the host itself.

Whoever slept through the end of its lease may wake up between any two instructions. What it does then passes one of these
checks on the host, in the same script as the deed; where there is an agent, also the agent's. Never says what the newer
one is, nor who wrote it.
"""

import re

from pipeline.errors import Outdated

NEWER = 95

# newer FILE GENERATION: ends the script when the file has a higher one, and says which.
FENCE = r"""
newer() {
  there=$(sed -n 's/.*shipway-generation-\([0-9][0-9]*\).*/\1/p' "$1" 2>/dev/null | head -n 1)
  if [ "${there:-0}" -gt "$2" ]; then echo "$there" >&2; exit 95; fi
}
"""


def outdated(site: object, mine: int, running: int) -> Outdated:
    return Outdated(
        f"Proxy {site}: it has generation {running}, and this was generation {mine}: somebody changed it since. "
        "Nothing was changed; whoever holds the deployment looks again and goes on from there.",
        running,
    )


def told_outdated(sentence: str) -> Outdated:
    """As an agent said it, in the words of `outdated`."""
    found = re.search(r"it has generation (\d+)", sentence)
    return Outdated(sentence, int(found[1]) if found else 0)


def read_generation(text: str) -> int:
    """Of a configuration file; 0 when it is none of ours."""
    digits = text.partition("shipway-generation-")[2].split()[:1]
    return int(digits[0]) if digits and digits[0].isdigit() else 0
