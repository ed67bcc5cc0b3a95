"""Aliyun ACR: GetAuthorizationToken lends a login for about an hour. The Enterprise Edition has instances, the Personal has none.

Enterprise: https://help.aliyun.com/document_detail/72334.html, API cr 2018-12-01. Personal: API cr 2016-06-07, /tokens.
"""

import re
from typing import Any

from pipeline.errors import BadConfig, Rejected
from pipeline.fleet.host import RegistryAccess
from runners.aliyun_api import AliyunApi
from runners.cloud_account import CloudAccount
from runners.lent_login import LENDER, Lent

ADDRESS = re.compile(
    r"(?:(?P<name>[^.\s]+)-)?registry(?:-intl)?(?:-vpc)?(?:-internal)?(?:\.distributed)?\.(?P<region>[a-z0-9-]+)\.(?:cr\.)?"
    r"aliyuncs\.com(?::\d+)?"
)
ENTERPRISE, PERSONAL = "2018-12-01", "2016-06-07"


class Acr:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        return LENDER.login(access, borrow)


def borrow(access: RegistryAccess) -> Lent:
    name, region = _read(access)
    api = AliyunApi(
        CloudAccount(
            f"Registry {access.address}",
            "docs/registries.md",
            region,
            access.endpoint,
            access.username,
            access.password,
        )
    )
    host = f"cr.{region}.aliyuncs.com"
    if access.instance or name:
        instance = access.instance or _instance(api, host, name, access)
        given = api.ask(host, ENTERPRISE, "GetAuthorizationToken", InstanceId=instance)
        keys = "TempUsername", "AuthorizationToken", "ExpireTime"
    else:
        given = api.ask(host, PERSONAL, "GetAuthorizationToken", path="/tokens").get("data") or {}
        keys = "tempUserName", "authorizationToken", "expireDate"
    return _lent(access, *(given.get(key) for key in keys))


def _read(access: RegistryAccess) -> tuple[str, str]:
    """The instance's name, empty for the Personal Edition, and the region."""
    found = ADDRESS.fullmatch(access.address)
    region = access.region or (found["region"] if found else "")
    if not region:
        raise BadConfig(
            f"registry.auth: kind acr cannot read a region from {access.address}; write the address as "
            "registry.cn-hangzhou.aliyuncs.com or name-registry.cn-hangzhou.cr.aliyuncs.com, or set registry.auth.region and "
            "registry.auth.instance."
        )
    return (found["name"] or "" if found else ""), region


def _instance(api: AliyunApi, host: str, name: str, access: RegistryAccess) -> str:
    """The address has its name only."""
    answer = api.ask(host, ENTERPRISE, "ListInstance", InstanceName=name)
    for row in answer.get("Instances") or []:
        if row.get("InstanceName") == name:
            return str(row["InstanceId"])
    raise Rejected(
        f"Registry {access.address}: this access key sees no instance named {name}. Correct the address, give the key the "
        "right cr:ListInstance, or set registry.auth.instance to cri-…."
    )


def _lent(access: RegistryAccess, username: Any, password: Any, until: Any) -> Lent:
    """`until` in milliseconds since 1970."""
    if not (username and password and isinstance(until, int | float)):
        raise Rejected(
            f"Registry {access.address}: Aliyun answered GetAuthorizationToken without a login in it. Try again; if it stays "
            "so, check registry.auth.endpoint."
        )
    return Lent(str(username), str(password), until / 1000)
