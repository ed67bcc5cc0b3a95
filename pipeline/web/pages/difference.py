"""One release, and how it differs from another: the runtime spec line by line, and the releases that lie between."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.web.answers import Answer
from pipeline.web.auth import within
from pipeline.web.fleet_answers import ReleaseAnswer
from pipeline.web.pages.page import Page
from pipeline.web.pages.visit import Visit
from pipeline.web.titles import title_of

MOST_BETWEEN = 30
COMPARE = {
    "gitlab": "{address}/-/compare/{old}...{new}",
    "github": "{address}/compare/{old}...{new}",
    "gitea": "{address}/compare/{old}...{new}",
    "forgejo": "{address}/compare/{old}...{new}",
    "gitee": "{address}/compare/{old}...{new}",
}


@dataclass(frozen=True)
class Line:
    """A field of the spec; None: not there."""

    name: str
    old: str | None
    new: str | None

    @property
    def changed(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True)
class Step:
    """A release between the two, or the newer one itself."""

    number: int
    commit: str
    title: str
    environment: str


def show(visit: Visit, service: str, release: int) -> dict[str, object]:
    """Compared with `?with=`; else with the one before it that was made for the same environment."""
    found = visit.ask(ReleaseAnswer, "show_release", service=service, release=release)
    other = _other(visit, found)
    old, new = (other, found) if other is None or other.number < found.number else (found, other)
    between = _between(visit, old, new) if old else []
    repository = visit.ports.service(service).repository
    return {
        "release": found,
        "title": title_of(visit.ports, found.run),
        "old": old,
        "new": new,
        "lines": lines_of(old, new),
        "between": between,
        "compare": compare_address(repository, old.commit if old else "", new.commit),
    }


def lines_of(old: ReleaseAnswer | None, new: ReleaseAnswer) -> list[Line]:
    before, after = flat(old) if old else {}, flat(new)
    return [Line(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]


def flat(release: ReleaseAnswer) -> dict[str, str]:
    """Secrets by name alone: whether a value changed is not told."""
    found = {"image": release.image, **_fields("", release.spec)}
    found |= {f"secret {name}": "***" for name in release.spec.secrets}
    return found


def compare_address(repository: Repository, old: str, new: str) -> str:
    """The forge's own page of the commits between; empty where none is known."""
    pattern = COMPARE.get(repository.forge, "")
    address = repository.address.removesuffix(".git")
    if not (pattern and old and new and old != new and address.startswith(("https://", "http://"))):
        return ""
    return pattern.format(address=address, old=quote(old), new=quote(new))


def _fields(prefix: str, answer: Answer) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in type(answer).model_fields:
        value = getattr(answer, name)
        if isinstance(value, Answer):
            found |= _fields(f"{name}.", value)
        elif isinstance(value, Mapping):
            found |= {f"{prefix}{name}.{key}": str(item) for key, item in value.items()}
        elif name != "secrets":
            text = (
                " ".join(map(str, value))
                if isinstance(value, list)
                else f"{value:g}"
                if isinstance(value, float)
                else str(value)
            )
            found[f"{prefix}{name}"] = text
    return {name: text for name, text in found.items() if text}


def _plain(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _other(visit: Visit, release: ReleaseAnswer) -> ReleaseAnswer | None:
    given = visit.args.get("with", "")
    if given:
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            raise Refused(f"{given[:50]!r} is no number of a release.")
        return visit.ask(ReleaseAnswer, "show_release", service=release.service, release=int(given))
    for earlier in visit.ports.releases.releases(release.service, MOST_BETWEEN, release.number):
        if earlier.environment == release.environment:
            return visit.ask(ReleaseAnswer, "show_release", service=release.service, release=earlier.number)
    return None


def _between(visit: Visit, old: ReleaseAnswer, new: ReleaseAnswer) -> list[Step]:
    """Newest first, the newer of both included; only what the reader may see."""
    books = visit.ports.releases.releases(new.service, MOST_BETWEEN, new.number + 1)
    return [
        Step(r.number, r.commit, title_of(visit.ports, r.run), r.environment)
        for r in books
        if r.number > old.number and within(visit.caller, r.service, r.environment)
    ]


PAGES = (Page("/services/<service>/releases/<id:release>", "release", show),)
