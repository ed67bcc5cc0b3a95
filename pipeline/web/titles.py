"""What a run, a release or a deployment is called: the first line of the commit that it brings."""

from collections.abc import Collection, Mapping

from pipeline.errors import NotFound
from pipeline.ports import Ports


def title_of(ports: Ports, run: int | None) -> str:
    """Empty where no run made it, or the run is kept no more."""
    try:
        return "" if run is None else first_line(ports.runs.run(run).message)
    except NotFound:
        return ""


def titles_of(runs: Collection[int | None], ports: Ports) -> Mapping[int | None, str]:
    """Likewise of many, by run; those without a title are left out."""
    messages = ports.runs.messages([run for run in runs if run is not None])
    return {run: first_line(message) for run, message in messages.items()}


def first_line(message: str) -> str:
    return message.strip().partition("\n")[0]
