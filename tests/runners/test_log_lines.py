"""One line an event, for people and for programs."""

import json
import logging

import pytest

from runners.log_lines import JsonLines, TextLines


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("shipway.worker", logging.INFO, "", 0, message, (), None)
    made.created = 0.0
    vars(made).update(fields)
    return made


def test_a_line_for_people_ends_with_the_fields() -> None:
    assert TextLines().format(record("run taken up", run=5)) == "00:00:00.000 info  run taken up run=5"


@pytest.mark.parametrize(
    ("value", "shown"), [("", '""'), ("two words", '"two words"'), ('a"b', '"a\\"b"'), ("a\nb", '"a\\nb"')]
)
def test_a_value_never_breaks_its_line(value: str, shown: str) -> None:
    assert TextLines().format(record("x", why=value)).endswith(f"x why={shown}")


def test_a_line_for_programs_has_every_field() -> None:
    read = json.loads(JsonLines().format(record("run taken up", run=5, why="a\nb")))

    assert read == {
        "at": "1970-01-01T00:00:00.000+00:00",
        "level": "info",
        "logger": "shipway.worker",
        "event": "run taken up",
        "run": 5,
        "why": "a\nb",
    }


def test_a_traceback_is_kept() -> None:
    made = record("broke")
    try:
        raise ValueError("boom")
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)

    assert "ValueError: boom" in json.loads(JsonLines().format(made))["traceback"]
