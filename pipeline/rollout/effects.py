"""Everything a rollout can ask of the world, as values: `decide` returns them, `drive` applies them. Nouns only.

| effect      | what it does                                                    |
|-------------|-----------------------------------------------------------------|
| Pull        | bring an image onto a host, by digest                           |
| Start       | start one replica beside what runs there                        |
| Switch      | make a proxy site route to exactly these backends               |
| Keep        | let the engine restart an admitted replica from now on          |
| Retire      | stop and remove a replica that no site can send to any more     |
| Prune       | remove the service's images on a host that nobody needs          |
| CheckProxy  | ask whether a site would load such a route; changes nothing     |
| RunHook     | run a command of the repository once, in a container of a release|
| Park        | take a host out of its load balancer; requests under way survive|
| Admit       | let a host into its load balancer again                         |
| Explain     | fetch the last lines of a replica that failed, for the record   |

`where` names the one thing an effect touches; effects of one decision on different things may be applied side by side.
"""

from dataclasses import dataclass

from pipeline.fleet.proxy import Backend, Site
from pipeline.rollout.release import Hook, ReplicaPlan


@dataclass(frozen=True)
class Pull:
    host: str
    image: str

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Start:
    host: str
    plan: ReplicaPlan

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Switch:
    """`backends` empty: the service's route is removed from the site."""

    site: Site
    backends: tuple[Backend, ...]

    @property
    def where(self) -> str:
        return str(self.site)


@dataclass(frozen=True)
class Keep:
    host: str
    container: str

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Retire:
    host: str
    container: str
    stop_timeout: float

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Prune:
    """What is needed is read when it is done, not when it is decided: by then others may need more. `everything`: whatever
    nobody needs there, also of other services, since the disk is full."""

    host: str
    everything: bool = False

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class CheckProxy:
    site: Site
    backends: tuple[Backend, ...]

    @property
    def where(self) -> str:
        return str(self.site)


@dataclass(frozen=True)
class RunHook:
    host: str
    plan: ReplicaPlan
    hook: Hook

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Explain:
    host: str
    container: str

    @property
    def where(self) -> str:
        return self.host


@dataclass(frozen=True)
class Park:
    """Not done while fewer than `keep` other members serve: several deployments may share a load balancer."""

    host: str
    balancer: str
    keep: int

    @property
    def where(self) -> str:
        return f"load balancer {self.balancer}"


@dataclass(frozen=True)
class Admit:
    host: str
    balancer: str

    @property
    def where(self) -> str:
        return f"load balancer {self.balancer}"


Effect = Pull | Start | Switch | Keep | Retire | Prune | CheckProxy | RunHook | Explain | Park | Admit


def told_by_outcome(effect: Effect) -> bool:
    """Its outcome is all there is to know of it: a look at the world shows nothing new."""
    return isinstance(effect, CheckProxy | Explain) or (isinstance(effect, Prune) and not effect.everything)
