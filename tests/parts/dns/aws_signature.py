"""Checks AWS Signature Version 4 of a request as AWS does: method, path, query, signed headers, and the body's hash."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
SKEW = 300


def refusal(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, keys: Mapping[str, str]
) -> str:
    """AWS's code of what is wrong; empty: it is good. Header names are lower case."""
    found = FORM.fullmatch(headers.get("authorization", ""))
    if not found:
        return "MissingAuthenticationToken"
    key, day, region, service, signed, signature = found.groups()
    if key not in keys:
        return "InvalidClientTokenId"
    stamp = headers.get("x-amz-date", "")
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs((datetime.now(UTC) - at).total_seconds()) > SKEW or stamp[:8] != day:
        return "RequestExpired"
    if "host" not in signed.split(";"):
        return "SignatureDoesNotMatch"
    names = signed.split(";")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([
        method,
        quote(path, safe="/-_.~"),
        "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs),
        "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names),
        signed,
        hashlib.sha256(body).hexdigest(),
    ])  # fmt: skip
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{keys[key]}".encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest(expected, signature) else "SignatureDoesNotMatch"
