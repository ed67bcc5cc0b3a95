"""Where notices go, each as strict as the real one about what it is sent: fields, signature, sizes, and its own way to refuse.

One HTTP server plays them all; what was meant for another host says so in `X-Meant-For` (tests route it here).
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.parts.http_stand_in import Answering, listening

TOKEN = "0f3c9a7be1d24586a9"
SECRET = "SEC7c1e5f0b9a"
HOUR = 3600
TELEGRAM_TAGS = frozenset(
    {"b", "strong", "i", "em", "u", "s", "a", "code", "pre", "blockquote", "span", "tg-spoiler"}
)


@dataclass(frozen=True)
class Call:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any  # JSON, or a form's fields


def _set() -> Event:
    event = Event()
    event.set()
    return event


@dataclass
class ChatServices:
    """`fault`: what the next calls are answered instead. `speaks` cleared: nothing, until it is set."""

    address: str = ""
    calls: list[tuple[str, Call]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)  # service, all that it would show
    fault: tuple[int, object] | None = None
    speaks: Event = field(default_factory=_set)

    def take(self, host: str, call: Call) -> tuple[int, object]:
        self.calls.append((host, call))
        self.speaks.wait(10)
        if self.fault is not None:
            return self.fault
        status, answer = HOSTS.get(host, _webhook)(call)
        refused = status >= 300 or (
            isinstance(answer, dict) and (answer.get("errcode") or answer.get("code"))
        )
        if not refused:
            self.taken.append((host, json.dumps(call.body, ensure_ascii=False)))
        return status, answer


def _dingtalk(call: Call) -> tuple[int, object]:
    """https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages: refusals are 200."""
    if call.path != "/robot/send" or call.query.get("access_token") != TOKEN:
        return 200, {"errcode": 300005, "errmsg": "token is not exist"}
    stamp = call.query.get("timestamp", "")
    wanted = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    if not stamp.isdigit() or abs(int(stamp) / 1000 - time.time()) > HOUR:
        return 200, {"errcode": 310000, "errmsg": "invalid timestamp"}
    if call.query.get("sign") != base64.b64encode(wanted).decode():
        return 200, {"errcode": 310000, "errmsg": "sign not match"}
    shown = call.body.get("markdown", {})
    if call.body.get("msgtype") != "markdown" or not shown.get("title") or not shown.get("text"):
        return 200, {"errcode": 40035, "errmsg": "缺少参数"}
    return 200, {"errcode": 0, "errmsg": "ok"}


def _wecom(call: Call) -> tuple[int, object]:
    """https://developer.work.weixin.qq.com/document/path/91770"""
    if call.path != "/cgi-bin/webhook/send" or call.query.get("key") != TOKEN:
        return 200, {"errcode": 93000, "errmsg": "invalid webhook url"}
    text = call.body.get("markdown", {}).get("content", "")
    if call.body.get("msgtype") != "markdown" or not text:
        return 200, {"errcode": 40008, "errmsg": "invalid message type"}
    if len(text.encode()) > 4096:
        return 200, {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}
    return 200, {"errcode": 0, "errmsg": "ok"}


def _feishu(call: Call) -> tuple[int, object]:
    """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot"""
    if call.path != f"/open-apis/bot/v2/hook/{TOKEN}":
        return 400, {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"}
    stamp = str(call.body.get("timestamp", ""))
    wanted = hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    if not stamp.isdigit() or abs(int(stamp) - time.time()) > HOUR:
        return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}
    if call.body.get("sign") != base64.b64encode(wanted).decode():
        return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}
    card = call.body.get("card", {})
    title = card.get("header", {}).get("title", {})
    if (
        call.body.get("msg_type") != "interactive"
        or title.get("tag") != "plain_text"
        or not card.get("elements")
    ):
        return 200, {"code": 9499, "msg": "Bad Request"}
    return 200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def _slack(call: Call) -> tuple[int, object]:
    """https://api.slack.com/messaging/webhooks#handling_errors: texts, not JSON."""
    if call.path != "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ":
        return 403, "invalid_token"
    blocks = call.body.get("attachments") or call.body.get("blocks") or call.body.get("text")
    return (200, "ok") if blocks else (400, "no_text")


def _telegram(call: Call) -> tuple[int, object]:
    """https://core.telegram.org/bots/api#sendmessage"""
    if call.path != "/bot123456789:AAabcdefghijklmnopqrstuvwxyz0123456/sendMessage":
        return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
    text = call.body.get("text", "")
    if not text or len(text) > 4096 or not call.body.get("chat_id"):
        return 400, {
            "ok": False,
            "error_code": 400,
            "description": "Bad Request: message text is empty or too long",
        }
    if call.body.get("parse_mode") == "HTML" and not _Tags.good(text):
        return 400, {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities"}
    return 200, {"ok": True, "result": {"message_id": 1}}


def _teams(call: Call) -> tuple[int, object]:
    """A Power Automate flow: 202, or 400 when the card is none."""
    cards = call.body.get("attachments", [])
    right = cards and cards[0].get("contentType") == "application/vnd.microsoft.card.adaptive"
    return (
        (202, "")
        if right and call.body.get("type") == "message"
        else (400, {"error": {"code": "BadRequest"}})
    )


def _webhook(call: Call) -> tuple[int, object]:
    right = call.path == "/hook" and call.body.get("title") and call.body.get("message")
    return (200, {}) if right else (400, {"error": "no title or message"})


class _Tags(HTMLParser):
    """Telegram refuses tags it does not know, and those that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bad = False

    @classmethod
    def good(cls, text: str) -> bool:
        tags = cls()
        tags.feed(text)
        return not tags.bad and not tags.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bad = self.bad or tag not in TELEGRAM_TAGS
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.bad = self.bad or not self.open or self.open.pop() != tag


HOSTS: dict[str, Callable[[Call], tuple[int, object]]] = {
    "oapi.dingtalk.com": _dingtalk,
    "qyapi.weixin.qq.com": _wecom,
    "open.feishu.cn": _feishu,
    "open.larksuite.com": _feishu,
    "hooks.slack.com": _slack,
    "api.telegram.org": _telegram,
    "prod-1.westus.logic.azure.com": _teams,
}


@contextmanager
def chat_services() -> Iterator[ChatServices]:
    services = ChatServices()
    with listening(_handler(services)) as services.address:
        yield services


def _handler(services: ChatServices) -> type[Answering]:
    class Handler(Answering):
        def do_POST(self) -> None:
            parts, headers = urlsplit(self.path), self.heads()
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            call = Call(parts.path, query, headers, _read(headers, self.sent()))
            with suppress(ConnectionError):  # who was kept waiting may be gone
                self.answer(*services.take(headers.get("x-meant-for", "here"), call))

    return Handler


def _read(headers: Mapping[str, str], raw: bytes) -> Any:
    if "json" in headers.get("content-type", ""):
        return json.loads(raw)
    return {key: values[0] for key, values in parse_qs(raw.decode()).items()}
