"""What pages and the API say of hosts that are in no file."""

from collections.abc import Mapping

from pipeline.ports import Ports
from pipeline.web.fleet_answers import JoinedAnswer


def joined_answers(ports: Ports) -> Mapping[str, JoinedAnswer]:
    """By the hosts' names."""
    ends = ports.enrolment.certificates.ends() if ports.enrolment else {}
    return {
        name: JoinedAnswer(
            joined_at=one.joined_at,
            pool=one.pool,
            provider=one.provider,
            instance=one.host.instance,
            size=one.size,
            engine_version=one.engine_version,
            protected=one.protected,
            certificate_until=ends.get(name),
        )
        for name, one in ports.roster.joined().items()
    }
