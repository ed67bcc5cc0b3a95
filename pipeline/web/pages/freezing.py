"""Forms of a service: freeze an environment until a moment, lift a freeze. Both by the API's calls, for admins."""

from pipeline.web.auth import Role
from pipeline.web.freezes import FreezeAnswer, FreezesAnswer
from pipeline.web.pages.page import Form
from pipeline.web.pages.visit import Visit

FIELDS = ("until", "why")


def freezes_of(visit: Visit, service: str) -> list[FreezeAnswer]:
    """Those that hold this service back now or later, of all services too."""
    found = visit.ask(FreezesAnswer, "list_freezes").freezes
    names = visit.ports.settings.service(service).environments
    return [one for one in found if one.service == service or (not one.service and one.environment in names)]


def freeze(visit: Visit, fields: dict[str, str], service: str, environment: str) -> str:
    sent = {name: fields.get(name, "") for name in FIELDS}
    visit.ask(FreezeAnswer, "set_freeze", sent | {"service": service, "environment": environment})
    return f"/services/{service}#freezes"


def lift(visit: Visit, fields: dict[str, str], service: str, number: int) -> str:
    visit.ask(FreezeAnswer, "lift_freeze", freeze=number)
    return f"/services/{service}#freezes"


FORMS = (
    Form("/services/<service>/environments/<environment>/freeze", freeze, Role.ADMIN),
    Form("/services/<service>/freezes/<id:number>/lift", lift, Role.ADMIN),
)
