"""One run: its five stages as a picture, what its tests said, what became of it; and its log beside that."""

from dataclasses import dataclass

from pipeline.delivery.run import OVER, StageName
from pipeline.web.answers import ArtifactsAnswer, RunAnswer, StageAnswer
from pipeline.web.pages.language import key
from pipeline.web.pages.log_excerpt import Excerpt, excerpt, matches
from pipeline.web.pages.page import Page
from pipeline.web.pages.run_log import LONGEST_SEARCH
from pipeline.web.pages.run_verdict import verdict_of
from pipeline.web.pages.visit import Visit

WAYS = {  # by the word before the colon of `requested_by`
    "push": key("pushed by {name}"),
    "user": key("asked for by {name}"),
    "api": key("asked for by {name}, by the API"),
    "": key("by {name}"),
}


@dataclass(frozen=True)
class Step:
    """A stage in the picture. `seconds` None: it is not over, or never began."""

    stage: StageAnswer
    seconds: float | None
    note: str


def show(visit: Visit, run: int) -> dict[str, object]:
    """The log is left out of what moves: following it is another stream."""
    found = visit.ask(RunAnswer, "show_run", run=run)
    artifacts = visit.ask(ArtifactsAnswer, "list_artifacts", run=run).artifacts
    return {
        "run": found,
        "over": found.status in OVER,
        "verdict": verdict_of(found),
        "steps": [_step(stage) for stage in found.stages],
        "artifacts": artifacts,
        "way": way_of(found.requested_by),
    }


def show_with_log(visit: Visit, run: int) -> dict[str, object]:
    context = show(visit, run)
    wanted = visit.args.get("q", "")[:LONGEST_SEARCH]
    stage = visit.args.get("stage", "")
    stage = stage if stage in set(StageName) else ""
    index = visit.logs.index(run)
    found = matches(visit.logs, run, wanted, stage) if wanted else None
    piece = (
        Excerpt(found.first, len(found.lines))
        if found
        else excerpt(visit.logs, run, stage, _whole(visit.args.get("from", "")))
    )
    told = {part.stage for part in index.parts}
    return {
        **context,
        "log": piece,
        "log_size": index.size,
        "log_lines": index.lines,
        "stage": stage,
        "tabs": [name.value for name in StageName if name.value in told],
        "wanted": wanted,
        "found": found,
    }


def way_of(requested_by: str) -> tuple[str, str]:
    """Who asked, and the sentence in which it is said."""
    kind, _, name = requested_by.partition(":")
    return (WAYS[kind], name) if name and kind in WAYS else (WAYS[""], requested_by)


def _step(stage: StageAnswer) -> Step:
    seconds = None
    if stage.started_at is not None and stage.finished_at is not None:
        seconds = (stage.finished_at - stage.started_at).total_seconds()
    return Step(stage, seconds, stage.detail.get("skipped") or stage.detail.get("summary", ""))


def _whole(text: str) -> int | None:
    """A line's number; None when it is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None


PAGES = (Page("/runs/<id:run>", "run", show_with_log, live=True, move=show),)
