"""Forms of a service: start a run, scale, go back, deploy a release. What moves releases is shown as a plan first."""

from pipeline.errors import ShipwayError
from pipeline.rollout.history import rollback_target
from pipeline.rollout.holding import hold_now
from pipeline.web.answers import DeploymentAccepted, PlanAnswer, RunAccepted
from pipeline.web.auth import Role, demand_within
from pipeline.web.fleet_answers import ReleaseAnswer
from pipeline.web.pages.page import Form, Page
from pipeline.web.pages.visit import Visit
from pipeline.web.titles import title_of

PLACE = "/services/<service>/environments/<environment>"


def confirm_rollback(visit: Visit, service: str, environment: str) -> dict[str, object]:
    return _confirm(visit, service, environment, "rollback")


def confirm_deploy(visit: Visit, service: str, environment: str) -> dict[str, object]:
    return _confirm(visit, service, environment, "deploy")


def roll_back(visit: Visit, fields: dict[str, str], service: str, environment: str) -> str:
    sent = {"release": fields.get("release", "")}
    done = visit.ask(DeploymentAccepted, "roll_back", sent, service=service, environment=environment)
    return f"/deployments/{done.deployment}"


def deploy(visit: Visit, fields: dict[str, str], service: str, environment: str) -> str:
    sent = {name: fields.get(name, "") for name in ("release", "override", "reason")}
    done = visit.ask(DeploymentAccepted, "deploy", sent, service=service, environment=environment)
    return f"/deployments/{done.deployment}"


def scale(visit: Visit, fields: dict[str, str], service: str, environment: str) -> str:
    sent = {"replicas": fields.get("replicas", "")}
    done = visit.ask(DeploymentAccepted, "rescale", sent, service=service, environment=environment)
    return f"/deployments/{done.deployment}"


def run(visit: Visit, fields: dict[str, str], service: str, environment: str) -> str:
    sent = {"ref": fields.get("ref", "")}
    done = visit.ask(RunAccepted, "start_run", sent, service=service, environment=environment)
    return f"/runs/{done.run}"


def _confirm(visit: Visit, service: str, environment: str, verb: str) -> dict[str, object]:
    """A plan that cannot be made (a host that hangs) keeps nobody from going back."""
    ports = visit.ports
    demand_within(visit.caller, service, environment)
    place = ports.settings.environment(service, environment)
    live = ports.deployments.environment(service, environment).live
    number = _number(visit, service, environment, live, verb)
    plan, trouble = None, ""
    if number is not None:
        wanted = {"service": service, "environment": environment, "release": str(number)}
        try:
            plan = visit.ask(PlanAnswer, "show_plan", wanted)
        except ShipwayError as error:
            trouble = str(error)
    return {
        "service": service,
        "environment": environment,
        "verb": verb,
        "live_release": _told(visit, service, live),
        "then": _told(visit, service, number),
        "plan": plan,
        "trouble": trouble,
        "hold": hold_now(place, ports) if verb == "deploy" else None,
    }


def _number(visit: Visit, service: str, environment: str, live: int | None, verb: str) -> int | None:
    given = visit.args.get("release", "")
    if given:
        answer = visit.ask(ReleaseAnswer, "show_release", service=service, release=_whole(given))
        return answer.number
    if verb == "deploy":
        return live
    return rollback_target(visit.ports.deployments.good_releases(service, environment), live)


def _whole(text: str) -> int:
    """No release has the number 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _told(visit: Visit, service: str, number: int | None) -> tuple[int, str, str] | None:
    """Number, commit and its first line."""
    if number is None:
        return None
    release = visit.ports.releases.release(service, number)
    return number, release.commit, title_of(visit.ports, release.run)


PAGES = (
    Page(f"{PLACE}/rollback", "bring", confirm_rollback, Role.DEPLOYER),
    Page(f"{PLACE}/deploy", "bring", confirm_deploy, Role.DEPLOYER),
)
FORMS = (
    Form(f"{PLACE}/rollback", roll_back),
    Form(f"{PLACE}/deploy", deploy),
    Form(f"{PLACE}/runs", run),
    Form(f"{PLACE}/scale", scale),
)
