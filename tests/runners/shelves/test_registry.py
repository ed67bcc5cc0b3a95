"""Manifests with their tags: two tags of one digest are one thing, and one that comes while we judge saves it."""

from dataclasses import dataclass, field

import pytest

from pipeline.errors import Rejected
from pipeline.retention.thing import Verdict
from runners.shelves.registry import RegistryShelf

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
SHOP = "r:5000/acme/shop"


@dataclass
class Registry:
    named: dict[str, str] = field(default_factory=lambda: {"run-1": ONE, "run-2": TWO, "run-3": ONE})
    off: bool = False
    deleted: list[str] = field(default_factory=list)
    address: str = "r:5000"

    def tags(self, repository: str) -> list[str]:
        return [*self.named] if repository == SHOP else []

    def digest(self, repository: str, tag: str) -> str:
        return self.named[tag]

    def size(self, image: str) -> int | None:
        return 7

    def lets_delete(self, repository: str) -> bool:
        return not self.off

    def delete(self, image: str) -> None:
        self.deleted.append(image)


def shelf(registry: Registry, delete: bool = True) -> RegistryShelf:
    return RegistryShelf(registry, [(SHOP, "shop"), ("r:5000/acme/blog", "blog")], delete)


def test_two_tags_of_one_digest_are_one_thing() -> None:
    found = shelf(Registry()).things()

    assert [(t.name, t.references) for t in found] == [
        (f"{SHOP}@{ONE}", (f"{SHOP}:run-1", f"{SHOP}:run-3")),
        (f"{SHOP}@{TWO}", (f"{SHOP}:run-2",)),
    ]
    assert [(t.service, t.size, t.label) for t in found][1] == ("shop", 7, "acme/shop:run-2")


def test_a_registry_that_lets_nobody_delete_says_so_once() -> None:
    (only,) = shelf(Registry(off=True)).things()

    assert "storage.delete.enabled: true" in only.locked


def test_a_registry_that_is_only_looked_at_is_not_asked_whether_it_deletes() -> None:
    assert len(shelf(Registry(off=True), delete=False).things()) == 2


def test_a_manifest_that_was_tagged_again_in_the_meantime_is_left() -> None:
    registry = Registry()
    here = shelf(registry)
    first, second = here.things()
    registry.named["run-9"] = ONE

    with pytest.raises(Rejected, match="is now run-9 too; left"):
        here.remove(Verdict(first, True, ""))
    here.remove(Verdict(second, True, ""))

    assert registry.deleted == [f"{SHOP}@{TWO}"]
