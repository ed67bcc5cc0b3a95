"""The signature of OSS, by the example of its documentation's formula, worked out by hand here."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from runners.objects.oss_signature import Question, signed

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
QUESTION = Question(
    "GET", "/backups/shop/ä b", {"prefix": "a/b", "list-type": "2"}, {"content-type": "text/plain"}
)


def test_signature_is_that_of_the_formula():
    canonical = (
        "GET\n/backups/shop/%C3%A4%20b\nlist-type=2&prefix=a%2Fb\n"
        "content-type:text/plain\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20260301T120005Z\n"
        "\n\nUNSIGNED-PAYLOAD"
    )
    scope = "20260301/cn-hangzhou/oss/aliyun_v4_request"
    text = f"OSS4-HMAC-SHA256\n20260301T120005Z\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"aliyun_v4secret"
    for part in (b"20260301", b"cn-hangzhou", b"oss", b"aliyun_v4_request"):
        key = hmac.new(key, part, hashlib.sha256).digest()

    headers = signed(QUESTION, "LTAI", "secret", "cn-hangzhou", NOW)

    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    assert headers["authorization"] == f"OSS4-HMAC-SHA256 Credential=LTAI/{scope}, Signature={signature}"


@pytest.mark.parametrize("secret", ["secre", "Secret"])
def test_another_secret_signs_otherwise(secret: str):
    right, wrong = (signed(QUESTION, "LTAI", text, "cn-hangzhou", NOW) for text in ("secret", secret))
    assert right["authorization"] != wrong["authorization"]
