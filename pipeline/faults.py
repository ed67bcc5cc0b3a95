"""Collects everything that is wrong with a file, each with its key's path, in words for the person who wrote it.

Turns pydantic's errors into sentences, suggests the key that was meant, and cuts the wrong parts out, so that the
checks that look across the file can still run over the rest. Never shows a value that came from the environment.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list, such as [main]",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "too_short": "must have at least {min_length}",
}


class Faults:
    """Sentences by path, in the order they were found, each once."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self._paths: set[Path] = set()

    def add(self, path: Path, what: str) -> None:
        self._paths.add(path)
        self.found[f"{dotted(path)}: {what}" if path else what] = None

    def known(self, path: Path) -> bool:
        """Whether something is wrong with exactly this key already, so that what follows from it need not be told."""
        return path in self._paths

    def __bool__(self) -> bool:
        return bool(self.found)

    def told(self, file: str, known_values: Mapping[str, str] | None = None) -> str:
        """One sentence about the file, then a line for each fault. Values in `known_values` are shown as their names."""
        count = f"{len(self.found)} errors" if len(self.found) > 1 else "an error"
        lines = [_shown(fault, known_values or {}) for fault in self.found]
        return "\n  ".join([f"{file} has {count}; nothing was changed. Correct:", *lines])


def _shown(fault: str, known_values: Mapping[str, str]) -> str:
    path, colon, what = fault.partition(": ")
    for name, value in known_values.items():
        if len(value) >= 4:
            what = what.replace(value, f"${{{name}}}")
    return path + colon + what


def dotted(path: Path) -> str:
    """services.shop.environments.test.hosts[0]"""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}"
    return out.removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'batch'?`, or the list when nothing is near."""
    names = list(known)
    near = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else "; there are none"


class Reading(Generic[Model]):
    """Validates raw data into a model. What is wrong becomes faults; `model` is what remains without the wrong parts."""

    def __init__(
        self, kind: type[Model], raw: Mapping[str, Any], context: Mapping[str, Any], faults: Faults
    ) -> None:
        self._kind, self._context = kind, dict(context)
        try:
            self.model = self._validated(raw)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = _path(raw, detail["loc"])
                if not faults.known(path):
                    faults.add(path, _sentence(kind, detail))
            self.model = self._remaining(raw, error)

    def _validated(self, raw: Mapping[str, Any]) -> Model:
        return self._kind.model_validate(raw, context=self._context)

    def _remaining(self, raw: Mapping[str, Any], error: ValidationError) -> Model:
        """Each round takes something away, so this ends: at the latest with an empty mapping, which is valid."""
        while True:
            cut = raw
            for detail in reversed(
                error.errors(include_url=False)
            ):  # a list's last item first: no index moves
                cut = _without(cut, _path(raw, detail["loc"]), detail["type"] == "missing")
            raw = cut if cut != raw else {}
            try:
                return self._validated(raw)
            except ValidationError as more:
                error = more


def _path(raw: object, loc: Path) -> Path:
    """The part of pydantic's location that exists in the file, and one key beyond it where a key is missing."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(raw, Mapping) and part != "[key]":
            path.append(part)
            raw = raw.get(part)
        elif isinstance(raw, list) and isinstance(part, int):
            path.append(part)
            raw = raw[part]
    return tuple(path)


def _without(raw: Any, path: Path, missing: bool) -> Any:
    """A copy without what the path names; where a key is missing, without the entry that misses it."""
    if missing:
        path = path[:-1]
    if not path:
        return {}
    head, *rest = path
    if isinstance(raw, Mapping) and head in raw:
        if rest:
            return {**raw, head: _without(raw[head], tuple(rest), False)}
        return {key: value for key, value in raw.items() if key != head}
    if isinstance(raw, list) and isinstance(head, int):
        return [item for at, item in enumerate(raw) if at != head]
    return raw


def _sentence(kind: type[BaseModel], detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            *above, key = detail["loc"]
            return f"unknown key{did_you_mean(str(key), _keys(kind, above))}"
        case "missing":
            return "is missing; it must be given"
        case "value_error":
            return str(context["error"])
        case _ if detail["input"] is None:
            return "is empty; give it a value or remove the key"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a mapping (key: value)"
        case found if found in WORDS:
            return WORDS[found].format(**context)
    return detail["msg"]


def _keys(kind: Any, loc: Iterable[str | int]) -> list[str]:
    """The keys that the model allows at this place."""
    for part in loc:
        kind = kind.model_fields[part].annotation if _is_model(kind) else get_args(kind)[-1]
        if get_origin(kind) in (Union, UnionType):
            kind = next(option for option in get_args(kind) if option is not type(None))
    return [field.alias or name for name, field in kind.model_fields.items()]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
