"""The audit: who did what, when."""

from pipeline.web.auth import Role
from pipeline.web.house_answers import AuditAnswer
from pipeline.web.pages.page import Page
from pipeline.web.pages.visit import Visit

SHOWN = 100


def show(visit: Visit) -> dict[str, object]:
    wanted = {"limit": str(SHOWN), "cursor": visit.args.get("cursor", "")}
    answer = visit.ask(AuditAnswer, "list_audit", wanted)
    return {"entries": answer.entries, "next": answer.next}


PAGES = (Page("/audit", "audit", show, Role.ADMIN),)
