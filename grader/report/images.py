"""Matplotlib figures as images inside a page: SVG in data URLs, in a light and a dark version."""

import base64
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Palette(NamedTuple):
    """Colours of a figure, those of the page's style sheet: `page.css` has the same values."""

    ink: str
    faint: str
    blue: str
    orange: str
    green: str


LIGHT = Palette("#1b1f24", "#8a929c", "#1f6fc9", "#c2570c", "#1a7f4b")
DARK = Palette("#e3e7eb", "#8b949e", "#58a6ff", "#f0954d", "#4cc38a")

PX_PER_INCH = 96


class DataTable(NamedTuple):
    """The numbers that a figure shows, for readers who cannot see it. Cells are text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class FigureImage(NamedTuple):
    """`light` and `dark`: data URLs. `alt`: text alternative. `width` and `height`: CSS pixels. `data`: None if the
    page has a table of the same numbers next to the figure."""

    light: str
    dark: str
    alt: str
    width: int
    height: int
    data: DataTable | None


def figure_image(
    draw: Callable[["Figure", Palette], None],
    *,
    alt: str,
    size: tuple[float, float],
    data: DataTable | None = None,
) -> FigureImage:
    """`draw` gets an empty figure of `size` (width and height in inches). `$` does not start a formula."""
    light, dark = (_data_url(draw, size, palette) for palette in (LIGHT, DARK))
    return FigureImage(light, dark, alt, round(size[0] * PX_PER_INCH), round(size[1] * PX_PER_INCH), data)


def _data_url(draw: Callable[["Figure", Palette], None], size: tuple[float, float], palette: Palette) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    svg = BytesIO()
    with mpl.rc_context(_style(palette)), warnings.catch_warnings():
        # Text stays text in the SVG, so the browser's fonts draw glyphs that matplotlib's font does not have.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, palette)
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.getvalue()).decode('ascii')}"


def _style(palette: Palette) -> dict[Any, Any]:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "grader",  # without it ids are random, and the same evaluation would give another file
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.titlesize": 10,
        "text.color": palette.ink,
        "axes.edgecolor": palette.faint,
        "axes.labelcolor": palette.ink,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": palette.ink,
        "ytick.color": palette.ink,
        "grid.color": palette.faint,
        "grid.alpha": 0.4,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "axes.prop_cycle": f"cycler('color', {[palette.blue, palette.orange, palette.green]})",
    }
