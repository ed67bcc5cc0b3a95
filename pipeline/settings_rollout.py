"""Every key of `rollout:` in shipway.yml, with its default and its sentence, and the `Policy` that it makes.

What must fit the environment's hosts is in `settings_checks`; why each default is what it is, in docs/rollout.md.
"""

from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from pipeline import units
from pipeline.fleet.metric import Criterion
from pipeline.rollout.policy import Approve, Compare, OnFailure, Order, Policy, Waves
from pipeline.secret import Secret
from pipeline.settings_values import SecretText
from pipeline.units import Duration, PositiveDuration


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _canary(value: object) -> object:
    """`canary: 1` is short for `canary: {hosts: 1}`."""
    return value if isinstance(value, dict) else {"hosts": value}


def _without_credentials(url: str) -> str:
    if "@" in url or "?" in url:
        raise ValueError("is not a bare address; put a token under `token`, and the query under `query`")
    return url


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError("is not a number that something can be larger than")
    return value


PlainUrl = Annotated[units.HttpUrl, AfterValidator(_without_credentials)]
Limit = Annotated[float, AfterValidator(_finite)]


class CanaryKeys(Keys):
    hosts: int = Field(
        default=0, ge=0, description="So many hosts go first and alone. `canary: 1` is short for it."
    )
    bake: Duration | None = Field(default=None, description="How long they are watched. Default: as `bake`.")
    promote: Literal["by-hand", "auto"] = Field(
        default="by-hand", description="by-hand: then it waits for `promote`. auto: it goes on by itself."
    )


class CompareKeys(Keys):
    enabled: bool = Field(
        default=True, description="Compare a new release with the one before it by what their proxies see."
    )
    errors: units.Share = Field(default=0.05, description="How much larger its share of 5xx answers may be.")
    latency: units.Factor = Field(
        default=3.0, description="How many times the other's mean time it may take."
    )
    min_requests: int = Field(
        default=20, ge=1, description="With fewer requests than these, health alone decides."
    )

    def rules(self) -> Compare | None:
        return Compare(self.errors, self.latency, self.min_requests) if self.enabled else None


class MetricKeys(Keys):
    prometheus: PlainUrl = Field(description="Its address, without credentials.")
    query: units.Text = Field(
        description="PromQL, asked while a release bakes. {service}, {environment} and {release} are filled in."
    )
    max: Limit = Field(description="More than this takes the release back.")
    token: SecretText = Field(default=SecretStr(""), description="Bearer token.")

    def criterion(self) -> Criterion:
        return Criterion(self.prometheus, self.query, self.max, Secret(self.token.get_secret_value()))


class RolloutKeys(Keys):
    order: Order = Field(
        default=Order.START_FIRST, description="start-first, or stop-first where two cannot run side by side."
    )
    batch: units.Batch = Field(
        default=1, description="Hosts worked on at once: a number, or a share such as 25%."
    )
    canary: Annotated[CanaryKeys, BeforeValidator(_canary)] = Field(
        default=CanaryKeys(), description="Hosts that go first."
    )
    approve: Approve = Field(
        default=Approve.NONE,
        description="first-host or batch: it waits for `approve` before more hosts follow.",
    )
    approve_within: PositiveDuration = Field(
        default=86400.0, description="Not approved (or promoted) by then: it goes back."
    )
    waves: Waves = Field(
        default=Waves.REGION,
        description="region: one region after the other, never all hosts of one at once. none: in the file's order.",
    )
    singleton: bool = Field(
        default=False,
        description="Never two replicas at a time: the old one is stopped first. One host, one replica.",
    )
    min_healthy: int | None = Field(
        default=None, ge=0, description="Hosts that stay in rotation. Default: all but one batch."
    )
    max_unavailable: units.Batch | None = Field(
        default=None,
        description="Hosts that may be out of rotation at once, a number or a share. Default: one batch.",
    )
    healthy_for: Duration = Field(
        default=5.0, description="How long a new replica must be well before users see it."
    )
    deadline: PositiveDuration = Field(
        default=120.0, description="A host, from its first start to its switch."
    )
    prepare_deadline: PositiveDuration = Field(
        default=600.0, description="Checks and image pulls on all hosts, before any change."
    )
    bake: Duration = Field(
        default=10.0, description="How long a host, and then the fleet, is watched under traffic."
    )
    drain_timeout: Duration = Field(default=30.0, description="How long old requests may take to end.")
    on_failure: OnFailure = Field(default=OnFailure.ROLLBACK, description="rollback, pause or stop.")
    keep: int = Field(
        default=5, ge=1, description="Releases whose images stay on the hosts; the last good one always does."
    )
    unreachable_grace: Duration = Field(
        default=60.0, description="How long a host may be silent before that is a failure."
    )
    compare: CompareKeys = Field(
        default=CompareKeys(), description="What the proxies see of a new release, against the one before it."
    )
    metrics: list[MetricKeys] = Field(default=[], description="Further criteria, from a Prometheus.")

    def policy(self) -> Policy:
        plain = {name: value for name, value in self if name not in ("canary", "compare", "metrics")}
        return Policy(
            **plain,
            compare=self.compare.rules(),
            metrics=tuple(metric.criterion() for metric in self.metrics),
            canary=self.canary.hosts,
            canary_bake=self.canary.bake,
            canary_promote=self.canary.promote == "auto",
        )
