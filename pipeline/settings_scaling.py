"""Every key of `scaling:` in shipway.yml, with its default and its sentence, and the `Scaling` that it makes.

Times without a zone are of `server.timezone`, which is only known when the whole file is read.
"""

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from pipeline import units
from pipeline.faults import Faults, Path
from pipeline.fleet.metric import Criterion
from pipeline.fleet.window import Freeze, read_moment, read_window
from pipeline.scaling.policy import Measure, Period, Scaling, Target
from pipeline.secret import Secret
from pipeline.settings_rollout import Keys, PlainUrl
from pipeline.settings_timing import Moment, WindowText
from pipeline.settings_values import SecretText
from pipeline.units import Duration, Text

EVERY = 15.0  # seconds between two looks
SHORTEST, LONGEST = 5.0, 60.0  # ... of which the longest leaves two in a row within what decide calls stale
MOST = 100  # replicas on a host, as under `replicas`
MOST_MACHINES = 1000


def _positive(value: float) -> float:
    if not isfinite(value) or value <= 0:
        raise ValueError("must be a number above 0")
    return value


def _apart(seconds: float) -> float:
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError("must be from 5s to 1m")
    return seconds


Apart = Annotated[Duration, AfterValidator(_apart)]
Level = Annotated[float, AfterValidator(_positive)]
Percent = Annotated[float, Field(gt=0, le=100)]
Size = Annotated[int, Field(ge=1, le=MOST)]
Bound = Annotated[int, Field(ge=1, le=MOST_MACHINES)]


class QueryKeys(Keys):
    prometheus: PlainUrl = Field(description="Its address, without credentials.")
    query: Text = Field(
        description="PromQL that says what the average replica has. {service}, {environment}, {release} and {replicas} (that "
        "run now) are filled in."
    )
    target: Level = Field(description="What it should have.")
    token: SecretText = Field(default=SecretStr(""), description="Bearer token.")


class TargetKeys(Keys):
    cpu: Percent | None = Field(
        default=None,
        description="% of `run.cpus`; of one core where that is not set. Default: not looked at.",
    )
    memory: Percent | None = Field(
        default=None, description="% of `run.memory`, which must be set. Default: not looked at."
    )
    requests: Level | None = Field(
        default=None, description="A second to each replica, as its proxies count. Default: not looked at."
    )
    query: QueryKeys | None = Field(default=None, description="Anything else, from a Prometheus.")


class PoolTargetKeys(Keys):
    cpu: Percent | None = Field(
        default=None, description="% of the machine's cores that containers use. Default: not looked at."
    )
    memory: Percent | None = Field(
        default=None, description="% of its memory that containers use. Default: not looked at."
    )
    query: QueryKeys | None = Field(default=None, description="Anything else; {machines} is filled in.")


class PeriodKeys(Keys):
    window: WindowText | None = Field(
        default=None, description="When it holds, each week: Mon-Fri 18:00-23:00 Asia/Shanghai."
    )
    since: Moment | None = Field(default=None, alias="from", description="Or once: when it begins.")
    until: Moment | None = Field(default=None, description="When it ends.")
    min: Bound | None = Field(default=None, description="In place of `min`. Default: that.")
    max: Bound | None = Field(default=None, description="In place of `max`. Default: that.")
    why: Text = Field(default="", description="For people.")


class EvidenceKeys(Keys):
    """When it grows and shrinks; by what, and between which bounds, says who has it."""

    schedules: list[PeriodKeys] = Field(
        default=[], description="Other bounds for a while, such as an evening. The last that holds counts."
    )
    out_after: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Looks over a target before it grows; `server.scaling_every` apart.",
    )
    in_after: int = Field(default=15, ge=1, le=1000, description="Looks under all targets before it shrinks.")
    warm_up: Duration = Field(default=60.0, description="A new one is not counted before.")
    cooldown: Duration = Field(default=300.0, description="After any change it does not shrink for so long.")
    tolerance: units.Share = Field(default=0.1, description="So near to a target nothing is done.")
    protect: bool = Field(default=False, description="true: it grows, and only people shrink it.")

    def between(self, least: int, most: int, targets: Iterable[Target], zone: str) -> Scaling:
        return Scaling(
            minimum=least,
            maximum=most,
            targets=tuple(targets),
            periods=tuple(_period(one, zone) for one in self.schedules),
            out_after=self.out_after,
            in_after=self.in_after,
            warm_up=self.warm_up,
            cooldown=self.cooldown,
            tolerance=self.tolerance,
            protect=self.protect,
        )


class ScalingKeys(EvidenceKeys):
    min: Size = Field(default=1, description="Replicas on each host, at least.")
    max: Size = Field(description="... and at most.")
    target: TargetKeys = Field(
        default=TargetKeys(), description="What the average replica should have; the largest need counts."
    )

    def scaling(self, zone: str) -> Scaling:
        return self.between(self.min, self.max, _targets(self.target), zone)


class PoolScalingKeys(EvidenceKeys):
    warm_up: Duration = Field(default=120.0, description="A new machine is not counted before.")
    target: PoolTargetKeys = Field(
        default=PoolTargetKeys(), description="What the average machine should have; the largest need counts."
    )

    def scaling(self, least: int, most: int, zone: str) -> Scaling:
        return self.between(least, most, _targets(self.target), zone)


def scaling_tokens(scaling: Scaling | None) -> set[str]:
    """Secret texts in it."""
    targets = scaling.targets if scaling else ()
    return {target.criterion.token.reveal() for target in targets if target.criterion}


def check_scaling(keys: ScalingKeys | None, proxy: str | None, zone: str, path: Path, faults: Faults) -> None:
    if keys is None:
        return
    if keys.min > keys.max:
        faults.add((*path, "min"), f"is {keys.min}, and max is {keys.max}; min cannot be larger")
    if keys.target.requests is not None and not proxy:
        faults.add((*path, "target", "requests"), "are counted by a proxy; name one of `proxies` under proxy")
    _check_evidence(keys, (keys.min, keys.max, MOST), zone, path, faults)


def check_pool_scaling(
    keys: PoolScalingKeys | None, least: int, most: int, zone: str, path: Path, faults: Faults
) -> None:
    if keys is None:
        return
    if least < 1:
        faults.add(
            (*path[:-1], "min"), "is 0: of no machine nothing can be measured; a pool that scales has one"
        )
    _check_evidence(keys, (least, most, MOST_MACHINES), zone, path, faults)


def _check_evidence(
    keys: ScalingKeys | PoolScalingKeys,
    bounds: tuple[int, int, int],
    zone: str,
    path: Path,
    faults: Faults,
) -> None:
    if not keys.schedules and not list(_targets(keys.target)):
        faults.add(
            (*path, "target"), "has nothing to scale by; give cpu, memory, requests or query, or schedules"
        )
    if keys.tolerance >= 1:
        faults.add((*path, "tolerance"), "must be below 100%, or it would never shrink")
    for at, period in enumerate(keys.schedules):
        _check_period(period, bounds, zone, (*path, "schedules", at), faults)


def _check_period(
    period: PeriodKeys, bounds: tuple[int, int, int], zone: str, path: Path, faults: Faults
) -> None:
    once = period.since is not None and period.until is not None
    if (period.window is not None) == once or (period.since is None) != (period.until is None):
        faults.add(path, "says when it holds by `window`, or by `from` and `until`: give one of the two")
    elif period.since and period.until and read_moment(period.until, zone) <= read_moment(period.since, zone):
        faults.add((*path, "until"), "is not after `from`")
    if period.min is None and period.max is None:
        faults.add(path, "changes nothing; give it a min or a max")
    usual_least, usual_most, limit = bounds
    least, most = period.min or usual_least, period.max or usual_most
    if least > most:
        faults.add((*path, "min"), f"is {least} there, and max is {most}; give that period another max")
    if most > limit:
        faults.add((*path, "max"), f"is {most}, and {limit} are the most")


def _targets(keys: TargetKeys | PoolTargetKeys) -> Iterator[Target]:
    for measure in (Measure.CPU, Measure.MEMORY, Measure.REQUESTS):
        value: float | None = getattr(keys, measure.value, None)
        if value is not None:
            yield Target(measure, value)
    if (query := keys.query) is not None:
        token = Secret(query.token.get_secret_value())
        yield Target(
            Measure.QUERY, query.target, Criterion(query.prometheus, query.query, query.target, token)
        )


def _period(keys: PeriodKeys, zone: str) -> Period:
    if keys.window is not None:
        return Period(keys.min, keys.max, window=read_window(keys.window, zone), why=keys.why)
    since, until = read_moment(keys.since or "", zone), read_moment(keys.until or "", zone)
    return Period(keys.min, keys.max, span=Freeze(since, until, keys.why), why=keys.why)
