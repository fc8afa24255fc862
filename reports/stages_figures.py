"""Pictures of suite "stages"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator, PercentFormatter, StrMethodFormatter

from reports.house import BLUE, GREEN, INK, MUTED, ORANGE, RED, SHADES, SURFACE, canvas, in_house_style, text_on, wrap

# A mark of its own for each set, so that they can be told apart without colour.
_MARKS = (("o", BLUE), ("s", GREEN), ("^", ORANGE), ("v", MUTED))
_PAPER: dict[str, Any] = {"marker": "D", "facecolor": "none", "edgecolor": RED, "linewidth": 1.3}


@in_house_style
def dots(components: pd.DataFrame) -> Figure:
    """A row a component, in the order of the table; in it a dot with its interval for each set, the paper as a diamond.

    Args:
        components: component, set, value, low, high, paper (all but the first two may be missing).
    """
    known = components[components["value"].notna()]
    names, sets = list(dict.fromkeys(known["component"])), list(dict.fromkeys(known["set"]))
    step = 0.8 / max(len(sets), 1) if len(sets) > 1 else 0.0
    figure = canvas(9, 1.4 + len(names) * (0.26 + 0.16 * len(sets)))
    axes = figure.subplots()
    for place, (name, (mark, colour)) in enumerate(zip(sets, _MARKS, strict=False)):
        part = known[known["set"] == name]
        shift = (place - (len(sets) - 1) / 2) * step
        at = np.array([names.index(component) for component in part["component"]]) + shift
        axes.hlines(at, part["low"], part["high"], color=colour, linewidth=2.0, zorder=2)
        axes.scatter(part["value"], at, s=46, marker=mark, color=colour, zorder=3, clip_on=False)
        theirs = part["paper"].notna().to_numpy()
        axes.scatter(
            part["paper"][theirs],
            at[theirs],
            s=46,
            marker="D",
            facecolor="none",
            edgecolor=RED,
            linewidth=1.3,
            zorder=4,
        )
    _rows(axes, names)
    axes.set_xlabel("share, or rank correlation")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.1f}"))
    handles = [
        Line2D([], [], color=colour, marker=mark, linewidth=2.0, label=name)
        for name, (mark, colour) in zip(sets, _MARKS, strict=False)
    ]
    if known["paper"].notna().any():
        hollow: dict[str, Any] = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": RED}
        handles.append(Line2D([], [], color="none", label="paper, same kind of data", **hollow))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), labelcolor=INK, handlelength=1.8)
    return figure


def _rows(axes: Axes, names: list[str]) -> None:
    for line in np.arange(len(names) - 1) + 0.5:
        axes.axhline(line, color="#eef1f4", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(names)), [wrap(name, 30) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


@in_house_style
def language_dots(languages: pd.DataFrame) -> Figure:
    """A panel a component, side by side; in it a dot with its interval for each language.

    Args:
        languages: component, language, value, low, high (all but the first two may be missing).
    """
    names = list(dict.fromkeys(languages["component"]))
    rows = list(dict.fromkeys(languages["language"]))
    figure = canvas(9.6, 1.3 + 0.3 * len(rows))
    figure.set_layout_engine("constrained", wspace=0.06)  # the tick labels of neighbouring panels must not meet
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for axes, name in zip(panels, names, strict=True):
        part = languages[(languages["component"] == name) & languages["value"].notna()]
        at = [rows.index(language) for language in part["language"]]
        axes.hlines(at, part["low"], part["high"], color=BLUE, linewidth=2.0, zorder=2)
        axes.scatter(part["value"], at, s=36, color=BLUE, zorder=3, clip_on=False)
        _rows(axes, rows)
        axes.set_title(wrap(name, 26), fontsize=10, loc="left")
        axes.xaxis.set_major_locator(MultipleLocator(0.5))
    return figure


@in_house_style
def concern_heat(counts: pd.DataFrame) -> Figure:
    """Counts of conversations by label (rows, 1 on top) and extracted score (columns); colour is the share of a row.

    Args:
        counts: label, rated_1 to rated_5, failed.
    """
    grid = counts.filter(like="rated_").to_numpy(dtype=float)
    totals = grid.sum(axis=1, keepdims=True)
    shares = np.divide(grid, totals, out=np.zeros_like(grid), where=totals > 0)
    figure = canvas(9, 4.0)
    axes = figure.subplots()
    written = np.array([[f"{n:,.0f}" if n else "" for n in row] for row in grid])
    sns.heatmap(shares, ax=axes, cmap=SHADES, vmin=0, vmax=1, annot=written, fmt="", cbar=False, linewidths=0.8)
    axes.collections[0].set_edgecolor(SURFACE)
    for text, value in zip(axes.texts, shares.ravel(), strict=True):
        text.set_color(text_on(SHADES(value)))
        text.set_fontsize(11)
    steps = range(1, len(grid) + 1)
    axes.set_xticks(np.arange(len(grid)) + 0.5, [str(n) for n in steps])
    axes.set_yticks(np.arange(len(grid)) + 0.5, [str(n) for n in steps], rotation=0)
    axes.set_xlabel("extracted score (1 not at all, 5 extremely)", labelpad=8)
    axes.set_ylabel("a reader's label", labelpad=8)
    axes.grid(visible=False)
    return figure
