"""docs/errors.md: the tree of pipeline/errors.py with what each class answers, and what a person does then."""

from collections.abc import Iterator

from pipeline import errors
from pipeline.errors import ShipwayError

HEAD = """# Errors

Made from `pipeline/errors.py` by `python -m tests.handbook`; do not edit.

Every error that Shipway raises on purpose is of one of these kinds. Its message is a sentence: what, where, why, and what to do
now. The same error has one HTTP status in the API (a problem document whose `type` is `urn:shipway:problem:…`) and one exit code
at the command (`shipway help exit-codes`). An error that nobody expected is 500 and exit code 1; its `request_id` finds it in the
log.

A kind with more dots is a special case of the one above it with fewer: whoever handles that one handles it too. The `type` of a
problem ends in the kind's name: `BadConfig` is `urn:shipway:problem:bad-config`.

| kind | HTTP, exit code | what it is | what to do |
|---|---|---|---|
"""
# kind -> what a person does who meets it; a kind without a line here fails the test


def errors_page() -> str:
    return HEAD + "".join(_rows(ShipwayError, 0))


def _rows(kind: type[ShipwayError], depth: int) -> Iterator[str]:
    about = " ".join((kind.__doc__ or "").split())
    name = f"{'·' * depth} `{kind.__name__}`".strip()
    yield f"| {name} | {kind.status}, {kind.exit_code} | {about} | {kind.now} |\n"
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _rows(below, depth + 1)
