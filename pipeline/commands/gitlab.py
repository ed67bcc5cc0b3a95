"""`gitlab connect PROJECT`: the webhook is there, as it should be, and called once to see. Calling it again repairs."""

import base64
import re
import secrets
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.asked import asked
from pipeline.commands.gitlab_runners import runners
from pipeline.commands.showing import show
from pipeline.errors import BadConfig, Conflict, NotFound, Refused, Rejected
from pipeline.fleet.service import Repository, Service
from pipeline.secret import Secret
from pipeline.settings import Settings
from runners.bare_repository import secret_in
from runners.settings_source import load_settings

if TYPE_CHECKING:
    from runners.gitlab_hook import GitLabHook, WebHook


@click.group()
def gitlab() -> None:
    """Projects at GitLab that Shipway deploys, and GitLab runners on its hosts."""


gitlab.add_command(runners)


@dataclass(frozen=True)
class Proofs:
    """`made`: lines for shipway.yml, for those that it does not have yet."""

    secret: str
    signing: str
    made: tuple[str, ...]


@gitlab.command()
@click.argument("project")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A token with scope api and role Maintainer, used only now. Default: `token` in shipway.yml.",
)
@click.option(
    "--test/--no-test",
    default=True,
    help="Let GitLab call Shipway with a push of the default branch's head, which is built where it belongs.",
)
def connect(project: str, token_file: Path | None, test: bool) -> None:
    """Make or repair the webhook of PROJECT, such as acme/shop, and test it."""
    settings = load_settings(asked().config_path())
    services = _services(settings, project)
    repository = _with_token(services[0].repository, token_file)
    proofs = _proofs(repository, Path(settings.server.data) / "keys")
    door = _door(repository, f"{settings.server.url.rstrip('/')}/hooks/gitlab")
    hook = door.connect(proofs.secret, proofs.signing)
    _refuse_unsigned(hook, repository)
    made = [line for line in proofs.made if hook.signed or not line.startswith("signing")]
    lines = _told(hook, project)
    tested = test and not made
    if tested:
        door.test(hook)
    lines += _next(made, services, tested)
    show(asdict(hook) | {"tested": tested, "add_to_configuration": made}, "\n".join(lines))


def _door(repository: Repository, url: str) -> "GitLabHook":
    """Loaded when it is needed: an install without GitLab has no python-gitlab."""
    try:
        door: GitLabHook = import_module("runners.gitlab_hook").GitLabHook(repository, url)
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"The Python package {error.name} is not installed. Install it: pip install 'shipway[gitlab]'."
        ) from error
    return door


def _services(settings: Settings, project: str) -> list[Service]:
    gitlabs = [s for s in settings.services.values() if s.repository.forge == "gitlab"]
    found = [service for service in gitlabs if service.repository.project == project]
    if not found:
        known = ", ".join(sorted({s.repository.project for s in gitlabs})) or "none"
        raise NotFound(
            f"No service of shipway.yml is built from {project!r} at GitLab (known: {known}). Add one whose repository "
            f"has `forge: gitlab` and `project: {project}`."
        )
    if len({(s.repository.secret, s.repository.signing) for s in found}) > 1:
        names = ", ".join(service.name for service in found)
        raise Conflict(
            f"{names} share the project {project}, so they must have the same secrets in shipway.yml."
        )
    return found


def _with_token(repository: Repository, file: Path | None) -> Repository:
    if file is not None:
        return replace(repository, token=Secret(file.read_text(encoding="utf-8").strip()))
    if not repository.token:
        raise Refused(
            f"There is no token for {repository.project}. Make a project access token at GitLab (Settings → Access "
            "tokens; role Maintainer, scope api), and name a file with it: --token-file."
        )
    return repository


def _proofs(repository: Repository, keys: Path) -> Proofs:
    """Those of shipway.yml; what it lacks is made once and kept in files that it can name."""
    made, slug = [], re.sub(r"[^A-Za-z0-9.-]+", "-", repository.project)
    secret, signing = repository.secret.reveal(), repository.signing.reveal()
    if not secret:
        file = keys / f"gitlab-{slug}.token"
        secret = secret_in(file, secrets.token_urlsafe(32))
        made.append(f'secret: "file:{file}"')
    if not signing:
        file = keys / f"gitlab-{slug}.signing"
        signing = secret_in(file, "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
        made.append(f'signing_secret: "file:{file}"')
    return Proofs(secret, signing, tuple(made))


def _refuse_unsigned(hook: "WebHook", repository: Repository) -> None:
    if repository.signing and not hook.signed:
        raise Rejected(
            "This GitLab does not sign webhooks (that came with 19.0), but shipway.yml has a `signing_secret`: every "
            "delivery would be refused. Take it out until GitLab is newer; `secret` stays."
        )


def _told(hook: "WebHook", project: str) -> list[str]:
    lines = [f"{'Made' if hook.created else 'Found'} the webhook {hook.id} of {project}: {hook.url}"]
    if hook.repaired:
        lines.append(f"Repaired: {', '.join(hook.repaired)}.")
    if hook.removed:
        lines.append(f"Removed {hook.removed} more with the same address; each push would have come twice.")
    signed = "token and signature" if hook.signed else "token only; this GitLab is older than 19"
    lines.append(f"Proof of each delivery: {signed}.")
    if hook.disabled:
        lines.append(f"{hook.disabled} A test that is answered turns it on again.")
    return lines


def _next(made: list[str], services: list[Service], tested: bool) -> list[str]:
    if not made:
        return ["Tested: GitLab called, and Shipway answered." if tested else "Not tested."]
    names = ", ".join(f"services.{service.name}.repository" for service in services)
    head = f"Add to {names}, let Shipway read it (SIGHUP or a restart), then run this again:"
    return ["", head, "", *(f"  {line}" for line in made)]
