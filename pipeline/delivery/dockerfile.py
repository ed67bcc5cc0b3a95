"""Reads a Dockerfile as far as we must: its stages, which images it needs, whether a stage runs something of its own.

Never judges whether it would build; the engine does that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DIRECTIVE = re.compile(r"\s*#\s*(\w+)\s*=\s*(\S+)\s*$")
HEREDOC = re.compile(r"<<(-?)([\"']?)(\w+)\2")
FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?\s*$", re.IGNORECASE)
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")
COPY_FROM = re.compile(r"--from=(\S+)")


@dataclass(frozen=True)
class BuildStage:
    """One FROM and what follows it. `words` are the instructions in it."""

    name: str
    base: str
    words: tuple[str, ...]
    copies: tuple[str, ...]  # what `COPY --from=` and `RUN --mount=…,from=` name

    @property
    def runs(self) -> bool:
        """True when a container of it would run something that this stage, not its base, says."""
        return "CMD" in self.words or "ENTRYPOINT" in self.words


def has_stage(text: str, name: str) -> bool:
    return any(stage.name == name.lower() for stage in stages(text, {}))


def runs_something(text: str, name: str) -> bool:
    return any(stage.runs for stage in stages(text, {}) if stage.name == name.lower())


def bases(text: str, args: Mapping[str, str]) -> tuple[str, ...]:
    """Images that must be there before the build: each once, in order, without stages of the file itself."""
    found: dict[str, None] = {}
    names: set[str] = {"scratch"}
    listed = stages(text, args)
    for stage in listed:
        if stage.base.lower() not in names:
            found[stage.base] = None
        names.add(stage.name)
    every = {stage.name for stage in listed}
    for stage in listed:
        for source in stage.copies:
            if not source.isdigit() and source.lower() not in every and "$" not in source:
                found[source] = None
    return tuple(found)


def base_of(text: str, args: Mapping[str, str], target: str) -> str:
    """The image that the built stage begins with, through stages of the file; empty: none, as with scratch."""
    listed = stages(text, args)
    chosen = [at for at, stage in enumerate(listed) if not target or stage.name == target.lower()]
    if not chosen:
        return ""
    at = chosen[-1]
    while earlier := [n for n, stage in enumerate(listed[:at]) if stage.name == listed[at].base.lower()]:
        at = earlier[-1]
    base = listed[at].base
    return "" if base.lower() == "scratch" else base


def syntax(text: str) -> str:
    """The frontend image that a `# syntax=` line asks for, empty without one."""
    return dict(_directives(text)).get("syntax", "")


def without_syntax(text: str) -> str:
    """The same text for the engine's own frontend; line numbers stay."""
    lines = text.splitlines(keepends=True)
    for number, (name, _) in enumerate(_directives(text)):
        if name == "syntax":
            lines[number] = "#\n"
    return "".join(lines)


def stages(text: str, args: Mapping[str, str]) -> list[BuildStage]:
    """`args` win over the defaults of ARG lines that stand before the first FROM."""
    known: dict[str, str] = {}
    found: list[BuildStage] = []
    for word, rest in _instructions(text):
        if word == "ARG" and not found:
            name, _, default = rest.partition("=")
            known[name.strip()] = args.get(name.strip(), _filled(default.strip().strip("\"'"), known))
        elif word == "FROM" and (match := FROM.match(rest)):
            base = _filled(match[1], known)
            found.append(BuildStage((match[2] or "").lower(), base, (), ()))
        elif found:
            stage = found[-1]
            copies = tuple(COPY_FROM.findall(rest)) if word in ("COPY", "ADD") else ()
            found[-1] = BuildStage(stage.name, stage.base, (*stage.words, word), (*stage.copies, *copies))
    return found


def _directives(text: str) -> Iterator[tuple[str, str]]:
    """Only the very first lines can be directives; the first line that is none ends them."""
    for line in text.splitlines():
        match = DIRECTIVE.match(line)
        if not match:
            return
        yield match[1].lower(), match[2]


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """(WORD, rest) with continued lines joined; comments and the bodies of heredocs left out."""
    escape = dict(_directives(text)).get("escape", "\\")
    lines = iter(text.splitlines())
    for line in lines:
        joined = _continued(line, lines, escape)
        word, _, rest = joined.strip().partition(" ")
        if not word or word.startswith("#"):
            continue
        yield word.upper(), rest.strip()
        if word.upper() in ("RUN", "COPY", "ADD"):
            for dash, _quote, end in HEREDOC.findall(rest):
                _skip_to(end, bool(dash), lines)


def _continued(line: str, lines: Iterator[str], escape: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    joined = line
    while joined.rstrip().endswith(escape):
        joined = joined.rstrip()[: -len(escape)]
        following = next((n for n in lines if not n.lstrip().startswith("#") and n.strip()), None)
        if following is None:
            break
        joined += " " + following.strip()
    return joined.replace("\t", " ")


def _skip_to(end: str, dash: bool, lines: Iterator[str]) -> None:
    for line in lines:
        if (line.lstrip("\t") if dash else line) == end:
            return


def _filled(text: str, known: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, operator, other = match[1] or match[2], match[3] or "", match[4] or ""
        held = known.get(name, "")
        there = bool(held) if operator.startswith(":") else name in known
        if operator.endswith("-"):
            return held if there else other
        if operator.endswith("+"):
            return other if there else ""
        return held

    return VARIABLE.sub(value, text)
