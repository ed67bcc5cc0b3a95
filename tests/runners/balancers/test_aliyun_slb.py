"""Aliyun's classic load balancer: what its settings mean, what it refuses, and that its keys go over TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aliyunsdkcore.http import protocol_type

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, Capabilities, LoadBalancer, MemberState, Target
from pipeline.secret import Secret
from runners.aliyun_api import AliyunApi
from runners.balancers.aliyun_slb import AliyunSlb
from runners.cloud_account import of_balancer
from runners.patience import Patience
from tests.parts.balancers.aliyun_cloud import SETTINGS, Listener
from tests.parts.balancers.aliyun_grounds import PORT, Region, region
from tests.parts.balancers.faults import Fault
from tests.runners.test_reach import authority

ONCE = Patience(deadline=0.0)
ENTRY = LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-1", region="cn-hangzhou")


@pytest.fixture(scope="module")
def here() -> Iterator[Region]:
    with region() as made:
        made.cloud.add_slb("lb-1", Listener(80, PORT))
        made.cloud.add_slb("lb-empty")
        yield made


def test_waits_come_from_the_listeners_that_send_to_the_group(here: Region):
    quick = SETTINGS | {
        "HealthCheckInterval": 1,
        "HealthCheckTimeout": 1,
        "HealthyThreshold": 2,
        "RequestTimeout": 9,
    }
    tcp = quick | {"ConnectionDrain": "on", "ConnectionDrainTimeout": 33}
    here.cloud.add_slb(
        "lb-two",
        Listener(80, PORT),
        Listener(443, PORT, "https", "rsp-a", quick),
        Listener(9000, PORT, "tcp", "rsp-b", tcp),
    )
    found = {}
    for group in ("rsp-a", "rsp-b", ""):
        here.cloud.add_group(group, "lb-two") if group else None
        found[group] = AliyunSlb(here.entry("entry", "lb-two", group), ONCE).capabilities()

    assert found == {
        "rsp-a": Capabilities(True, False, False, 20, drain=9.0, settle=5.0, healthy_after=4.0),
        "rsp-b": Capabilities(True, True, False, 20, drain=33.0, settle=5.0, healthy_after=4.0),
        "": Capabilities(True, False, False, 20, drain=60.0, settle=5.0, healthy_after=21.0),
    }


def test_who_measured_says_how_soon_the_data_path_obeys(here: Region):
    here.cloud.add_slb("lb-measured", Listener(80, PORT))
    measured = [
        replace(here.entry("entry", "lb-measured"), settle=0.0),
        replace(here.entry("entry", "lb-measured"), settle=12.5),
    ]

    assert [AliyunSlb(one, ONCE).capabilities().settle for one in measured] == [0.0, 12.5]


def test_a_listener_without_a_check_gives_no_member_that_serves(here: Region):
    here.cloud.add_slb("lb-mute", Listener(80, PORT))
    balancer = AliyunSlb(here.entry("entry", "lb-mute"), ONCE)
    here.cloud.addresses["i-nobody", None] = ("127.0.0.1", 9)
    here.cloud.slbs["lb-mute"].default.pool.manner.interval = 600
    balancer.admit([Target("i-nobody", PORT)])

    assert balancer.members()[Target("i-nobody", PORT)].state is MemberState.STARTING


def test_our_mark_survives_every_change_of_the_weight(here: Region):
    balancer = AliyunSlb(here.entry("entry", "lb-1"), ONCE)
    target = Target("i-0", PORT)
    for change in (balancer.admit, balancer.park, balancer.admit):
        change([target])
        assert here.cloud.slbs["lb-1"].default.servers["i-0", None]["Description"] == "shipway/entry"
    balancer.remove([target])


def test_one_that_a_person_adopted_is_ours(here: Region):
    balancer = AliyunSlb(here.entry("entry", "lb-1"), ONCE)
    theirs = AliyunSlb(here.entry("theirs", "lb-1"), ONCE)
    target = Target("i-1", PORT)
    theirs.admit([target])
    with pytest.raises(Rejected, match="set the description of i-1 in that group to shipway/entry"):
        balancer.park([target])
    here.cloud.slbs["lb-1"].default.servers["i-1", None]["Description"] = "shipway/entry"
    balancer.park([target])

    assert balancer.members()[target].weight == 0
    balancer.remove([target])


def test_the_default_group_has_one_port(here: Region):
    balancer = AliyunSlb(here.entry("entry", "lb-1"), ONCE)

    with pytest.raises(
        Rejected, match=r"its default group sends to port 8080 of every host\. Name a VServerGroup"
    ):
        balancer.park([Target("i-0", 81)])


def test_a_balancer_that_does_not_exist_is_told(here: Region):
    with pytest.raises(
        Rejected, match=r"entry \(lb-nope\): .* InvalidLoadBalancerId.NotFound: .* \(request [0-9A-F-]+\)"
    ):
        AliyunSlb(here.entry("entry", "lb-nope"), ONCE).members()


@pytest.mark.parametrize(("key", "secret"), [("AKID", "wrong"), ("WHO", "AKSECRET")])
def test_wrong_credentials_are_told_without_the_secret(here: Region, key, secret):
    entry = replace(here.entry("entry", "lb-1"), access_key=key, secret_key=Secret(secret))

    with pytest.raises(Rejected, match="Correct its access key, or the rights of it") as caught:
        AliyunSlb(entry, ONCE).members()
    assert "wrong" not in str(caught.value)


def test_no_credentials_at_all_are_told(here: Region, monkeypatch):
    for name in ("ALIYUN_ACCESS_KEY_ID", "ALIYUN_ACCESS_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    entry = replace(here.entry("entry", "lb-1"), access_key="", secret_key=Secret(""))

    with pytest.raises(BadConfig, match=r"has no credentials\. Give it access_key and secret_key"):
        AliyunSlb(entry, ONCE).members()


def test_credentials_of_the_environment_do(here: Region, monkeypatch):
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_SECRET", "AKSECRET")
    entry = replace(here.entry("entry", "lb-1"), access_key="", secret_key=Secret(""))

    assert AliyunSlb(entry, ONCE).members() == {}


@pytest.mark.parametrize(
    "code",
    [
        "Throttling",
        "Throttling.Api",
        "BackendServer.configuring",
        "OperationBusy",
        "SystemBusy",
        "InternalError",
    ],
)
def test_what_may_pass_is_unreachable(here: Region, code):
    here.faults.add(Fault("DescribeLoadBalancerAttribute", code))

    with pytest.raises(Unreachable, match=code):
        AliyunSlb(here.entry("entry", "lb-1"), ONCE).members()


def test_a_signature_error_that_the_sdk_cannot_read_is_ours_all_the_same(here: Region):
    """Its own reading looks for a colon: IndexError (aliyun-python-sdk-core 2.16)."""
    here.faults.add(Fault("DescribeLoadBalancerAttribute", "SignatureDoesNotMatch"))

    with pytest.raises((Unreachable, Rejected)):
        AliyunSlb(here.entry("entry", "lb-1"), ONCE).members()


@pytest.mark.filterwarnings("ignore:ssl\\.:DeprecationWarning")  # of urllib3 inside the SDK
def test_nothing_is_sent_in_clear_unless_the_endpoint_says_http(here: Region):
    """The SDK compares by identity: an equal text that was put together goes out in clear."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        first: list[bytes] = []

        def answer() -> None:
            connection, _ = server.accept()
            first.append(connection.recv(1))
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        secure = f"https://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Unreachable):
            AliyunApi(of_balancer(replace(here.entry("entry", "lb-1"), endpoint=secure))).call(
                "DescribeHealthStatus", LoadBalancerId="lb-1"
            )
        thread.join()

    assert first == [b"\x16"]  # a TLS handshake


def test_without_an_endpoint_it_is_https():
    request = AliyunApi(of_balancer(ENTRY))._request("DescribeHealthStatus", {"LoadBalancerId": "lb-1"})

    assert request.get_protocol_type() is protocol_type.HTTPS


def test_silence_is_unreachable(here: Region):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    entry = replace(here.entry("entry", "lb-1"), endpoint=f"http://127.0.0.1:{port}")

    with pytest.raises(Unreachable, match=r"SDK\.HttpError"):
        AliyunSlb(entry, ONCE).members()


@pytest.mark.filterwarnings("ignore:ssl\\.:DeprecationWarning")  # of urllib3 inside the SDK
@pytest.mark.parametrize(("known", "kind"), [(True, Rejected), (False, Unreachable)])
def test_only_a_server_whose_authority_is_known_is_asked(here: Region, known, kind, monkeypatch, tmp_path):
    """The one that is trusted answers with a refusal; the other hears nothing."""
    ours = authority(tmp_path / "ours")
    monkeypatch.delenv("ALIBABA_CLOUD_CA_BUNDLE", raising=False)
    if known:
        monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", ours.ca)
    asked: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.cert, ours.private)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            plain, _ = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    asked.append(connection.recv(65536))
                    body = b'{"Code": "InvalidLoadBalancerId.NotFound", "Message": "none"}'
                    connection.sendall(b"HTTP/1.1 404 x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            except ssl.SSLError:
                plain.close()

        thread = threading.Thread(target=answer)
        thread.start()
        secure = f"https://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(kind):
            AliyunSlb(replace(here.entry("entry", "lb-1"), endpoint=secure), ONCE).members()
        thread.join()

    assert len(asked) == known
