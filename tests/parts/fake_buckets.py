"""Buckets in memory behind HTTP: S3 and OSS at once, which verify signatures and fail on request.

with buckets() as fake: fake.place("s3"); fake.faults.append(Fault("500")); fake.objects["shop/a"]
"""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pipeline.recovery.place import Kind, Place
from pipeline.secret import Secret
from runners.objects.oss_signature import Question, signature_of

ACCESS, SECRET = "LTAI-test", "a-secret-of-the-test"
BUCKET = "backups"
REGION = {Kind.S3: "eu-central-1", Kind.OSS: "cn-hangzhou"}
PAGE = 2  # names a listing gives at once


@dataclass
class Fake:
    address: str
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)  # taken from the front: 500 | cut | spoil
    refused: list[str] = field(default_factory=list)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def place(self, kind: str, secret: str = SECRET, prefix: str = "shop") -> Place:
        of = Kind(kind)
        return Place(of, BUCKET, prefix, REGION[of], self.address, ACCESS, Secret(secret))


@contextmanager
def buckets() -> Iterator[Fake]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Desk)
    fake = Fake(f"http://127.0.0.1:{server.server_address[1]}")
    server.fake = fake  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> Fake:
        return self.server.fake  # type: ignore[attr-defined,no-any-return]

    def log_message(self, format: str, *args: object) -> None:
        """Tests read what they need."""

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not self._proved(parts.path, query):
            self.fake.refused.append(self.path)
            self._answer(403, _error("SignatureDoesNotMatch", "the signature is another one"))
            return
        fault = self.fake.faults.pop(0) if self.fake.faults else ""
        if fault == "500":
            self._answer(500, _error("InternalError", "try again"))
            return
        _, bucket, key = (
            unquote(parts.path).split("/", 2) if parts.path.count("/") > 1 else (*parts.path.split("/"), "")
        )
        if bucket != BUCKET:
            self._answer(404, _error("NoSuchBucket", "there is no such bucket"))
            return
        getattr(self, f"_{self.command.lower()}")(key, query, body, fault)

    do_GET = do_PUT = do_DELETE = do_POST = handle_any

    def _put(self, key: str, query: dict[str, str], body: bytes, fault: str) -> None:
        if "partNumber" in query:
            self.fake.parts.setdefault(query["uploadId"], {})[int(query["partNumber"])] = body
        else:
            self.fake.objects[key] = bytes(reversed(body)) if fault == "spoil" else body
        self._answer(200, b"", {"ETag": '"x"'})

    def _post(self, key: str, query: dict[str, str], body: bytes, fault: str) -> None:
        if "uploads" in query:
            answer = (
                f"<InitiateMultipartUploadResult><UploadId>u-{key}</UploadId></InitiateMultipartUploadResult>"
            )
            self._answer(200, answer.encode())
            return
        found = self.fake.parts.pop(query["uploadId"])
        self.fake.objects[key] = b"".join(found[number] for number in sorted(found))
        self._answer(200, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")

    def _get(self, key: str, query: dict[str, str], body: bytes, fault: str) -> None:
        if not key:
            self._list(query)
        elif key not in self.fake.objects:
            self._answer(404, _error("NoSuchKey", "there is no such key"))
        else:
            self._answer(200, self.fake.objects[key], cut=fault == "cut")

    def _delete(self, key: str, query: dict[str, str], body: bytes, fault: str) -> None:
        self.fake.objects.pop(key, None)
        self._answer(204, b"")

    def _list(self, query: dict[str, str]) -> None:
        names = sorted(name for name in self.fake.objects if name.startswith(query.get("prefix", "")))
        begin = int(query.get("continuation-token", "0"))
        page, more = names[begin : begin + PAGE], begin + PAGE < len(names)
        entries = "".join(f"<Contents><Key>{quote(name, '/')}</Key></Contents>" for name in page)
        token = f"<NextContinuationToken>{begin + PAGE}</NextContinuationToken>" if more else ""
        told = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{entries}"
        self._answer(
            200, f"<ListBucketResult><EncodingType>url</EncodingType>{told}</ListBucketResult>".encode()
        )

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _proved(self, path: str, query: dict[str, str]) -> bool:
        said = self.headers.get("Authorization", "")
        own = {name.lower(): value for name, value in self.headers.items()}
        if said.startswith("OSS4-HMAC-SHA256"):
            credential, signature = (part.partition("=")[2] for part in said.partition(" ")[2].split(", "))
            question = Question(self.command, unquote(path), query, own)
            wanted = signature_of(question, SECRET, credential.partition("/")[2])
            return hmac.compare_digest(signature, wanted)
        return bool(said) and hmac.compare_digest(*_of_s3(self.command, path, query, own, said))


def _of_s3(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], said: str
) -> tuple[str, str]:
    """What was sent, and what it must be: AWS signature version 4, from its documentation."""
    told = dict(part.split("=", 1) for part in said.partition(" ")[2].split(", "))
    scope = told["Credential"].partition("/")[2]
    names = told["SignedHeaders"].split(";")
    pairs = "&".join(f"{quote(n, '~')}={quote(v, '~')}" for n, v in sorted(query.items()))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = "\n".join([method, path, pairs, lines, ";".join(names), headers["x-amz-content-sha256"]])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    return told["Signature"], hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
