"""A matplotlib figure as SVG that stands inside a page: its text stays text, its colours follow the page's.

Knows no figure. The same figure gives the same bytes, and no two figures of a page share an id.
"""

import re
import warnings
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT, PAPER, SERIES = "#010a01", "#010a02", "#010a03", ("#010a04", "#010a05", "#010a06")
"""Stand-ins while matplotlib draws; in the page they are CSS variables, which dark mode and print set otherwise."""
VARIABLES = {INK: "--ink", FAINT: "--faint", PAPER: "--paper"} | {c: f"--series-{i}" for i, c in enumerate(SERIES, 1)}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "grader",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.4,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": f"cycler('color', {list(SERIES)})",
}


def inline_svg(draw: Callable[["Figure"], None], *, name: str, alt: str, size: tuple[float, float]) -> Markup:
    """What `draw` puts on an empty figure of `size` (width and height in inches). `alt` says it to who cannot see it.

    `name` is the figure's own in its page. Text is taken as it is: no `$` starts a formula.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    drawn = StringIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return Markup(_for_page(drawn.getvalue(), name, alt))


def _for_page(svg: str, name: str, alt: str) -> str:
    """Without what belongs to a file of its own: prologue, metadata, a style sheet for `*`, ids that nothing names."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    width = re.search(r'width="([\d.]+)pt"', svg)
    opening = f'<svg role="img" aria-label="{escape(alt)}" style="max-width:{width[1] if width else 600}pt"'
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf"{_literal(opening)} \1>", svg, count=1)
    named = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in named else "", svg)
    svg = re.sub(r'((?:url\(|href=")#)', rf"\g<1>{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg


def _literal(text: str) -> str:
    """`text` as the replacement of a regular expression."""
    return text.replace("\\", r"\\")
