"""The look of every figure: colours, fonts, and how text is made to fit."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

# Neutral tones. A page may put its own colours in their place, so nothing else in a figure uses these exact values.
INK, MUTED, GRID, SURFACE = "#1c2430", "#5b6675", "#d9dee5", "#fefefe"
TONES = {INK: "ink", MUTED: "muted", GRID: "grid", SURFACE: "surface"}

# Okabe and Ito 2008: told apart with every common kind of colour blindness.
BLUE, ORANGE, GREEN, RED, PINK, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
SERIES = (BLUE, ORANGE, GREEN, RED, PINK, SKY)
NEUTRAL = "#9aa3ae"
# From nothing to all, for shares in heat maps; grows darker evenly, so that it can be read without colour.
SHADES = LinearSegmentedColormap.from_list("clio", ["#f3f7fb", "#b9d3e8", "#4f93c0", "#0b5a94", "#06345c"])

FONT = "DejaVu Sans"  # ships with matplotlib, so that a figure is the same on every machine
RC: dict[str, Any] = {
    "font.family": [FONT],
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a name with a dollar sign is no formula
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.facecolor": SURFACE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": SURFACE,
    "savefig.facecolor": SURFACE,
    "svg.fonttype": "path",
    "svg.hashsalt": "clio-evals",
}
# From matplotlib's own defaults, whatever the user's settings are.
STYLE: list[str | Path | dict[str, Any]] = ["default", RC]

P = ParamSpec("P")


def in_house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure with `RC`, whatever matplotlib's settings are outside."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(STYLE):
            return draw(*args, **kwargs)

    return styled


def canvas(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, laid out so that nothing is cut off."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def wrap(text: str, width: int, lines: int = 3) -> str:
    """A name over at most so many lines of about `width` characters; what does not fit ends in an ellipsis."""
    return "\n".join(textwrap.wrap(_clean(text), width, max_lines=lines, placeholder=" …")) or "–"


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def drawable(text: str) -> bool:
    """Whether the figures' font, in bold, has every character of the text."""
    known = get_font(findfont(FontProperties(family=FONT, weight="bold"))).get_charmap()
    return all(ord(c) in known for c in _clean(text))


def text_on(colour: Any) -> str:
    """Black or white, whichever stands out more on that colour (WCAG relative luminance)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#111111" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
