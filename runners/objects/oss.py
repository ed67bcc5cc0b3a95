"""Objects in a bucket of Aliyun OSS, by its REST API. Needs GetObject, PutObject, DeleteObject and ListObjects on the bucket."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import requests

from pipeline.errors import BadConfig, NotFound, Rejected, RunnerError, Unreachable
from pipeline.recovery.place import Place
from pipeline.units import is_ip
from runners.objects.oss_signature import Question, signed
from runners.patience import Patience

TIMEOUT = (5.0, 120.0)  # seconds, until it answers and between two pieces
PIECE = 1 << 20
KEY = re.compile(r"<Key>([^<]*)</Key>")
MORE = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
SAID = re.compile(r"<(Code|Message)>([^<]*)<")


class OssObjects:
    """Implements `pipeline.recovery.objects.Objects`."""

    def __init__(self, place: Place, patience: Patience | None = None) -> None:
        self._place = place
        self._patience = patience or Patience()
        self._key = place.access_key or os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
        self._secret = place.secret_key.reveal() or os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
        self._token = "" if place.access_key else os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
        if not place.region:
            raise BadConfig(f"{place} has no region. Give it `region` in shipway.yml, such as cn-hangzhou.")
        if not self._key or not self._secret:
            raise BadConfig(
                f"{place} has no credentials. Give it access_key and secret_key in shipway.yml, or set "
                "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET."
            )
        self._session = requests.Session()

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        def work() -> None:
            source.seek(0)
            headers = {"content-type": "application/octet-stream"}
            self._call("PUT", name, headers=headers, data=source).close()

        self._patience.retrying(work)

    def get(self, name: str) -> Iterator[bytes]:
        answer = self._patience.retrying(lambda: self._call("GET", name, stream=True))
        return self._pieces(name, answer)

    def names(self, prefix: str = "") -> Sequence[str]:
        found: list[str] = []
        query = {"list-type": "2", "encoding-type": "url", "prefix": self._full(prefix)}
        while True:
            asked = dict(query)
            text = self._patience.retrying(lambda: self._call("GET", None, query=asked).text)  # noqa: B023 (called at once)
            found += [unquote(key) for key in KEY.findall(text)]
            more = MORE.search(text)
            if more is None:
                break
            query["continuation-token"] = more[1]
        cut = len(self._full(""))
        return sorted(name[cut:] for name in found)

    def remove(self, name: str) -> None:
        self._patience.retrying(lambda: self._call("DELETE", name).close())

    def _pieces(self, name: str, answer: requests.Response) -> Iterator[bytes]:
        with answer:
            count = 0
            try:
                for piece in answer.iter_content(PIECE):
                    count += len(piece)
                    yield piece
            except requests.RequestException as error:
                raise Unreachable(f"{self._place}/{name}: the answer was cut: {error}.") from error
            if count != int(answer.headers.get("Content-Length", count)):
                raise Unreachable(f"{self._place}/{name}: the answer was cut after {count} bytes.")

    def _full(self, name: str) -> str:
        return f"{self._place.prefix}/{name}" if self._place.prefix else name

    def _call(
        self, method: str, name: str | None, query: Mapping[str, str] | None = None, **more: Any
    ) -> requests.Response:
        """`name` None: the bucket itself."""
        inner = "" if name is None else self._full(name)
        headers = dict(more.pop("headers", {}))
        if self._token:
            headers["x-oss-security-token"] = self._token
        question = Question(method, f"/{self._place.bucket}/{inner}", query or {}, headers)
        now = datetime.now(UTC)
        headers = signed(question, self._key, self._secret, self._place.region, now)
        headers["accept-encoding"] = "identity"  # bytes as they are
        try:
            answer = self._session.request(
                method, self._url(inner), params=query, headers=headers, timeout=TIMEOUT, **more
            )
        except requests.RequestException as error:
            raise Unreachable(f"{self._place}: no answer to {method}: {error}.") from error
        if answer.status_code >= 300:
            raise self._refused(method, inner, answer)
        return answer

    def _url(self, inner: str) -> str:
        """The bucket stands in the host's name, where there is one."""
        place = self._place
        parts = urlsplit(place.endpoint or f"https://oss-{place.region}.aliyuncs.com")
        host = parts.hostname or ""
        if is_ip(host) or host == "localhost":
            return f"{parts.scheme}://{parts.netloc}/{place.bucket}/{quote(inner, '/~')}"
        return f"{parts.scheme}://{place.bucket}.{parts.netloc}/{quote(inner, '/~')}"

    def _refused(self, method: str, inner: str, answer: requests.Response) -> RunnerError | NotFound:
        said = dict(SAID.findall(answer.text[:4096]))
        code = said.get("Code", str(answer.status_code))
        text = f"oss://{self._place.bucket}/{inner}: {method}: {code}: {said.get('Message', '').rstrip('.')}."
        if answer.status_code == 404 and code != "NoSuchBucket":
            return NotFound(f"There is no oss://{self._place.bucket}/{inner}.")
        if answer.status_code >= 500 or answer.status_code == 429:
            return Unreachable(text)
        return Rejected(
            f"{text} Correct bucket, region and access key, or the key's rights: docs/disaster.md."
        )
