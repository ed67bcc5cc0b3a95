"""Shipway's books in a database. `open_store` is the only door; callers never see SQL."""

from datetime import datetime

from sqlalchemy import text

from runners.store.audit import SqlAudit
from runners.store.authorities import SqlAuthorities
from runners.store.certificates import SqlCertificates
from runners.store.codec import Codec
from runners.store.condition import Condition, condition
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.deployments import SqlDeployments
from runners.store.figures import SqlFigures
from runners.store.fleet import SqlFleet
from runners.store.freezes import SqlFreezes
from runners.store.gitlab_runners import SqlGitLabRunners
from runners.store.inbox import SqlInbox
from runners.store.installation import SqlInstallation
from runners.store.invitations import SqlInvitations
from runners.store.leases import SqlLeases
from runners.store.migrate import migrate
from runners.store.notices import SqlNotices
from runners.store.outbox import SqlOutbox
from runners.store.pulse import SqlPulse
from runners.store.release_rows import ReleaseRows
from runners.store.releases import SqlReleases
from runners.store.roster import SqlRoster
from runners.store.rotation import rotate
from runners.store.routes import SqlRoutes
from runners.store.runs import SqlRuns
from runners.store.schedules import SqlSchedules
from runners.store.seal import Seal
from runners.store.secrets import SqlSecrets
from runners.store.sessions import SqlSessions
from runners.store.tokens import SqlTokens
from runners.store.users import SqlUsers

PING_PATIENCE = 2.0  # seconds


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
        self.installation = SqlInstallation(database)

    def migrate(self) -> None:
        """Bring the schema up to date. Any number of processes may call it at once."""
        migrate(self._database)

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
        """Let go of what nobody needs any more: old webhook bodies, leases of runs long over, what forges were told.
        `reported`: some forge is told at all; `listened`: some people are."""
        self.inbox.tidy(now)
        self.leases.tidy(now)
        self.outbox.tidy(now, reported)
        self.notices.tidy(now, listened)

    def close(self) -> None:
        self.inbox.close()
        self._database.close()


def open_store(url: str, keys: str) -> Store:
    """`url`: sqlite:////absolute/path.db or postgresql+psycopg://…; `keys`: the folder of the sealing key, made
    when it is missing. Opens no connection yet."""
    return Store(Database(url), Seal(keys))
