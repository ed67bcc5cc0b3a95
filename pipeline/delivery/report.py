"""What the tests of a run said: counts, failing cases, coverage, each command's result; what stands beside them. Nouns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

SHOWN = 3  # failing cases that a sentence names


@dataclass(frozen=True)
class ServiceContainer:
    """Runs beside the tests, reached by its name. `health`: a command in it, or the port to listen on; "": its image's
    own health check, else the first port that it exposes."""

    image: str
    env: dict[str, str] = field(default_factory=dict)
    command: str = ""
    health: str = ""
    deadline: float = 60.0


@dataclass(frozen=True)
class Totals:
    """Cases by outcome, in the words of JUnit."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.passed + other.passed,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        """In the words of pytest; what is zero is left out, except when all is."""
        parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "errors"),
            (self.skipped, "skipped"),
        ]
        return ", ".join(f"{count} {word}" for count, word in parts if count) or "0 passed"


@dataclass(frozen=True)
class Case:
    """One that failed. `message` is its first line, as the report has it."""

    name: str
    message: str = ""


@dataclass(frozen=True)
class CommandResult:
    """`name` is empty for `test.command`. `totals` None: it left no report. `cases`: the first that failed."""

    name: str
    exit_code: int
    seconds: float = 0.0
    attempts: int = 1
    totals: Totals | None = None
    cases: tuple[Case, ...] = ()
    coverage: float | None = None


@dataclass(frozen=True)
class TestOutcome:
    """Of all commands, in their order."""

    commands: tuple[CommandResult, ...]

    @property
    def failed(self) -> tuple[CommandResult, ...]:
        return tuple(command for command in self.commands if command.exit_code)

    @property
    def totals(self) -> Totals | None:
        found = [command.totals for command in self.commands if command.totals is not None]
        return reduce(Totals.__add__, found) if found else None

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(case for command in self.commands for case in command.cases)

    @property
    def coverage(self) -> float | None:
        """The last one that was found."""
        return next((c.coverage for c in reversed(self.commands) if c.coverage is not None), None)

    @property
    def attempts(self) -> int:
        return max((command.attempts for command in self.commands), default=1)

    @property
    def summary(self) -> str:
        """ "12 passed, 1 failed; coverage 81.5 %", or empty."""
        totals, coverage, flaky = self.totals, self.coverage, self.attempts > 1 and not self.failed
        parts = [
            str(totals) if totals else "",
            f"coverage {coverage:g} %" if coverage is not None else "",
            f"green at attempt {self.attempts}" if flaky else "",
        ]
        return "; ".join(part for part in parts if part)

    def then(self, again: "TestOutcome") -> "TestOutcome":
        """With what a further attempt at some of the commands brought."""
        newer = {command.name: command for command in again.commands}
        return TestOutcome(tuple(newer.get(command.name, command) for command in self.commands))


def named(cases: Sequence[Case]) -> str:
    """The first few of them, for a sentence."""
    shown = [f"{case.name} ({case.message[:120]})" if case.message else case.name for case in cases[:SHOWN]]
    more = [f"and {len(cases) - SHOWN} more"] if len(cases) > SHOWN else []
    return ", ".join([*shown, *more])
