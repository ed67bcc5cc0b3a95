"""What nginx counted of its replicas: the open source one has no counters, so it notes each request in memory, and the notes
are added up where they lie, from where the last reader stopped.

The notes live in the container's /dev/shm: no disk is touched, its size is a hard bound, a reload keeps them, a restart begins
anew. While nobody reads they may be full; then nginx serves on without noting, and the first reader makes room again.
Answers count for the replica that gave them, also when nginx then asked another one; an answer that never came counts only
when the user got nothing better. When nginx holds all replicas of a route for dead it asks none, and notes the upstream's name:
that is shared out among them, which is why the name tells one set of replicas from another.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from pipeline.fleet.proxy import Site
from runners.proxies.container import SiteContainer

log = logging.getLogger(__name__)

SEEN = "/dev/shm/shipway-seen"  # noqa: S108  in the container: nobody else's processes are there
_SUMS = "/dev/shm/shipway-sums"  # noqa: S108
_MOST = 1 << 19  # bytes of notes that one reader counts, and that may stay then: 12,000 requests
_ABSENT = 3

# $1 notes, $2 sums, $3 bytes of notes that are counted at once, the newest, and may stay. There is room for the sums even when
# the notes have filled the memory: those go first. Each reader makes the sums of the next number out of the newest, and a
# link that must not exist yet decides between two at once: no lock, so none can be left behind. A process costs the container
# a millisecond, so there are few, and two where nothing new was noted. A line of the sums is an address, requests, errors,
# answers and the seconds of all answers; the first says how many bytes of the notes are in it. Beyond 400 addresses those
# without news are forgotten.
_TALLY = r"""
[ -f "$1" ] || exit 3
newest() {
  n=0
  for file in "$2".[0-9]*; do
    if [ "${file##*.}" -gt "$n" ] 2>/dev/null; then n=${file##*.}; fi
  done
}
newest "$@"
at=0
if [ "$n" -gt 0 ]; then read -r _ at <"$2.$n"; fi
size=$(wc -c <"$1")
if [ "$n" -gt 0 ] && [ "$size" -eq "$at" ]; then exec cat "$2.$n"; fi
if [ "$size" -lt "$at" ]; then at=0; fi
cut=0
if [ $((size - at)) -gt "$3" ]; then at=$((size - $3)) cut=1; fi
sums=$(tail -c +$((at + 1)) "$1" | head -c $((size - at)) | awk -v at="$size" -v cut="$cut" -v sums="$2.$n" '
  BEGIN {
    print "at", at
    while ((getline line <sums) > 0) if (split(line, word, " ") == 5) {
      known += 1; who = word[1]
      n[who] += word[2]; e[who] += word[3]; a[who] += word[4]; s[who] += word[5]
    }
  }
  NR == 1 && cut { next }
  split($0, word, "|") == 3 {
    last = split(word[1], server, ", "); states = split(word[2], state, ", "); times = split(word[3], time, ", ")
    if (last != states || last != times) next
    for (i = 1; i <= last; i++) {
      who = server[i]; answered = time[i] ~ /^[0-9.]+$/
      if (who !~ /^[A-Za-z0-9][A-Za-z0-9_.:-]*$/ || state[i] !~ /^[0-9]+$/) continue
      if (!answered && (i < last || state[i] < 500)) continue
      n[who]++; fresh[who] = 1
      if (state[i] >= 500) e[who]++
      if (answered) { a[who]++; s[who] += time[i] }
    }
  }
  END { for (who in n) if (who in fresh || known <= 400) printf "%s %d %d %d %.3f\n", who, n[who], e[who], a[who], s[who] }
') || exit 1
if [ "$size" -gt "$3" ]; then : >"$1"; fi
printf '%s\n' "$sums" >"$2.of.$$" || exit 1
old=
if ln "$2.of.$$" "$2.$((n + 1))" 2>/dev/null; then
  for file in "$2".[0-9]*; do
    if [ "${file##*.}" -lt "$n" ]; then old="$old $file"; fi
  done
  printf '%s\n' "$sums"
else
  newest "$@"
  cat "$2.$n"
fi
rm -f "$2.of.$$" $old
"""

Figures = tuple[int, int, float | None]  # requests, errors, mean seconds to an answer
NOTHING: Figures = (0, 0, None)


def upstream(route: str, addresses: Iterable[str]) -> str:
    """The name of a route's upstream while it has exactly these replicas."""
    return f"{route}.{hashlib.sha256(','.join(sorted(addresses)).encode()).hexdigest()[:8]}"


def counted(site: SiteContainer, routes: Mapping[str, Sequence[str]]) -> dict[str, Figures] | None:
    """By address, since the container started. None: it does not count, which is said once and hurts nothing else."""
    reply = site.run({"tally": _TALLY}, ["tally", SEEN, _SUMS, str(_MOST)])
    if reply is None or reply.code:
        if reply is None or reply.code != _ABSENT:
            _warn(site.site, reply.said.strip() if reply else "no answer within 5 s")
        return None
    return shared_out(dict(_read(line) for line in reply.out.decode().splitlines()[1:]), routes)


def shared_out(sums: dict[str, Figures], routes: Mapping[str, Sequence[str]]) -> dict[str, Figures]:
    """What nobody was asked for any more, as errors of all who should have been. Grows with the sums, never falls."""
    found = dict(sums)
    for route, addresses in routes.items():
        lost = sums.get(upstream(route, addresses), NOTHING)[1]
        for at, address in enumerate(sorted(addresses)):
            mine = (lost + at) // len(addresses)
            requests, errors, mean = found.get(address, NOTHING)
            found[address] = requests + mine, errors + mine, mean
    return found


def _read(line: str) -> tuple[str, Figures]:
    address, requests, errors, answers, seconds = line.split()
    mean = float(seconds) / int(answers) if int(answers) else None
    return address, (int(requests), int(errors), mean)


@cache
def _warn(site: Site, why: str) -> None:
    """Once in the life of a process."""
    log.warning(
        "proxy %s: its requests cannot be counted, so releases behind it are judged by their health alone: %s. "
        "The image needs sh, awk, sed, tail and head (the official nginx images have them)",
        site,
        why,
    )
