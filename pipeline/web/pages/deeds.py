"""What one can ask of a run or a deployment: each with a page of its own that says what will happen, and a button."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pipeline.errors import ShipwayError
from pipeline.rollout.deployment import Request
from pipeline.rollout.preview import continued
from pipeline.web.answers import (
    DeploymentAccepted,
    DeploymentAnswer,
    PlanAnswer,
    PlanStep,
    RequestAccepted,
    RunAccepted,
    RunAnswer,
)
from pipeline.web.auth import Role
from pipeline.web.pages.language import key
from pipeline.web.pages.page import Form, Page
from pipeline.web.pages.visit import Visit


@dataclass(frozen=True)
class Deed:
    """`call` is the API's, and `sent` what it gets; `title`, `told` and `button` are keys of the catalogue."""

    name: str
    call: str
    title: str
    told: str
    button: str
    danger: bool = False
    role: Role = Role.DEPLOYER
    sent: Mapping[str, str] = field(default_factory=dict)
    asks_why: bool = False  # a field for the `reason` that the call takes


OF_RUNS = (
    Deed(
        "cancel",
        "cancel_run",
        key("Cancel run {n}?"),
        key("What it is doing is ended. A deployment of it that has begun goes back to the release before."),
        key("Cancel the run"),
        danger=True,
    ),
    Deed(
        "retry",
        "retry_run",
        key("Run the commit of run {n} again?"),
        key("A new run of the same commit begins, with what the registry and the caches still have."),
        key("Retry"),
    ),
    Deed(
        "approve",
        "approve_run",
        key("Let run {n} deploy?"),
        key("It was built, tested and published, and goes on to its environment."),
        key("Approve"),
    ),
    Deed(
        "override",
        "approve_run",
        key("Let run {n} deploy now?"),
        key(
            "It was built, tested and published, and deploys in spite of windows and freezes. The audit names you."
        ),
        key("Deploy all the same"),
        danger=True,
        role=Role.ADMIN,
        sent={"override": "true"},
        asks_why=True,
    ),
)
OF_DEPLOYMENTS = (
    Deed(
        "pause",
        "deployment_pause",
        key("Hold deployment {n}?"),
        key("It ends the step that it is in and then waits. What serves now goes on serving."),
        key("Pause"),
    ),
    Deed(
        "resume",
        "deployment_resume",
        key("Let deployment {n} go on?"),
        key("It goes on from where it is."),
        key("Resume"),
    ),
    Deed(
        "approve",
        "deployment_approve",
        key("Let deployment {n} go on with its next batch?"),
        key("The next batch of hosts follows; then somebody is asked again if the policy says so."),
        key("Approve"),
    ),
    Deed(
        "promote",
        "deployment_promote",
        key("Take deployment {n} to all hosts?"),
        key("All other hosts follow, batch by batch, and nobody is asked any more."),
        key("Promote"),
    ),
    Deed(
        "abort",
        "deployment_abort",
        key("Abort deployment {n}?"),
        key(
            "Every host that it touched goes back to the release before. One that is going back already is given up."
        ),
        key("Abort"),
        danger=True,
    ),
    Deed(
        "retry",
        "again",
        key("Try deployment {n} again?"),
        key("A new deployment of the same release begins; hosts that run it and are well are not touched."),
        key("Retry"),
    ),
)


def ask_about_run(deed: Deed, visit: Visit, run: int) -> dict[str, object]:
    found = visit.ask(RunAnswer, "show_run", run=run)
    return _asking(deed, "runs", run, found.service, found.environment, None, "")


def ask_about_deployment(deed: Deed, visit: Visit, deployment: int) -> dict[str, object]:
    """With the steps that would follow. That they cannot be told keeps nobody from asking for it."""
    found = visit.ask(DeploymentAnswer, "show_deployment", deployment=deployment)
    steps, trouble = None, ""
    try:
        steps = _steps(deed, visit, found)
    except ShipwayError as error:
        trouble = str(error)
    return _asking(deed, "deployments", deployment, found.service, found.environment, steps, trouble)


def do_to_run(deed: Deed, visit: Visit, fields: Mapping[str, str], run: int) -> str:
    why = {"reason": fields.get("reason", "")} if deed.asks_why else {}
    return f"/runs/{visit.ask(RunAccepted, deed.call, {**deed.sent, **why}, run=run).run}"


def do_to_deployment(deed: Deed, visit: Visit, fields: Mapping[str, str], deployment: int) -> str:
    if deed.name == "retry":
        return f"/deployments/{visit.ask(DeploymentAccepted, deed.call, deployment=deployment).deployment}"
    visit.ask(RequestAccepted, deed.call, deployment=deployment)
    return f"/deployments/{deployment}"


def _steps(deed: Deed, visit: Visit, found: DeploymentAnswer) -> list[PlanStep] | None:
    if deed.name == "pause" or (deed.name != "retry" and found.finished_at is not None):
        return None
    if deed.name == "retry":
        wanted = {"service": found.service, "environment": found.environment, "release": str(found.release)}
        return visit.ask(PlanAnswer, "show_plan", wanted).steps
    steps = continued(found.id, Request(deed.name), visit.ports)
    return [PlanStep(host=step.host, text=step.what, why=step.why, sign=step.sign) for step in steps]


def _asking(
    deed: Deed,
    kind: str,
    number: int,
    service: str,
    environment: str,
    steps: list[PlanStep] | None,
    trouble: str,
) -> dict[str, object]:
    return {
        "deed": deed,
        "path": f"/{kind}/{number}",
        "number": number,
        "service": service,
        "environment": environment,
        "steps": steps,
        "trouble": trouble,
    }


def _pages(kind: str, deeds: tuple[Deed, ...], asks: Callable[..., dict[str, object]]) -> tuple[Page, ...]:
    return tuple(
        Page(f"/{kind}s/<id:{kind}>/{deed.name}", "deed", partial(asks, deed), deed.role) for deed in deeds
    )


def _forms(kind: str, deeds: tuple[Deed, ...], acts: Callable[..., str]) -> tuple[Form, ...]:
    return tuple(Form(f"/{kind}s/<id:{kind}>/{deed.name}", partial(acts, deed), deed.role) for deed in deeds)


PAGES = (
    *_pages("run", OF_RUNS, ask_about_run),
    *_pages("deployment", OF_DEPLOYMENTS, ask_about_deployment),
)
FORMS = (*_forms("run", OF_RUNS, do_to_run), *_forms("deployment", OF_DEPLOYMENTS, do_to_deployment))
