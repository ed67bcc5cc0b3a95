"""Reads JUnit reports out of a finished test container.

Never fails a test run: what cannot be read is said in the log.
"""

from collections.abc import Callable

from runners.builder.copying import Bounds, TooMuch, Unreadable, find_files
from runners.builder.talking import Api
from runners.junit import NotJUnit, Report, report_of

BOUNDS = Bounds(largest=8 << 20, most=500, everything=64 << 20)


def read_reports(api: Api, container: str, pattern: str, log: Callable[[str], None]) -> Report | None:
    """All of them together; None: there is none."""
    report, found = Report(), 0
    try:
        for file in find_files(api, container, pattern, BOUNDS):
            found += 1
            try:
                report = report + report_of(file.opened.read())
            except NotJUnit as error:
                log(f"[shipway] {file.name} is not read: {error}.\n")
    except (TooMuch, Unreadable) as error:
        log(f"[shipway] The reports cannot be read: {error}.\n")
    if not found:
        log(f"[shipway] No report matches {pattern} in the test container.\n")
    return report if found else None
