"""Objects in a bucket of S3, or of what speaks like it, by boto3. Needs s3:GetObject, PutObject, DeleteObject and ListBucket.

Large files go up in parts. Checksums are sent where the service must have them: what only resembles S3 often refuses more.
"""

from collections.abc import Iterator, Sequence
from typing import IO, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from pipeline.errors import NotFound, Rejected, RunnerError, Unreachable
from pipeline.recovery.place import Place
from runners.aws_api import AwsApi
from runners.cloud_account import CloudAccount
from runners.patience import Patience

PIECE = 1 << 20
PART = 64 << 20  # bytes; 10,000 of them are 640 GB
WHOLE = 256 << 20  # bytes up to which a file goes up in one call
NONE_SUCH = ("NoSuchKey", "404", "NotFound")
CONFIG = Config(
    connect_timeout=5,
    read_timeout=120,
    retries={"mode": "standard", "total_max_attempts": 1},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "auto"},
)


class S3Objects:
    """Implements `pipeline.recovery.objects.Objects`."""

    def __init__(self, place: Place, patience: Patience | None = None) -> None:
        self._place = place
        self._patience = patience or Patience()
        account = CloudAccount(
            str(place), "docs/disaster.md", place.region, place.endpoint, place.access_key, place.secret_key
        )
        self._api = AwsApi(account, "s3", config=CONFIG)

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        if size > WHOLE:
            self._put_parts(name, source)
            return

        def work() -> None:
            source.seek(0)
            self._call("put_object", Key=self._full(name), Body=source, ContentLength=size)

        self._patience.retrying(work)

    def get(self, name: str) -> Iterator[bytes]:
        answer = self._patience.retrying(lambda: self._call("get_object", Key=self._full(name)))
        return self._pieces(name, answer["Body"])

    def names(self, prefix: str = "") -> Sequence[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            asked = {"Prefix": self._full(prefix), **more}
            page = self._patience.retrying(lambda: self._call("list_objects_v2", **asked))  # noqa: B023 (called at once)
            found += [str(entry["Key"]) for entry in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                break
            more = {"ContinuationToken": page["NextContinuationToken"]}
        cut = len(self._full(""))
        return sorted(name[cut:] for name in found)

    def remove(self, name: str) -> None:
        self._patience.retrying(lambda: self._call("delete_object", Key=self._full(name)))

    def _put_parts(self, name: str, source: IO[bytes]) -> None:
        """All or nothing: parts without an end cost money and are let go."""
        key = self._full(name)
        upload = self._patience.retrying(lambda: self._call("create_multipart_upload", Key=key))["UploadId"]
        try:
            source.seek(0)
            tags = []
            for number, piece in enumerate(iter(lambda: source.read(PART), b""), 1):
                asked = {"Key": key, "UploadId": upload, "PartNumber": number, "Body": piece}
                answer = self._patience.retrying(lambda: self._call("upload_part", **asked))  # noqa: B023 (called at once)
                tags.append({"PartNumber": number, "ETag": answer["ETag"]})
            whole = {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": tags}}
            self._patience.retrying(lambda: self._call("complete_multipart_upload", **whole))
        except RunnerError:
            self._call("abort_multipart_upload", Key=key, UploadId=upload)
            raise

    def _pieces(self, name: str, body: Any) -> Iterator[bytes]:
        try:
            yield from body.iter_chunks(PIECE)
        except (HTTPClientError, BotoCoreError, OSError) as error:
            raise Unreachable(f"{self._place}/{name}: the answer was cut: {error}.") from error
        finally:
            body.close()

    def _full(self, name: str) -> str:
        return f"{self._place.prefix}/{name}" if self._place.prefix else name

    def _call(self, method: str, **values: object) -> dict[str, Any]:
        try:
            return self._api.call(method, Bucket=self._place.bucket, **values)
        except Rejected as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") in NONE_SUCH:
                raise NotFound(f"There is no s3://{self._place.bucket}/{values.get('Key', '')}.") from error
            raise
