"""A bare repository of our own: the post-receive hook of `shipway repo init` tells which refs moved.

Signed with HMAC-SHA256 over `timestamp.body`, so that neither can be changed and nothing can be played again after
five minutes. Never opens the repository: commits were looked up by the hook and are checked again at checkout.
"""

from collections.abc import Mapping
from datetime import datetime

from pipeline.errors import BadSignature, Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, Push
from runners import webhook, webhook_proof
from runners.webhook import Fields

NAME = "git"
EVENT = "push"


class Git:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        return webhook.fields(headers, body).text("project")

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        _verify(headers, body, repository, now)
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data = webhook.fields(headers, body)
        project = data.text("project")
        key = webhook.key(project, data.words("delivery"), body)
        pushes = tuple(push for update in data.objects("updates") if (push := _push(update, data, project)))
        note = "" if pushes else "neither a branch nor a tag moved"
        return Hook(NAME, key, EVENT, project, pushes, note)


def _verify(headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> None:
    secret = webhook_proof.secret_of(repository)
    given, stamp = headers.get("x-shipway-signature", ""), headers.get("x-shipway-timestamp", "")
    if not given:
        raise BadSignature(
            "The header X-Shipway-Signature is missing. Run `shipway repo init` to renew the hook."
        )
    wanted = (
        "sha256="
        + webhook_proof.signature(secret.encode(), stamp.encode("utf-8", "surrogatepass") + b"." + body).hex()
    )
    if not webhook_proof.same(given, wanted):
        raise BadSignature(
            "X-Shipway-Signature does not fit: the hook's secret is not the one in shipway.yml."
        )
    webhook_proof.check_time(stamp, now)


def _push(update: Fields, data: Fields, project: str) -> Push | None:
    found = webhook.split_ref(update.text("ref"))
    if found is None:
        return None
    commit = update.commit("after")
    if commit and update.has("commit"):
        commit = update.commit("commit")  # of an annotated tag, `after` is the tag object
    return Push(
        forge=NAME,
        project=project,
        kind=found[0],
        ref=found[1],
        commit=commit,
        before=update.commit("before"),
        author=data.words("pusher"),
        message=update.words("message", webhook.LONGEST_MESSAGE),
        forced=update.flag("forced"),
        options=_options(data),
    )


def _options(data: Fields) -> dict[str, str]:
    """`git push -o ci.skip -o note=x` -> `{"ci.skip": "", "note": "x"}`."""
    options = data.values.get("options", [])
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise Refused("The body's field 'options' is not a list of texts.")
    return {name: value for name, _, value in (option.partition("=") for option in options)}
