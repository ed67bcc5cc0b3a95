"""Carries messages to people: robots of our own where the service answers 200 to a refusal, Apprise for all else.

Apprise is imported when something is first sent by it (it takes a third of a second), and only when it is installed. No
address and no secret leaves in an error.
"""

from collections.abc import Sequence
from importlib import import_module

from pipeline.errors import Rejected, Unreachable
from pipeline.notices.notice import Message, Target
from runners.mask import Mask
from runners.notices import robots


class Messengers:
    """Implements `pipeline.notices.book.Messenger`."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._mask = Mask(secrets)

    def send(self, target: Target, message: Message) -> None:
        url = target.url.reveal()
        try:
            if robots.knows(url):
                robots.send(url, message)
            else:
                _apprise(target.label, url, message)
        except Unreachable as error:
            raise Unreachable(self._mask.hide(str(error))) from None
        except Rejected as error:
            raise Rejected(self._mask.hide(str(error))) from None


def _apprise(label: str, url: str, message: Message) -> None:
    try:
        sender = import_module("runners.notices.by_apprise")
    except ModuleNotFoundError as error:
        raise Rejected(
            f"{label} needs the Python package {error.name}, which is not installed where Shipway runs. Install it: "
            "pip install 'shipway[notices]'."
        ) from error
    sender.send(label, url, message)
