"""Pictures of suite "selftest"."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reports.house import BLUE, GREEN, INK, MUTED, NEUTRAL, ORANGE, PINK, RED, SURFACE, canvas, in_house_style, wrap

Dashes = Literal["-", "--", "-.", ":"]
# A mark and a line of its own for each metric, so that they can be told apart without colour.
_LINES: tuple[tuple[str, str, Dashes], ...] = (
    ("o", BLUE, "-"),
    ("s", ORANGE, "--"),
    ("^", GREEN, "-."),
    ("D", PINK, ":"),
)


@in_house_style
def null(table: pd.DataFrame) -> Figure:
    """A row a metric: the middle 95% of its values under shuffled labels, the chance level, and the run itself.

    Args:
        table: label, chance, mean, low, high, run (the last three may be missing).
    """
    figure = canvas(9, 1.2 + 0.36 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.hlines(places, table["low"], table["high"], color=BLUE, linewidth=3, zorder=2)
    axes.scatter(table["chance"], places, s=150, marker="|", color=RED, linewidth=2, zorder=3)
    axes.scatter(table["mean"], places, s=34, color=BLUE, zorder=4)
    axes.scatter(table["run"], places, s=44, marker="D", facecolor="none", edgecolor=INK, linewidth=1.3, zorder=4)
    axes.set_yticks(places, [wrap(str(name), 40) for name in table["label"]])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel("value of the metric")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    handles = [
        Line2D([], [], color=BLUE, linewidth=3, marker="o", label="labels shuffled: mean, middle 95%"),
        Line2D([], [], color=RED, marker="|", markersize=12, markeredgewidth=2, linewidth=0, label="chance"),
        Line2D([], [], color="none", marker="D", markerfacecolor="none", markeredgecolor=INK, label="this run"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, labelcolor=INK, handlelength=1.6)
    return figure


@in_house_style
def responses(table: pd.DataFrame, counts: pd.DataFrame) -> Figure:
    """A panel a corruption: what its metrics do with the dose; the last panel holds counts that must be zero.

    Args:
        table: corruption, metric, slice, dose (0 to 1), value (0 to 1).
        counts: the same of metrics that are counts.
    """
    kinds = list(dict.fromkeys(table["corruption"]))
    panels = len(kinds) + (not counts.empty)
    rows = -(-panels // 2)
    figure = canvas(9.4, 0.4 + 2.7 * rows)
    grid = np.atleast_1d(figure.subplots(rows, 2)).ravel()
    for axes, kind in zip(grid, kinds, strict=False):
        _panel(axes, table[table["corruption"] == kind], "metric")
        axes.set_title(wrap(kind, 44), loc="left", fontsize=10, color=INK)
        axes.set_ylim(-0.04, 1.06)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if not counts.empty:
        axes = grid[len(kinds)]
        _panel(axes, counts.assign(what=counts["metric"] + ": " + counts["corruption"]), "what")
        axes.set_title("counts that must be zero", loc="left", fontsize=10, color=INK)
        axes.set_ylim(bottom=-0.2, top=1.7 * float(counts["value"].max()) + 1)  # the legend stands above the lines
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for axes in grid[panels:]:
        axes.set_visible(False)
    return figure


def _panel(axes: Axes, part: pd.DataFrame, naming: str) -> None:
    """One line a metric; where there are several slices, a thin one for each."""
    handles = []
    for name, (mark, colour, dashes) in zip(dict.fromkeys(part[naming]), _LINES, strict=False):
        lines = part[part[naming] == name]
        slices = lines.groupby("slice", sort=False)
        thin = slices.ngroups > 1
        for _, line in slices:
            axes.plot(
                line["dose"],
                line["value"],
                marker=mark,
                markersize=3 if thin else 5,
                color=colour,
                linestyle=dashes,
                linewidth=0.9 if thin else 1.8,
                zorder=3,
            )
        label = f"{name}, each of {slices.ngroups}" if thin else str(name)
        handles.append(Line2D([], [], color=colour, linestyle=dashes, marker=mark, markersize=5, label=wrap(label, 46)))
    axes.set_xticks(sorted(set(part["dose"])), [f"{100 * dose:.0f}%" for dose in sorted(set(part["dose"]))])
    axes.tick_params(axis="x", labelsize=8.5, labelcolor=MUTED)
    axes.set_xlabel("dose", fontsize=9)
    axes.axhline(0, color=NEUTRAL, linewidth=0.8, zorder=1)
    # On a ground of its own, so that no grid line runs through it.
    axes.legend(
        handles=handles,
        loc="upper right",
        fontsize=8,
        labelcolor=INK,
        handlelength=2.6,
        frameon=True,
        facecolor=SURFACE,
        edgecolor=SURFACE,
        framealpha=1,
    )
