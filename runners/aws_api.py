"""One call of an AWS API by boto3: with timeouts, its errors as ours.

Never tries anything again (botocore is told not to either): who calls knows what may be repeated.
"""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from pipeline.errors import BadConfig, Rejected, RunnerError, Unreachable
from runners.cloud_account import CloudAccount

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, and the elbs' own
_LATER = frozenset(
    ["Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
     "RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "ServiceUnavailable", "InternalFailure",
     "InternalError", "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"]
)  # fmt: skip
_KEYS = frozenset(
    ["AccessDenied", "AccessDeniedException", "AuthFailure", "UnauthorizedOperation", "InvalidClientTokenId",
     "SignatureDoesNotMatch", "UnrecognizedClientException", "ExpiredToken", "OptInRequired"]
)  # fmt: skip
_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
)  # seconds


class AwsApi:
    """For one account and one service of AWS. The client is made at the first call: it costs half a second, most of it the
    session's, which may be shared."""

    def __init__(
        self,
        account: CloudAccount,
        service: str,
        region: str = "",
        session: Any = None,
        config: Any = _CONFIG,
    ) -> None:
        self._account = account
        self._name = account.name
        self._session = session
        self._config = config
        self._service = service
        self._region = account.region or region
        self._client: Any = None

    def call(self, method: str, **values: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._opened(), method)(**values)
        except ClientError as error:
            raise self._refused(method, error) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise BadConfig(
                f"{self._name} has no credentials. Give it access_key and secret_key in shipway.yml, or let boto3 find "
                "some where Shipway runs: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, a role."
            ) from error
        except (HTTPClientError, ResponseParserError) as error:  # no answer, or one of something in between
            raise Unreachable(f"{self._name}: {method}: {str(error).rstrip('.')}.") from error
        except BotoCoreError as error:
            raise Rejected(f"{self._name}: {method}: {str(error).rstrip('.')}.") from error
        return answer

    def _opened(self) -> Any:
        if self._client is None:
            account = self._account
            try:
                session = self._session or boto3.session.Session()
                self._client = session.client(
                    self._service,
                    region_name=self._region or None,
                    endpoint_url=account.endpoint or None,
                    aws_access_key_id=account.access_key or None,
                    aws_secret_access_key=account.secret_key.reveal() or None,
                    config=self._config,
                )
            except NoRegionError as error:
                raise BadConfig(
                    f"{self._name} has no region. Give it `region` in shipway.yml, such as eu-central-1."
                ) from error
        return self._client

    def _refused(self, method: str, error: Any) -> RunnerError:
        said, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code = str(said.get("Code", ""))
        text = f"{self._name}: {method}: {code}: {str(said.get('Message', '')).strip().rstrip('.')}"
        text += f" (request {meta['RequestId']})." if meta.get("RequestId") else "."
        if code in _LATER or int(meta.get("HTTPStatusCode", 0)) >= 500:
            return Unreachable(text)
        if code in _KEYS:
            return Rejected(f"{text} Correct its access key, or the rights of it: {self._account.rights}.")
        return Rejected(text)
