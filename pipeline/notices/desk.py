"""The bag of ports of the flow that tells people. Built in `wiring`."""

from dataclasses import dataclass

from pipeline.books import Deployments, Inbox, Leases, Runs
from pipeline.notices.book import HookWatch, Messenger, NoticeBook, TraceSink
from pipeline.ports import Clock, Hands, Logs
from pipeline.settings import Settings


@dataclass(frozen=True)
class NoticeDesk:
    """`traces` None: nobody collects them."""

    settings: Settings
    book: NoticeBook
    runs: Runs
    deployments: Deployments
    inbox: Inbox
    leases: Leases
    logs: Logs
    messenger: Messenger
    hooks: HookWatch
    hands: Hands
    clock: Clock
    traces: TraceSink | None = None
