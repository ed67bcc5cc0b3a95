"""What an image was made of, as SLSA says it (https://slsa.dev/spec/v1.0/provenance), in an in-toto statement. Pure.

No build arguments: people write into those what they should not.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.delivery.orders import BuildOrder
from pipeline.delivery.run import Run

BUILD_TYPE = "urn:shipway:dockerfile-build:1"


def statement(
    run: Run, order: BuildOrder, image: str, source: str, bases: Mapping[str, str], server: str, now: datetime
) -> bytes:
    """Of `repository@sha256:…`, built from a commit of `source` by the Shipway at `server`."""
    repository, _, digest = image.partition("@sha256:")
    told: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": repository, "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _parameters(run, order, source),
                "resolvedDependencies": [_commit(run, source), *_images(bases)],
            },
            "runDetails": {
                "builder": {"id": server},
                "metadata": {
                    "invocationId": f"{server}/api/v1/runs/{run.id}",
                    "startedOn": _time(run.started_at or now),
                    "finishedOn": _time(now),
                },
            },
        },
    }
    return json.dumps(told, indent=2).encode()


def _parameters(run: Run, order: BuildOrder, source: str) -> dict[str, str]:
    given = {"dockerfile": order.dockerfile, "target": order.target, "platform": order.platform}
    return {"source": source, "ref": run.ref} | {key: value for key, value in given.items() if value}


def _commit(run: Run, source: str) -> dict[str, Any]:
    return {"uri": f"git+{source}", "digest": {"gitCommit": run.commit}}


def _images(bases: Mapping[str, str]) -> list[dict[str, Any]]:
    """One that was made on the builder has an id and no digest."""
    pinned = ((name, digest) for name, digest in bases.items() if digest.startswith("sha256:"))
    return [{"uri": f"docker://{name}", "digest": {"sha256": digest[7:]}} for name, digest in pinned]


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
