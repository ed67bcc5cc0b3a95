"""AWS ECR: GetAuthorizationToken lends a login for twelve hours.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

import base64
import re

from pipeline.errors import BadConfig, Rejected
from pipeline.fleet.host import RegistryAccess
from runners.aws_api import AwsApi
from runners.cloud_account import CloudAccount
from runners.lent_login import LENDER, Lent

# https://docs.aws.amazon.com/general/latest/gr/ecr.html
ADDRESS = re.compile(
    r"\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)(?::\d+)?"
)


class Ecr:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        return LENDER.login(access, borrow)


def borrow(access: RegistryAccess) -> Lent:
    answer = AwsApi(_account(access), "ecr").call("get_authorization_token")
    found = (answer.get("authorizationData") or [{}])[0]
    try:
        username, _, password = base64.b64decode(found["authorizationToken"]).decode().partition(":")
        return Lent(username, password, found["expiresAt"].timestamp())
    except (KeyError, ValueError, AttributeError) as error:
        raise Rejected(
            f"Registry {access.address}: AWS answered GetAuthorizationToken without a login in it. Try again; if it "
            "stays so, check registry.auth.endpoint."
        ) from error


def _account(access: RegistryAccess) -> CloudAccount:
    found = ADDRESS.fullmatch(access.address)
    region = access.region or (found[1] if found else "")
    if not region:
        raise BadConfig(
            f"registry.auth: kind ecr cannot read a region from {access.address}; write the address as "
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com, or set registry.auth.region."
        )
    return CloudAccount(
        f"Registry {access.address}",
        "docs/registries.md",
        region,
        access.endpoint,
        access.username,
        access.password,
    )
