"""Shipway's books in a database. `open_store` is the only door; callers never see SQL."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import text

from runners.store.aftermath import settle
from runners.store.audit import SqlAudit
from runners.store.authorities import SqlAuthorities
from runners.store.backups import SqlBackups
from runners.store.cables import SqlCables
from runners.store.certificates import SqlCertificates
from runners.store.codec import Codec
from runners.store.condition import Condition, condition
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.deployments import SqlDeployments
from runners.store.dump import Snapshot, Table, dump, has_rows, load
from runners.store.entrances import SqlEntrances
from runners.store.figures import SqlFigures
from runners.store.fleet import SqlFleet
from runners.store.freezes import SqlFreezes
from runners.store.gitlab_runners import SqlGitLabRunners
from runners.store.inbox import SqlInbox
from runners.store.installation import SqlInstallation
from runners.store.invitations import SqlInvitations
from runners.store.leases import SqlLeases
from runners.store.machines import SqlMachines
from runners.store.migrate import migrate
from runners.store.notices import SqlNotices
from runners.store.one_key import agree, trust
from runners.store.outbox import SqlOutbox
from runners.store.pools import SqlPools
from runners.store.pulse import SqlPulse
from runners.store.recoveries import SqlRecovery
from runners.store.release_rows import ReleaseRows
from runners.store.releases import SqlReleases
from runners.store.roster import SqlRoster
from runners.store.rotation import open_all, rotate
from runners.store.routes import SqlRoutes
from runners.store.run_files import SqlRunFiles
from runners.store.run_logs import SqlRunLogs
from runners.store.runs import SqlRuns
from runners.store.scaling import SqlScaling
from runners.store.schedules import SqlSchedules
from runners.store.seal import Seal
from runners.store.secrets import SqlSecrets
from runners.store.sessions import SqlSessions
from runners.store.tables import metadata
from runners.store.tokens import SqlTokens
from runners.store.users import SqlUsers

T = TypeVar("T")
PING_PATIENCE = 2.0  # seconds
SCALING_KEPT = timedelta(days=90)


class Store:
    """All books over one database. May be used from many threads, and by a forked child."""

    def __init__(self, database: Database, seal: Seal) -> None:
        codec = Codec(seal)
        releases = ReleaseRows(database, codec)
        deployments = DeploymentRows(database, codec)
        database.ground = seal.edition  # what was sealed with a key that went meanwhile is sealed again
        self._database = database
        self._seal = seal
        self.inbox = SqlInbox(database)
        self.leases = SqlLeases(database)
        self.runs = SqlRuns(database, releases, deployments)
        self.releases = SqlReleases(database, releases)
        self.deployments = SqlDeployments(database, deployments)
        self.routes = SqlRoutes(database)
        self.fleet = SqlFleet(database)
        self.roster = SqlRoster(database)
        self.pools = SqlPools(database, seal)
        self.entrances = SqlEntrances(database)
        self.tokens = SqlTokens(database)
        self.audit = SqlAudit(database)
        self.outbox = SqlOutbox(database)
        self.pulse = SqlPulse(database)
        self.figures = SqlFigures(database)
        self.notices = SqlNotices(database)
        self.secrets = SqlSecrets(database, seal)
        self.users = SqlUsers(database)
        self.sessions = SqlSessions(database)
        self.gitlab_runners = SqlGitLabRunners(database, seal)
        self.freezes = SqlFreezes(database)
        self.schedules = SqlSchedules(database)
        self.authorities = SqlAuthorities(database, seal)
        self.invitations = SqlInvitations(database)
        self.certificates = SqlCertificates(database)
        self.scaling = SqlScaling(database)
        self.installation = SqlInstallation(database)
        self.backups = SqlBackups(database)
        self.recovery = SqlRecovery(database, releases, deployments)
        self._deployment_rows = deployments
        self.machines = SqlMachines(database)
        self.cables = SqlCables(database)
        self.run_logs = SqlRunLogs(database)
        self.run_files = SqlRunFiles(database)

    @property
    def shared(self) -> bool:
        """May other machines use it too?"""
        return not self._database.is_sqlite

    def migrate(self, machine: str = "") -> None:
        """Bring the schema up to date. Any number of processes may call it at once. `machine`: our id; raises `Conflict`
        when another one works on the old schema, and would break on the new one."""
        migrate(self._database, machine)

    def agree(self) -> None:
        """That we seal with the key of this database. Raises `BadConfig` when ours is another one; nothing is sealed
        with a second one."""
        self.installation.name()
        agree(self._database, self._seal)

    def trust_key(self) -> None:
        """From now on ours is the key of this database: the one before is lost."""
        self.installation.name()
        trust(self._database, self._seal)

    def now(self) -> datetime:
        """The database's clock, which all machines share."""
        return self._database.read(self._database.now, PING_PATIENCE)

    def rotate(self) -> int:
        """All that is sealed under a new key; the old one is forgotten at the end. How many rows were sealed anew."""
        return rotate(self._database, self._seal)

    def ping(self) -> None:
        """Raises `Unreachable`, saying which database, when it does not answer within two seconds."""
        self._database.read(lambda tx: tx.execute(text("SELECT 1")).scalar(), PING_PATIENCE)

    def condition(self) -> Condition:
        """Its version and whether it is whole. May take seconds when it is large."""
        return self._database.read(condition, PING_PATIENCE)

    def tidy(self, now: datetime, reported: bool = True, listened: bool = True) -> None:
        """Let go of what nobody needs any more: old webhook bodies, leases of runs long over, what forges were told, decisions.
        `reported`: some forge is told at all; `listened`: some people are."""
        self.inbox.tidy(now)
        self.leases.tidy(now)
        self.outbox.tidy(now, reported)
        self.notices.tidy(now, listened)
        self.scaling.tidy(now - SCALING_KEPT)

    def dump(self, work: Callable[[Snapshot], T]) -> T:
        """All rows as they are at one instant; see `dump`."""
        return dump(self._database, work)

    def load(self, revision: str, rows: Callable[[], Iterator[Table]]) -> dict[str, list[int | str]]:
        """What `dump` gave, into an empty database, under its own schema; `migrate` brings that up to date. The sums of
        all tables."""
        return load(self._database, revision, rows)

    def tables(self) -> list[str]:
        return [table.name for table in metadata.sorted_tables]

    def open_all(self) -> int:
        """Every record with sealed secrets, opened. Raises `Rejected` when a key does not fit; how many there are."""
        return self._database.read(lambda tx: open_all(tx, self._seal))

    def in_use(self) -> bool:
        return self._database.read(has_rows)

    def settle(self, taken_at: datetime, places: Sequence[tuple[str, str]]) -> tuple[int, int]:
        """After a restore, see `aftermath`: how many deployments and runs were ended."""
        return settle(self._database, self._deployment_rows, taken_at, places)

    def close(self) -> None:
        self.inbox.close()
        self._database.close()


def open_store(url: str, keys: str) -> Store:
    """`url`: sqlite:////absolute/path.db or postgresql+psycopg://…; `keys`: the folder of the sealing key, made
    when it is missing. Opens no connection yet."""
    return Store(Database(url), Seal(keys))
