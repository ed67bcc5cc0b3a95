"""docs/configuration.md, made from the keys themselves, so that page and program cannot disagree. Pure.

`shipway config docs` prints it; a test compares the page with it.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from pipeline import units
from pipeline.settings_keys import FileKeys
from pipeline.spec_file import SpecKeys

HEAD = """# Configuration

Made by `shipway config docs`; do not edit. Annotated examples of both files: `templates/init/`.

A `<name>` stands for a name of your own. *required* means within its section: a section that is left out needs nothing.
Durations are `500ms`, `10s`, `5m`, `1h30m` or seconds; sizes `256m`, `1g` or bytes. Texts are kept as they are written:
`1.10`, `0755` and `no` need no quotes.
"""
OPERATOR = """
## shipway.yml, the operator's file

`${NAME}` and `${NAME:-default}` come from the environment, `$${` is a plain `${`. A *secret* may be `file:PATH`, and is
then what stands in that file. Relative paths are relative to the file. `shipway config check` names every mistake at once.
"""
REPOSITORY = """
## .shipway.yml, the repository's file

Beside the Dockerfile; every key is optional.
"""
TABLE = "| key | value | default | |\n|---|---|---|---|\n"
KINDS = {
    units.duration: "duration",
    units.positive_duration: "duration",
    units.poll: "duration",
    units.size: "size",
    units.batch: "number or share",
    units.share: "share",
    units.factor: "factor",
    units.port_number: "port",
    units.port_range: "range of ports",
}
WORDS: dict[Any, str] = {
    bool: "`true`, `false`",
    int: "number",
    float: "number",
    SecretStr: "secret",
    list: "list",
    dict: "mapping",
    tuple: "list or labels",
}


def configuration_page() -> str:
    return HEAD + OPERATOR + "".join(_sections(FileKeys)) + REPOSITORY + "".join(_sections(SpecKeys))


def _sections(kind: type[BaseModel]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        rows = "".join(_rows(name, field))
        yield f"\n### {name}\n\n{field.description}\n\n{TABLE}{rows}"


def _rows(path: str, field: FieldInfo) -> Iterator[str]:
    inner, named = inner_model(field.annotation)
    if inner is None:
        yield f"| `{path}` | {_kind(field)} | {_default(field)} | {field.description} |\n"
        return
    path = f"{path}.<name>" if named else path
    for name, below in inner.model_fields.items():
        yield from _rows(f"{path}.{below.alias or name}", below)


def inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model of a section, and whether it is one of several that the file names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for option in get_args(annotation):
        found, _ = inner_model(option)
        if found:
            return found, get_origin(annotation) is dict
    return None, False


def _kind(field: FieldInfo) -> str:
    for meta in _metadata(field):
        if isinstance(meta, BeforeValidator) and meta.func in KINDS:
            return KINDS[meta.func]
    return _annotated(field.annotation)


def _metadata(field: FieldInfo) -> Iterator[object]:
    """Of the field, or of what may stand there beside null."""
    yield from field.metadata
    for option in get_args(field.annotation):
        yield from getattr(option, "__metadata__", ())


def _annotated(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{option.value}`" for option in annotation)
    for option in (annotation, *get_args(annotation)):
        plain = get_args(option)[0] if hasattr(option, "__metadata__") else option
        found = WORDS.get(plain) or WORDS.get(get_origin(plain))
        if found:
            return found
    return "text"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{value[0]}-{value[1]}`"
    if isinstance(value, float):
        return f"`{FLOATS.get(_kind(field), _plain)(value)}`"
    if isinstance(value, int) and _kind(field) == "size":
        return f"`{_size(value)}`"
    return f"`{value}`"


def _plain(value: float) -> str:
    return f"{value:g}"


def _size(value: int) -> str:
    for power, unit in ((30, "g"), (20, "m")):
        if value and value % (1 << power) == 0:
            return f"{value >> power}{unit}"
    return str(value)


def _time(seconds: float) -> str:
    if seconds >= 86400 and seconds % 86400 == 0:
        return f"{seconds / 86400:g}d"
    return f"{seconds / 60:g}m" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:g}s"


def _share(value: float) -> str:
    return f"{value * 100:g}%"


def _factor(value: float) -> str:
    return f"{value:g}x"


FLOATS: dict[str, Callable[[float], str]] = {"duration": _time, "share": _share, "factor": _factor}
