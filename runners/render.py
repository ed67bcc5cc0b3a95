"""Templates to text. A missing variable is an error, not an empty string. Knows no proxy; checks no values.

Jinja is loaded with the first template: of all workers only those that change a proxy's file need it.
"""

from functools import cache
from typing import TYPE_CHECKING

from pipeline.assets import templates_dir

if TYPE_CHECKING:
    from jinja2 import Environment


def render(name: str, **values: object) -> str:
    return _environment().get_template(name).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(templates_dir()),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - configuration text, never HTML
    )
