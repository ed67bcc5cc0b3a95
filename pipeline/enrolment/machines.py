"""Invitations for the machines of pools: a token of one machine's, in what it runs at its first start.

Machines are called by agents where there is one, so that none opens a port; else by TLS on their private address.
"""

from dataclasses import dataclass

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.invitation import Via
from pipeline.enrolment.invite import invite, line, user_data
from pipeline.pools.pool import Pool, Provider

BY = "pools"


@dataclass(frozen=True)
class MachineInvites:
    """Implements `pipeline.pools.cloud.Invites`."""

    desk: EnrolmentDesk

    def user_data(self, pool: Pool, name: str, seconds: float) -> str:
        token = invite(
            self.desk,
            pool.labels,
            region=pool.region,
            name=name,
            pool=pool.name,
            ttl=seconds,
            via=Via.AGENT if self.desk.papers.agent else Via.TLS,
            provider=str(pool.provider),
            by=BY,
        )
        if pool.provider is Provider.LAB:  # whose machines need not have cloud-init
            return f"#!/bin/sh\n{line(self.desk, token)}\n"
        return user_data(self.desk, token)

    def revoke(self, host: str) -> None:
        self.desk.certificates.revoke(host, BY, self.desk.clock.now())
