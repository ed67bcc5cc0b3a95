"""The entry for hosts: what each path of the door answers. Reads forms, calls the flows, writes texts that `sh` can read.

GET  /ca.pem  /enrol.sh  /agent.py     what a host needs before it is anybody
POST /enrol                            with a token: certificates
POST /arrive  /renew                   with the client certificate that it got
"""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.enrol import Papers, arrive, enrol, renew
from pipeline.enrolment.invitation import Newcomer
from pipeline.errors import NotFound, Refused, ShipwayError, TooMany
from runners.door.limit import Refusals
from runners.door.message import Answered, Asked

log = logging.getLogger("shipway.door")

LONGEST = 200  # of what a host says of itself
FACTS = ("hostname", "address", "provider", "instance", "region", "size")

Form = Mapping[str, str]


def answers(desk: EnrolmentDesk, refusals: Refusals) -> Callable[[Asked], Answered]:
    deeds: Mapping[tuple[str, str], Callable[[Asked], Answered]] = {
        ("GET", "/ca.pem"): lambda _: _text(desk.signer.hosts),
        ("GET", "/enrol.sh"): lambda _: _text(desk.papers.script),
        ("GET", "/agent.py"): lambda _: _agent(desk),
        ("POST", "/enrol"): lambda asked: _enrol(asked, desk),
        ("POST", "/arrive"): lambda asked: _arrive(asked, desk),
        ("POST", "/renew"): lambda asked: _renew(asked, desk),
    }

    def answer(asked: Asked) -> Answered:
        wait = refusals.wait(asked.peer)
        if wait:
            raise TooMany(f"This address was refused too often. Try again in {wait / 60:.0f} minutes.", wait)
        deed = deeds.get((asked.method, asked.path))
        try:
            if deed is None:
                raise NotFound(
                    f"There is nothing at {asked.path}. The line from `shipway hosts invite` knows the way."
                )
            answered = deed(asked)
        except ShipwayError as error:
            if error.status < 500:
                refusals.note(asked.peer)
            log.warning("host refused", extra={"peer": asked.peer, "path": asked.path, "error": str(error)})
            raise
        log.info("host answered", extra={"peer": asked.peer, "path": asked.path})
        return answered

    return answer


def _enrol(asked: Asked, desk: EnrolmentDesk) -> Answered:
    form = _form(asked)
    return _papers(enrol(_part(form, "token"), _part(form, "request"), _newcomer(form, asked), desk))


def _arrive(asked: Asked, desk: EnrolmentDesk) -> Answered:
    form = _form(asked)
    joined = arrive(asked.serial, _part(form, "token"), _newcomer(form, asked), desk)
    labels = ", ".join(f"{label}={value}" for label, value in joined.host.labels.items()) or "none"
    return _text(f"{joined.name} joined at {joined.host.address}, labels: {labels}.\n")


def _renew(asked: Asked, desk: EnrolmentDesk) -> Answered:
    return _papers(renew(asked.serial, _part(_form(asked), "request"), desk))


def _agent(desk: EnrolmentDesk) -> Answered:
    if not desk.papers.agent:
        raise NotFound("This Shipway has no agent to give to a host. Invite it with `--via tls`.")
    return _text(desk.papers.agent)


def _papers(papers: Papers) -> Answered:
    """Files, each behind a line with its name; the first one is for the script itself."""
    files = {
        "facts": f"name={papers.host}\nvia={papers.via}\naddress={papers.address}\n",
        "client.pem": papers.client,
        "server.pem": papers.server,
        "ca.pem": papers.hosts,
        "controllers.pem": papers.controllers,
    }
    return _text("".join(f"== {name}\n{text}" for name, text in files.items() if text))


def _form(asked: Asked) -> Form:
    try:
        pairs = parse_qsl(
            asked.body.decode("ascii"), keep_blank_values=True, max_num_fields=20, strict_parsing=True
        )
    except ValueError as error:
        raise Refused("The body is not a form. The line from `shipway hosts invite` sends one.") from error
    return dict(pairs)


def _part(form: Form, name: str) -> str:
    if not form.get(name):
        raise Refused(f"The form has no {name}. The line from `shipway hosts invite` sends it.")
    return form[name]


def _newcomer(form: Form, asked: Asked) -> Newcomer:
    said = {name: form.get(name, "").strip()[:LONGEST] for name in FACTS}
    odd = next((name for name, value in said.items() if not value.isprintable()), "")
    if odd:
        raise Refused(f"The machine's {odd} has characters that cannot be shown.")
    return Newcomer(asked.peer, **said)


def _text(text: str) -> Answered:
    return Answered(200, text.encode())
