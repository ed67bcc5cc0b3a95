"""Logins that a cloud lends: ECR against moto, ACR against a fake that checks signatures; kept, and renewed in time."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pipeline.errors import BadConfig, Rejected, ShipwayError, Unreachable
from pipeline.fleet.host import RegistryAccess
from pipeline.secret import Secret
from runners.lent_login import SPARE, Lender, Lent
from runners.registries import acr, auth_config, ecr, login
from tests.parts.aliyun_registry import RegistryApi, registry_api
from tests.parts.balancers.aws_server import aws_server
from tests.parts.balancers.faults import Fault, Faults

ECR = RegistryAccess(
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com", kind="ecr", username="AKIA1", password=Secret("s3cret")
)
ACR = RegistryAccess(
    "registry.cn-hangzhou.aliyuncs.com", kind="acr", username="AKID", password=Secret("AKSECRET")
)
ENTERPRISE = replace(ACR, address="acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com")


@pytest.fixture
def aliyun() -> Iterator[RegistryApi]:
    with registry_api() as server:
        yield server


# ------------------------------------------------------------------------------------------------ kept and renewed


class Cloud:
    """Lends logins of an hour by a clock that the test moves."""

    def __init__(self) -> None:
        self.now, self.asked = 1000.0, 0

    def borrow(self, access: RegistryAccess) -> Lent:
        self.asked += 1
        return Lent("AWS", f"{access.address}-{self.asked}", self.now + 3600.0)


def test_a_login_is_kept_and_renewed_before_it_ends() -> None:
    cloud = Cloud()
    lender = Lender(lambda: cloud.now)

    seen = []
    for passed in (0.0, 1800.0, 3600.0 - SPARE, 3600.0 - SPARE + 1):
        cloud.now = 1000.0 + passed
        seen.append(lender.login(ECR, cloud.borrow)[1].rpartition("-")[2])

    assert seen == ["1", "1", "1", "2"]


def test_each_registry_has_its_own_login() -> None:
    cloud = Cloud()
    lender = Lender(lambda: cloud.now)

    one, other = lender.login(ECR, cloud.borrow), lender.login(ACR, cloud.borrow)

    assert one != other
    assert lender.login(ECR, cloud.borrow) == one


def test_many_hosts_that_pull_at_once_ask_the_cloud_once() -> None:
    cloud = Cloud()
    lender, together = Lender(lambda: cloud.now), threading.Barrier(16)

    def pull(_: int) -> tuple[str, str]:
        together.wait(10)
        return lender.login(ECR, cloud.borrow)

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(pull, range(16)))

    assert (len(found), cloud.asked) == (1, 1)


def test_a_login_that_could_not_be_renewed_is_asked_for_again() -> None:
    cloud = Cloud()
    lender = Lender(lambda: cloud.now)

    def refuse(access: RegistryAccess) -> Lent:
        raise Unreachable("AWS does not answer")

    with pytest.raises(Unreachable):
        lender.login(ECR, refuse)

    assert lender.login(ECR, cloud.borrow)[0] == "AWS"


# ------------------------------------------------------------------------------------------------ ECR


def test_ecr_lends_a_login_for_the_region_of_the_address() -> None:
    with aws_server(Faults()) as (url, _):
        found = ecr.borrow(replace(ECR, endpoint=url))

    assert (found.username, bool(found.password)) == ("AWS", True)
    assert found.until > 0  # in 2015, says moto


def test_ecr_that_throttles_is_tried_again_by_the_caller() -> None:
    with (
        aws_server(Faults([Fault("", "ThrottlingException", 400, times=9)])) as (url, _),
        pytest.raises(ShipwayError) as raised,
    ):
        ecr.borrow(replace(ECR, endpoint=url))

    assert "Registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com: get_authorization_token" in str(
        raised.value
    )
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
    ],
)
def test_ecr_reads_the_region_from_the_address(address: str, region: str) -> None:
    assert ecr._account(replace(ECR, address=address)).region == region


@pytest.mark.parametrize(
    "address",
    [
        "r.example.com",
        "evil.com/123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.com",
    ],
)
def test_ecr_without_a_region_says_what_to_write(address: str) -> None:
    with pytest.raises(BadConfig, match=r"set registry\.auth\.region"):
        ecr.borrow(replace(ECR, address=address))


# ------------------------------------------------------------------------------------------------ ACR


def test_the_personal_edition_lends_by_its_address(aliyun: RegistryApi) -> None:
    found = acr.borrow(replace(ACR, endpoint=aliyun.url))

    assert (found.username, found.password) == ("cr_temp_user", "token-1")
    assert 3500 < found.until - time.time() <= 3600


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"instance": "cri-acme0001"},
        {"instance": "cri-acme0001", "address": "r.acme.example", "region": "cn-hangzhou"},
    ],
)
def test_the_enterprise_edition_lends_by_instance(aliyun: RegistryApi, given: dict[str, str]) -> None:
    found = acr.borrow(replace(ENTERPRISE, endpoint=aliyun.url, **given))

    assert (found.username, found.password) == ("cr_temp_user", "token-1")


def test_an_instance_that_the_key_does_not_see_is_said(aliyun: RegistryApi) -> None:
    other = "other-registry.cn-hangzhou.cr.aliyuncs.com"

    with pytest.raises(
        Rejected, match=r"sees no instance named other.*cr:ListInstance.*registry\.auth\.instance"
    ):
        acr.borrow(replace(ACR, address=other, endpoint=aliyun.url))


@pytest.mark.parametrize("access", [ACR, ENTERPRISE], ids=["personal", "enterprise"])
def test_a_wrong_key_is_said_with_the_page_of_rights(aliyun: RegistryApi, access: RegistryAccess) -> None:
    with pytest.raises((Rejected, Unreachable), match=r"SignatureDoesNotMatch|cannot be read"):
        acr.borrow(replace(access, password=Secret("wrong"), endpoint=aliyun.url))


@pytest.mark.parametrize(
    "access", [ACR, replace(ENTERPRISE, instance="cri-acme0001")], ids=["personal", "enterprise"]
)
def test_an_answer_without_a_login_is_no_login(aliyun: RegistryApi, access: RegistryAccess) -> None:
    aliyun.empty = True

    with pytest.raises(Rejected, match="without a login"):
        acr.borrow(replace(access, endpoint=aliyun.url))


def test_acr_without_a_region_says_what_to_write() -> None:
    with pytest.raises(BadConfig, match=r"set registry\.auth\.region and registry\.auth\.instance"):
        acr.borrow(replace(ACR, address="r.example.com"))


def test_an_engine_gets_the_lent_login_and_no_key(aliyun: RegistryApi) -> None:
    access = replace(ACR, address="registry.cn-beijing.aliyuncs.com", endpoint=aliyun.url)

    first, second = auth_config(access), auth_config(access)

    assert (
        first
        == second
        == {"username": "cr_temp_user", "password": "token-1", "serveraddress": access.address}
    )


def test_kinds_are_loaded_when_they_are_named() -> None:
    assert type(login("ecr")).__name__ == "Ecr"
    with pytest.raises(BadConfig, match="Known kinds: none, basic, docker, ecr, acr"):
        login("magic")
