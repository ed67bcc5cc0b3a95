"""Tells people, for now in the log: a line of its own, loud enough for whatever watches the log."""

import logging

log = logging.getLogger("shipway.notice")


class LogNotices:
    """`pipeline.ports.Notices`."""

    def tell(self, title: str, text: str) -> None:
        log.warning(title, extra={"text": text})
