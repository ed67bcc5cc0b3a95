"""Messages on their way to real protocols: what a service would show, and what becomes of its refusals."""

from collections.abc import Iterator

import pytest
import requests

from pipeline.errors import Rejected, Unreachable
from pipeline.notices.notice import Link, Message, Mood, Target
from pipeline.secret import Secret
from runners.notices import Messengers, robots
from tests.parts.chat_services import SECRET, TOKEN, ChatServices, chat_services
from tests.parts.mail_server import mail_server

# Apprise imports it as its own first thing
pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")
TITLE = "shop on production: release 8 was taken back to release 7: /healthz answered 500 <oops>"
MESSAGE = Message(
    TITLE,
    "Host: web-2\n\nTraceback: a < b & c\nboom\n\nDeployment 9: http://shipway/deployments/9",
    "Host: web-2  \n\n```\nTraceback: a < b & c\nboom\n```\n\n[Deployment 9](http://shipway/deployments/9)",
    Mood.BAD,
    (Link("Deployment 9", "http://shipway/deployments/9"),),
)
BOT = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
# address -> the host that it leads to
ADDRESSES = {
    f"dingtalk://{SECRET}@{TOKEN}": "oapi.dingtalk.com",
    f"wecombot://{TOKEN}": "qyapi.weixin.qq.com",
    f"feishu://{SECRET}@{TOKEN}": "open.feishu.cn",
    f"lark://{SECRET}@{TOKEN}": "open.larksuite.com",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ": "hooks.slack.com",
    f"tgram://{BOT}/4711": "api.telegram.org",
    "workflows://prod-1.westus.logic.azure.com/643e69f83c8944438d68119179a10a64/KODuebWbDGYFr0z0eu": (
        "prod-1.westus.logic.azure.com"
    ),
    "json://{here}/hook": "here",
}
WRONG = {
    "dingtalk token": (f"dingtalk://{SECRET}@{TOKEN}x", "300005"),
    "dingtalk secret": (f"dingtalk://{SECRET}x@{TOKEN}", "sign not match"),
    "dingtalk without its secret": (f"dingtalk://{TOKEN}", "310000"),
    "wecom": (f"wecombot://{TOKEN}x", "93000"),
    "feishu secret": (f"feishu://x@{TOKEN}", "19021"),
    "feishu token": (f"feishu://{SECRET}@{TOKEN}x", "19001"),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FX", "403"),
    "telegram": (f"tgram://{BOT}x/4711", "401"),
    "json": ("json://{here}/elsewhere", "400"),
    "no such service": ("nosuchthing://x", "understands"),
}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServices]:
    """What is meant for the world ends here. Apprise has no addresses of its own for most services, hence the patch."""
    plain = requests.adapters.HTTPAdapter.send
    with chat_services() as found:

        def send(
            self: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **more: object
        ) -> object:
            host = request.url.split("/")[2]  # type: ignore[union-attr]
            if host != found.address:
                request.headers["X-Meant-For"] = host
                request.url = request.url.replace(f"https://{host}", f"http://{found.address}", 1)  # type: ignore[union-attr]
            return plain(self, request, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
        yield found


def send(address: str, services: ChatServices, *secrets: str) -> None:
    url = address.replace("{here}", services.address)
    Messengers(secrets).send(Target(Secret(url), f"{url.partition(':')[0]}:1"), MESSAGE)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_service_takes_it_and_shows_the_verdict_the_log_and_the_way(address: str, services: ChatServices):
    send(address, services)

    (host, call), (_, shown) = services.calls[0], services.taken[-1]
    assert host == ADDRESSES[address]
    assert call.body
    for part in ("taken back to release 7", "boom", "/deployments/9", "web-2"):
        assert part in shown


@pytest.mark.parametrize("case", WRONG)
def test_a_refusal_is_final_and_says_the_services_own_word(case: str, services: ChatServices):
    address, word = WRONG[case]

    with pytest.raises(Rejected, match=word) as caught:
        send(address, services, SECRET, TOKEN)

    assert TOKEN not in str(caught.value)
    assert services.taken == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_fault_of_theirs_is_tried_again(address: str, services: ChatServices):
    services.fault = 502, "bad gateway"

    with pytest.raises(Unreachable):
        send(address, services)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        (
            f"dingtalk://{SECRET}@{TOKEN}",
            {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
        ),
        (f"wecombot://{TOKEN}", {"errcode": 45009, "errmsg": "api freq out of limit"}),
        (f"feishu://{SECRET}@{TOKEN}", {"code": 11232, "msg": "frequency limited psm"}),
    ],
)
def test_too_many_a_minute_is_tried_again(address: str, answer: object, services: ChatServices):
    services.fault = 200, answer

    with pytest.raises(Unreachable):
        send(address, services)


@pytest.mark.parametrize("address", [f"dingtalk://{TOKEN}", "json://127.0.0.1:1/hook"])
def test_nobody_there_is_tried_again(address: str, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> object:
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuse)

    with pytest.raises(Unreachable):
        Messengers(()).send(Target(Secret(address), "x:1"), MESSAGE)


@pytest.mark.parametrize("address", [f"dingtalk://{SECRET}@{TOKEN}", "json://{here}/hook?rto=0.2"])
def test_one_that_never_answers_is_left_and_tried_again(
    address: str, services: ChatServices, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(robots, "TIMEOUT", (3.0, 0.2))  # ten seconds would be long here
    services.speaks.clear()

    with pytest.raises(Unreachable):
        send(address, services)

    services.speaks.set()
    assert len(services.calls) == 1


def test_mail_comes_as_text_that_nothing_in_it_can_break():
    with mail_server("open sesame") as mail:
        url = f"mailto://shipway:open%20sesame@127.0.0.1:{mail.port}?from=a@shop.test&to=b@shop.test&mode=insecure"
        Messengers(()).send(Target(Secret(url), "mailto:1"), MESSAGE)

    letter = mail.letters[0]
    body = letter.get_body(("plain", "html"))
    assert body is not None
    assert letter["Subject"] == TITLE
    assert letter["To"].endswith("b@shop.test")
    assert "a &lt; b &amp; c" in body.get_content() or "a < b & c" in body.get_content()


def test_a_wrong_password_of_a_mailbox_is_said():
    with mail_server("open sesame") as mail:
        url = f"mailto://shipway:wrong@127.0.0.1:{mail.port}?from=a@shop.test&to=b@shop.test&mode=insecure"
        with pytest.raises((Rejected, Unreachable), match="mailto:1 did not take it"):
            Messengers(("wrong",)).send(Target(Secret(url), "mailto:1"), MESSAGE)

    assert mail.letters == []


def test_what_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "runners.notices.by_apprise", None)

    with pytest.raises(Rejected, match=r"pip install 'shipway\[notices\]'"):
        Messengers(()).send(Target(Secret("json://127.0.0.1/"), "json:1"), MESSAGE)
