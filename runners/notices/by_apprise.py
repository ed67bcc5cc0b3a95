"""Everything that Apprise can reach: Slack, Teams, Telegram, mail, plain webhooks and a hundred more.

Apprise says yes or no, and why in what it logs for the call. Its own timeouts (4 s each) hold, certificates are verified,
and what it says is masked by the caller.
"""

import logging
import re

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from pipeline.errors import Rejected, Unreachable
from pipeline.notices.notice import Message, Mood

MARKDOWN = frozenset({"slack", "discord", "mmost", "mmosts", "workflow", "workflows", "rocket", "rockets"})
KINDS = {Mood.GOOD: NotifyType.SUCCESS, Mood.BAD: NotifyType.FAILURE, Mood.ASKS: NotifyType.WARNING}
REFUSED = re.compile(r"error=4(?!29|08)\d\d\b")
MOST = 300  # characters of a reason


def send(label: str, url: str, message: Message) -> None:
    """An `Apprise` of its own each time: it is cheap, and keeps nothing of the last message."""
    logging.getLogger("apprise").propagate = False  # it names tokens that it does not like
    asset = AppriseAsset(app_id="Shipway", app_desc="Shipway", secure_logging=True)
    asset.image_url_mask = asset.image_url_logo = ""  # a service would fetch them from GitHub
    sender, said = Apprise(asset=asset), list[str]()
    if not sender.add(url):
        raise Rejected(f"{label} is not an address that Apprise understands; its wiki has them all.")
    marked = url.partition(":")[0] in MARKDOWN
    taken = sender.notify(
        body=(message.markdown if marked else message.plain) or message.title,
        title=message.title,
        notify_type=KINDS[message.mood],
        body_format=NotifyFormat.MARKDOWN if marked else NotifyFormat.TEXT,
        log_callback=lambda entry, _: said.append(entry.message),
        log_level=logging.WARNING,
    )
    if taken:
        return
    why = f": {' '.join(said)[:MOST].rstrip('.')}" if said else ""
    words = f"{label} did not take it{why}."
    raise (Rejected if any(REFUSED.search(line) for line in said) else Unreachable)(words)
