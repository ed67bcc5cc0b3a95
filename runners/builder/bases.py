"""Which image the name of a base means: on the builder's engine, and in its registry now. Pulls nothing."""

from typing import Any

import docker.errors

from pipeline.fleet.host import RegistryAccess
from runners.builder.pulling import auth_header, split, trouble
from runners.builder.talking import Api

ASK_TIMEOUT = 10  # seconds; the engine asks the registry itself
MADE_HERE = "id:"
HUB = ("docker.io/library/", "docker.io/")


def here(api: Api, image: str) -> str:
    """As pulled by its name; `id:…` of one that was made here. Empty: not there."""
    try:
        found: dict[str, Any] = api.inspect_image(image)
    except docker.errors.NotFound:
        return ""
    digests = [str(one).partition("@") for one in found.get("RepoDigests") or []]
    name = _short(split(image)[0])
    mine = (digest for repository, _, digest in digests if _short(repository) == name)
    return next(mine, f"{MADE_HERE}{found['Id']}")


def there(api: Api, image: str, access: RegistryAccess) -> str:
    """Raises `Unreachable` or `Rejected`."""
    url, headers = api._url("/distribution/{0}/json", image), auth_header(image, access)
    try:
        answer = api._get(url, headers=headers, timeout=ASK_TIMEOUT)
        api._raise_for_status(answer)
    except docker.errors.APIError as error:
        raise trouble(f"Nobody can say what {image} is now", str(error.explanation or error)) from error
    return str(answer.json()["Descriptor"]["digest"])


def _short(repository: str) -> str:
    for hub in HUB:
        repository = repository.removeprefix(hub)
    return repository
