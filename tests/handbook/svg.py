"""A few shapes of SVG as text, enough for our pictures. Knows nothing of what they show.

Every picture brings its own light ground, so that it reads on a dark page too.
"""

from collections.abc import Iterable
from html import escape

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
INK, QUIET, LINE = "#1f2430", "#5b6472", "#8a94a6"


def picture(width: float, height: float, title: str, shapes: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(title)}" font-family="{escape(FONT)}">'
    )
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{LINE}"/></marker></defs>'
    )
    ground = box(0, 0, width, height, "#ffffff", "#ffffff", 10)
    return "\n".join([head, f"<title>{escape(title)}</title>", marker, ground, *shapes, "</svg>"]) + "\n"


def box(
    x: float, y: float, width: float, height: float, fill: str, edge: str = LINE, round_: float = 6
) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_:g}" '
        f'fill="{fill}" stroke="{edge}"/>'
    )


def text(
    x: float,
    y: float,
    words: str,
    size: float = 13,
    colour: str = INK,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>'
        f"{escape(words)}</text>"
    )


def arrow(path: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.6"{dash} marker-end="url(#tip)"/>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = "#d9dee7") -> str:
    return f'<path d="M{x1:g} {y1:g} {x2:g} {y2:g}" stroke="{colour}"/>'
