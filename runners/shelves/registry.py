"""The registry as a shelf: the manifests of our services' repositories, with their tags. Never looks at another repository."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import Rejected
from pipeline.retention.thing import Kind, Thing, Verdict

OFF = (
    "deletion is turned off in the registry (it answers 405). Set storage.delete.enabled: true in its configuration, "
    "or retention.registry.delete: false here"
)


class Manifests(Protocol):
    """What `runners.registries.distribution.Registry` does for us."""

    @property
    def address(self) -> str: ...
    def tags(self, repository: str) -> list[str]: ...
    def digest(self, repository: str, tag: str) -> str: ...
    def size(self, image: str) -> int | None: ...
    def lets_delete(self, repository: str) -> bool: ...
    def delete(self, image: str) -> None: ...


class RegistryShelf:
    """`repositories`: name with the address, and the service that it is of. `delete` False: it is only looked at."""

    disk = ""

    def __init__(self, registry: Manifests, repositories: Sequence[tuple[str, str]], delete: bool) -> None:
        self._registry = registry
        self._repositories = repositories
        self._delete = delete
        self._seen: dict[str, frozenset[str]] = {}

    def things(self) -> list[Thing]:
        found = [thing for place in self._repositories for thing in self._in(*place)]
        if found and self._delete and not self._registry.lets_delete(self._repositories[0][0]):
            return [Thing(Kind.MANIFEST, self._registry.address, "", "all manifests", locked=OFF)]
        return found

    def remove(self, goer: Verdict) -> None:
        """A run that builds the same image again tags it anew: then the manifest is somebody's once more."""
        repository, _, digest = goer.thing.name.partition("@")
        new = [tag for tag in self._registry.tags(repository) if tag not in self._seen.get(repository, ())]
        for tag in new:
            if self._registry.digest(repository, tag) == digest:
                raise Rejected(
                    f"Registry {self._registry.address}: {goer.thing.label} is now {tag} too; left."
                )
        self._registry.delete(goer.thing.name)

    def _in(self, repository: str, service: str) -> list[Thing]:
        tags: dict[str, list[str]] = {}
        listed = self._registry.tags(repository)
        self._seen[repository] = frozenset(listed)
        for tag in listed:
            tags.setdefault(self._registry.digest(repository, tag), []).append(tag)
        tags.pop("", None)  # gone since they were listed
        return [self._thing(repository, service, digest, names) for digest, names in sorted(tags.items())]

    def _thing(self, repository: str, service: str, digest: str, tags: list[str]) -> Thing:
        image = f"{repository}@{digest}"
        return Thing(
            Kind.MANIFEST,
            self._registry.address,
            image,
            f"{repository.partition('/')[2]}:{', '.join(sorted(tags))}",
            size=self._registry.size(image),
            service=service,
            references=tuple(f"{repository}:{tag}" for tag in sorted(tags)),
            digests=frozenset({digest}),
        )
