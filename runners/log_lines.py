"""How our processes write their own log: one line an event on stderr, for people or as JSON.

An event is a short text plus fields given as `extra=`. Never used for the logs of runs; those are `log_store`.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime

FORMATS = ("text", "json")
UNQUOTED = re.compile(r"[\s\"']")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def set_up(style: str, level: int = logging.INFO) -> None:
    """For the whole process; calling it again replaces the first."""
    _without_what_nobody_reads()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("shipway").setLevel(level)


def fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[11:23]
        words = [at, record.levelname.lower()[:5].ljust(5), record.getMessage()]
        words += [f"{name}={_quoted(value)}" for name, value in fields(record).items()]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text) if text == "" or UNQUOTED.search(text) else text


def _without_what_nobody_reads() -> None:
    """Half of what a line costs: who called, thread and process; docs.python.org/3/howto/logging.html, Optimization."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
