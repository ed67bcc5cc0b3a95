"""The keys of an environment that say when it may be deployed, and the nouns that they make.

Times without a zone are of `server.timezone`, which is only known when the whole file is read.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.faults import Faults, Path
from pipeline.fleet.schedule import Schedule, cron
from pipeline.fleet.window import Freeze, Window, read_moment, read_window, zone_name
from pipeline.settings_rollout import Keys
from pipeline.units import Text, Word


def _window(text: str) -> str:
    read_window(text)
    return text


def _moment(text: str) -> str:
    read_moment(text, "UTC")
    return text


Zone = Annotated[Word, AfterValidator(zone_name)]
Cron = Annotated[Word, AfterValidator(cron)]
WindowText = Annotated[Word, AfterValidator(_window)]
Moment = Annotated[Word, AfterValidator(_moment)]


class FreezeKeys(Keys):
    since: Moment = Field(alias="from", description="When it begins, such as 2026-12-24T00:00.")
    until: Moment = Field(description="When it ends.")
    why: Text = Field(default="", description="For people who wait.")


class ScheduleKeys(Keys):
    cron: Cron = Field(description="Minute, hour, day, month, weekday: 0 3 * * *.")
    timezone: Zone | None = Field(default=None, description="Default: `server.timezone`.")
    ref: Word = Field(min_length=1, description="The branch or tag that is run.")
    only_if_changed: bool = Field(
        default=False, description="Not when its commit has run here and was not red."
    )


def timing(
    windows: list[str], freezes: list[FreezeKeys], schedules: list[ScheduleKeys], zone: str
) -> dict[str, Any]:
    """What of it an `Environment` has."""
    return {
        "windows": _windows(windows, zone),
        "freezes": tuple(_freeze(one, zone) for one in freezes),
        "schedules": tuple(
            Schedule(one.cron, one.ref, one.timezone or zone, one.only_if_changed) for one in schedules
        ),
    }


def check_freezes(freezes: list[FreezeKeys], zone: str, path: Path, faults: Faults) -> None:
    for at, freeze in enumerate(freezes):
        if read_moment(freeze.until, zone) <= read_moment(freeze.since, zone):
            faults.add((*path, at, "until"), "is not after `from`")


def _windows(texts: list[str], zone: str) -> tuple[Window, ...]:
    return tuple(read_window(text, zone) for text in texts)


def _freeze(keys: FreezeKeys, zone: str) -> Freeze:
    return Freeze(read_moment(keys.since, zone), read_moment(keys.until, zone), keys.why)
