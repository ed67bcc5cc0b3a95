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
TO_DO = {
    "ShipwayError": "Nothing raises it as such: look at the kinds below.",
    "Refused": "Ask for something else; the sentence says what is allowed.",
    "BadConfig": "Mend the key whose path is named; `shipway config check` names all mistakes at once.",
    "BadSignature": "A webhook: compare the secret at the forge with `repository.secret`. A token: `shipway token create`.",
    "Forbidden": "Use a token with the role that is named, or one that is bound to this service and environment.",
    "NotFound": "Look at the spelling; `shipway services`, `runs`, `releases`, `deployments` list what there is.",
    "Conflict": "Wait for what stands in the way, or end it; the sentence names it.",
    "TooLarge": "Send less; for a webhook 25 MiB are read.",
    "Unsupported": "Send JSON (a webhook: JSON, or a form with the JSON in it).",
    "StageFailed": "Read `shipway logs RUN`: it is the build or the tests of the repository. Push again.",
    "RolloutFailed": "Nothing at once: what served before serves. Read `shipway deployment show N`, mend, push again.",
    "Stopped": "Nothing, when a person cancelled. Work whose lease was lost is taken up by another worker.",
    "RunnerError": "Look at what is named: registry, engine, forge, load balancer.",
    "Unreachable": "Shipway tries again by itself until a deadline. If it stays: `shipway doctor`.",
    "Rejected": "Trying again does not help: mend the credentials, rights or names in the sentence.",
    "PortTaken": "Nothing: another port of `hosts.*.ports` is tried. If it stays, find who takes them.",
    "ConfigRefused": "Read what the proxy said, and mend what it names. The old configuration serves.",
    "Outdated": "Nothing: somebody newer is at work, or the database is an older backup ([restore](howto/backup.md#restore)).",
    "DiskFull": "Make room on the machine that is named: `shipway prune --dry-run` says what would go.",
}


def errors_page() -> str:
    return HEAD + "".join(_rows(ShipwayError, 0))


def _rows(kind: type[ShipwayError], depth: int) -> Iterator[str]:
    about = " ".join((kind.__doc__ or "").split())
    name = f"{'·' * depth} `{kind.__name__}`".strip()
    yield f"| {name} | {kind.status}, {kind.exit_code} | {about} | {TO_DO[kind.__name__]} |\n"
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _rows(below, depth + 1)
