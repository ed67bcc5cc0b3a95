"""The group robots of DingTalk, WeCom, Feishu and Lark, by the addresses that Apprise has for them.

Ours, since these answer 200 to what they refuse and say so in the body, which Apprise 2.3 does not read for DingTalk and
WeCom; it also quotes DingTalk's signature twice, and cannot sign for Feishu. Each takes at most 20 messages a minute.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from pipeline.errors import Rejected, Unreachable
from pipeline.notices.notice import Message, Mood

TIMEOUT = (3.0, 10.0)  # seconds to connect, and for the answer
LARGEST = 1 << 16  # bytes of an answer
WECOM_MOST = 4096  # bytes of a text
COLOURS = {Mood.GOOD: "green", Mood.BAD: "red", Mood.ASKS: "orange"}
DINGTALK = "https://oapi.dingtalk.com/robot/send"
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/{token}"
LARK = "https://open.larksuite.com/open-apis/bot/v2/hook/{token}"
BUSY = frozenset({-1, 130101, 45009, 11232})  # too many a minute, or a fault of theirs: later


@dataclass(frozen=True)
class Robot:
    """`secret` empty: it does not ask for signatures."""

    name: str
    token: str
    secret: str


@dataclass(frozen=True)
class Letter:
    """What is posted where."""

    url: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


def knows(url: str) -> bool:
    return url.partition(":")[0] in TABLE


def send(url: str, message: Message) -> None:
    scheme = url.partition(":")[0]
    robot = _robot(url)
    letter = TABLE[scheme](robot, message, int(time.time()))
    try:
        answer = requests.post(
            letter.url, params=letter.query, json=letter.body, timeout=TIMEOUT, allow_redirects=False
        )
        text = answer.content[:LARGEST]
    except requests.RequestException as error:
        raise Unreachable(f"{robot.name} does not answer ({type(error).__name__}).") from error
    _judge(robot, answer.status_code, text, _body(answer))


def _robot(url: str) -> Robot:
    parts = urlsplit(url)
    name = {"dingtalk": "DingTalk", "wecombot": "WeCom", "feishu": "Feishu", "lark": "Lark"}[parts.scheme]
    secret, _, host = parts.netloc.rpartition(
        "@"
    )  # as it was written: urlsplit's hostname is in small letters
    token = unquote(host) or parts.path.strip("/")
    if not token:
        raise Rejected(f"{name}: its address has no token. Write {parts.scheme}://token, or secret@token.")
    return Robot(name, token, unquote(secret))


def _dingtalk(robot: Robot, message: Message, now: int) -> Letter:
    query = {"access_token": robot.token}
    if robot.secret:
        stamp = str(now * 1000)
        proof = _sign(robot.secret.encode(), f"{stamp}\n{robot.secret}".encode())
        query |= {"timestamp": stamp, "sign": proof}
    text = f"#### {message.title}\n\n{message.markdown}"
    return Letter(
        DINGTALK, query, {"msgtype": "markdown", "markdown": {"title": message.title, "text": text}}
    )


def _wecom(robot: Robot, message: Message, now: int) -> Letter:
    text = f"**{message.title}**\n{message.markdown}"
    shown = text.encode()[:WECOM_MOST].decode("utf-8", "ignore")
    return Letter(WECOM, {"key": robot.token}, {"msgtype": "markdown", "markdown": {"content": shown}})


def _feishu(robot: Robot, message: Message, now: int) -> Letter:
    return _card(FEISHU, robot, message, now)


def _lark(robot: Robot, message: Message, now: int) -> Letter:
    return _card(LARK, robot, message, now)


def _card(url: str, robot: Robot, message: Message, now: int) -> Letter:
    """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: the key signs nothing, it is the text."""
    header = {
        "title": {"tag": "plain_text", "content": message.title},
        "template": COLOURS[message.mood],
    }
    elements = [{"tag": "markdown", "content": message.markdown}] if message.markdown else []
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": elements}
    body: dict[str, Any] = {"msg_type": "interactive", "card": card}
    if robot.secret:
        proof = _sign(f"{now}\n{robot.secret}".encode(), b"")
        body |= {"timestamp": str(now), "sign": proof}
    return Letter(url.format(token=robot.token), {}, body)


def _sign(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _body(answer: requests.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judge(robot: Robot, status: int, text: bytes, body: Mapping[str, Any]) -> None:
    code = body.get("errcode", body.get("code", body.get("StatusCode")))
    said = str(body.get("errmsg") or body.get("msg") or text[:200].decode("utf-8", "replace"))
    if status == 200 and code == 0:
        return
    words = f"{robot.name} did not take it: {code if code is not None else status}, {said}"
    if status >= 500 or status == 429 or code in BUSY:
        raise Unreachable(f"{words}.")
    raise Rejected(f"{words}. Look at the robot's token, its secret and its keywords.")


TABLE: Mapping[str, Callable[[Robot, Message, int], Letter]] = {
    "dingtalk": _dingtalk,
    "wecombot": _wecom,
    "feishu": _feishu,
    "lark": _lark,
}
