"""The call about notices: who was told what, what still waits, and what nobody took, with the reason."""

from typing import Annotated

from pydantic import Field

from pipeline.caller import Caller
from pipeline.notices import codec
from pipeline.notices.notice import Fate, Notice
from pipeline.ports import Ports
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role
from pipeline.web.bodies import Page
from pipeline.web.calls import Call
from pipeline.web.paging import page


class NoticesQuery(Page):
    fate: Annotated[Fate | None, Field(strict=False)] = None


class NoticeAnswer(Answer):
    """`target` is a label: the address itself is never shown. `count`: of how many alike it is made. `error`: why it was
    not taken at the last try."""

    id: int
    rule: str
    target: str
    event: str
    subject: str
    title: str
    at: Utc
    fate: Fate
    count: int
    due_at: Utc
    sent_at: Utc | None
    tries: int
    error: str


class NoticesAnswer(Answer):
    notices: list[NoticeAnswer]
    waiting: int
    dead: int
    next: int | None


def list_notices(ports: Ports, caller: Caller, query: NoticesQuery) -> NoticesAnswer:
    fate = query.fate.value if query.fate else ""
    found, following = page(
        lambda limit, before: ports.told.notices(limit, before, fate),
        lambda notice: notice.id,
        lambda _: True,
        query.limit,
        query.cursor,
    )
    depth = ports.told.depth()
    return NoticesAnswer(
        notices=[_view(notice) for notice in found],
        waiting=depth.get(Fate.WAITING, 0),
        dead=depth.get(Fate.DEAD, 0),
        next=following,
    )


def _view(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(
        id=notice.id,
        rule=notice.rule,
        target=notice.target,
        event=notice.event,
        subject=notice.subject,
        title=codec.title_of(notice.body),
        at=notice.at,
        fate=notice.fate,
        count=notice.count,
        due_at=notice.due_at,
        sent_at=notice.sent_at,
        tries=notice.tries,
        error=notice.error,
    )


CALLS = (
    Call(
        "GET",
        "/notices",
        Role.VIEWER,
        "List who was told what, what still waits and what nobody took, newest first",
        list_notices,
        NoticesAnswer,
        query=NoticesQuery,
        errors=(400,),
        unbound=True,
    ),
)
