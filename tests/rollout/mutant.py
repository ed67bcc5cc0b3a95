"""A seeded bug in the heart of the rollout: a single edit, which the stories that are told of it must find."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # as seen from pipeline/rollout
    text: str  # stands once in the file
    becomes: str  # the bug
    shapes: tuple[str, ...] = ("two hosts",)  # where the hunt looks
