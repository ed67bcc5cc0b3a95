"""Text of a YAML file -> mappings, lists and texts. Never runs a tag, never guesses a type.

Every scalar stays the text it was written as (`1.10`, `0755`, `no` and `22:22` are not numbers or truths); only null is
null. The typed models of `settings_keys` and `spec_file` turn texts into numbers. Keys must be texts and may not repeat;
anchors, aliases and `<<` work, but not without bound: an alias bomb or a million brackets are refused in milliseconds.
"""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline.errors import BadConfig

LARGEST = 1 << 20  # bytes
DEEPEST = 40
MOST = 50_000  # values, once every alias is written out
TAG = "tag:yaml.org,2002:"
NULL, MERGE = TAG + "null", TAG + "merge"
TEXTS = frozenset({TAG + "str", TAG + "int", TAG + "float", TAG + "bool"})


def load(text: str, file: str) -> object:
    """The one document of the text, None when it is empty. Raises `BadConfig`; `file` only names it in messages."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise BadConfig(f"{file} is larger than 1 MiB. Is it the right file?")
    try:
        node = _composed(text)
        builder = _Builder()
        value = builder.build(node, 0) if node else None
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise BadConfig(f"{file}{line}: {what}.") from None
    except yaml.YAMLError as error:
        raise BadConfig(f"{file} is not readable as YAML: {str(error).splitlines()[0]}.") from None
    if builder.faults:
        raise BadConfig("\n".join(f"{file} {fault}" for fault in builder.faults))
    return value


def _composed(text: str) -> Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Parses into nodes only; knows null and `<<`, and bounds the depth before Python's own stack does."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # yaml's own signature
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in (NULL, MERGE)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Builder:
    """Nodes to plain values. Faults that leave the rest readable are collected, so that all are told at once."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.built = 0

    def build(self, node: Node, depth: int) -> object:
        self.built += 1
        if self.built > MOST or depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="too many or too deeply nested values (aliases counted)", problem_mark=node.start_mark
            )
        if isinstance(node, MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, depth)
        if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
            return [self.build(item, depth + 1) for item in node.value]
        if isinstance(node, ScalarNode) and node.tag in TEXTS:
            return str(node.value)
        if node.tag != NULL:
            self._fault(node, f"the tag {node.tag.replace(TAG, '!!')} is not known here; remove it")
        return None

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, object]:
        own: dict[str, object] = {}
        merged: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key, item in node.value:
            if key.tag == MERGE:
                merged = {**self._merged(item, depth), **merged}
            elif not isinstance(key, ScalarNode) or key.tag not in TEXTS:
                self._fault(key, "a key must be a plain text")
            elif key.value in lines:
                self._fault(key, f"the key '{key.value}' is already on line {lines[key.value]}; remove one")
            else:
                lines[key.value] = key.start_mark.line + 1
                own[key.value] = self.build(item, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, depth: int) -> dict[str, object]:
        """What `<<` brings: one mapping, or several of which the first wins."""
        value = self.build(node, depth + 1)
        found: dict[str, object] = {}
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                found = {**item, **found}
            else:
                self._fault(node, "'<<' takes a mapping or a list of mappings")
        return found

    def _fault(self, node: Node, what: str) -> None:
        self.faults.append(f"line {node.start_mark.line + 1}: {what}.")
