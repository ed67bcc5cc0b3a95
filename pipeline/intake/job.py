"""RULE: what a job of GitLab's CI may do here, from the claims of its id_token. They were proved before; nothing here is.

A job reaches the environments that it names itself, of services built from its project, from refs that they take. So
GitLab's rules for protected environments and branches are Shipway's too.
"""

from collections.abc import Iterable, Mapping

from pipeline.caller import Caller
from pipeline.errors import Forbidden
from pipeline.fleet.service import CiJobs, Environment, Service
from pipeline.intake.push import RefKind

JOB = "gitlab job "  # begins the name of every such caller
ACTIONS = ("run.start", "run.cancel", "deploy")
KINDS = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}
Claims = Mapping[str, object]


def admit(claims: Claims, services: Iterable[Service]) -> Caller:
    """`services`: those that trust its issuer. Raises `Forbidden` with every reason."""
    scopes, reasons = [], []
    for service in services:
        jobs = service.repository.jobs
        if jobs is None or str(jobs.project_id) != _text(claims, "project_id"):
            continue
        for environment in service.environments.values():
            reason = _refusal(claims, jobs, environment)
            if reason:
                reasons.append(f"{service.name}/{environment.name}: {reason}")
            else:
                scopes.append(f"{service.name}/{environment.name}")
    if not scopes:
        project = f"No service takes jobs of project {_text(claims, 'project_id')} ({_text(claims, 'project_path')})"
        raise Forbidden(f"{'; '.join(reasons) or project}. See `jobs` of the repository in shipway.yml.")
    return Caller(JOB + _text(claims, "job_id"), "deployer", tuple(scopes), ACTIONS, _text(claims, "sha"))


def _refusal(claims: Claims, jobs: CiJobs, environment: Environment) -> str:
    """Why this job does not reach this environment."""
    named, ref = _text(claims, "environment"), _text(claims, "ref")
    kind = KINDS.get(_text(claims, "ref_type"))
    if named != environment.name:
        return f"the job names the environment {named!r}" if named else "the job names no environment"
    if _text(claims, "pipeline_source") == "merge_request_event":
        return "it is a job of a merge request"
    if jobs.protected and _text(claims, "ref_protected") != "true":
        return f"{ref!r} is not protected"
    if kind is None or not environment.takes(kind, ref):
        return f"it takes no {kind or 'ref'} {ref!r}"
    return ""


def _text(claims: Claims, name: str) -> str:
    """GitLab sends numbers and truths as text; other versions did not."""
    value = claims.get(name, "")
    return str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")
