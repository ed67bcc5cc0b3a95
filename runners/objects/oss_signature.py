"""Signs a request to Aliyun OSS: version 4, HMAC-SHA256 over what is asked, where, and when. Sends nothing.

https://help.aliyun.com/zh/oss/developer-reference/recommend-to-use-signature-version-4
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "OSS4-HMAC-SHA256"
ENDING = "aliyun_v4_request"
UNSIGNED = "UNSIGNED-PAYLOAD"
ALWAYS = ("content-md5", "content-type")  # are signed when they are there


@dataclass(frozen=True)
class Question:
    """`path` is `/bucket/key`, also where the bucket stands in the host's name. Headers are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


def signed(question: Question, key: str, secret: str, region: str, now: datetime) -> dict[str, str]:
    """The headers to send."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {**question.headers, "x-oss-date": moment, "x-oss-content-sha256": UNSIGNED}
    scope = f"{moment[:8]}/{region}/oss/{ENDING}"
    asked = Question(question.method, question.path, question.query, headers)
    signature = signature_of(asked, secret, scope)
    return {**headers, "authorization": f"{ALGORITHM} Credential={key}/{scope}, Signature={signature}"}


def signature_of(question: Question, secret: str, scope: str) -> str:
    """Of a question whose headers say when it was asked."""
    digest = hashlib.sha256(_canonical(question).encode()).hexdigest()
    told = "\n".join([ALGORITHM, question.headers["x-oss-date"], scope, digest])
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()


def _canonical(question: Question) -> str:
    pairs = sorted((quote(name, "~"), quote(value, "~")) for name, value in question.query.items())
    query = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    counted = sorted(
        (name, value.strip())
        for name, value in question.headers.items()
        if name.startswith("x-oss-") or name in ALWAYS
    )
    headers = "".join(f"{name}:{value}\n" for name, value in counted)
    payload = question.headers["x-oss-content-sha256"]
    return "\n".join([question.method, quote(question.path, "/~"), query, headers, "", payload])
