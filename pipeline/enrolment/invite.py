"""Flow: somebody, or a pool, invites a host. What they get is a token, in a line to paste or in user-data."""

import re
from collections.abc import Mapping
from datetime import timedelta

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.invitation import LIFE, Invitation, Via
from pipeline.errors import Conflict, Refused

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
LABEL = re.compile(r"[A-Za-z0-9._/-]{1,63}")
VALUE = re.compile(r"[ -~]{0,200}")


def invite(
    desk: EnrolmentDesk,
    labels: Mapping[str, str],
    region: str = "",
    name: str = "",
    pool: str = "",
    instance: str = "",
    ttl: float = LIFE,
    via: Via = Via.AGENT,
    provider: str = "",
    by: str = "",
) -> str:
    """The token, good for one machine and `ttl` seconds."""
    _check(desk, labels, region, name, via)
    until = desk.clock.now() + timedelta(seconds=ttl)
    return desk.invitations.invite(
        Invitation(until, dict(labels), region, name, pool, provider, instance, via, by)
    )


def line(desk: EnrolmentDesk, token: str) -> str:
    return desk.papers.line(desk.signer.hosts, token)


def user_data(desk: EnrolmentDesk, token: str) -> str:
    """For a cloud's API, as cloud-init reads it; at most 16 KB, which every cloud takes."""
    return desk.papers.user_data(desk.signer.hosts, token)


def _check(desk: EnrolmentDesk, labels: Mapping[str, str], region: str, name: str, via: Via) -> None:
    for what, text in (("name", name), ("region", region)):
        if text and not NAME.fullmatch(text):
            raise Refused(f"The {what} {text!r} will not do: use a-z, 0-9 and '-', at most 41.")
    for label, value in labels.items():
        if not LABEL.fullmatch(label) or not VALUE.fullmatch(value):
            raise Refused(f"{label}={value!r} is not a label: write role=web, at most 63 characters each.")
    if name and (name in desk.of_file() or name in desk.roster.joined()):
        raise Conflict(
            f"There is a host {name} already: `shipway hosts`. Take another name, or remove that one."
        )
    if via is Via.AGENT and not desk.papers.agent:
        raise Refused("This Shipway has no agent to give to a host. Invite it with `--via tls`.")
