"""Templates to text. A missing variable is an error, not an empty string. Knows no proxy; checks no values."""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.assets import templates_dir


def render(name: str, **values: object) -> str:
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates_dir()),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - configuration text, never HTML
    )
