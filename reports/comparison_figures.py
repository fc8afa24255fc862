"""Pictures of a comparison of two runs. Every number stands in a table of the comparison."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.house import BLUE, GREEN, INK, MUTED, NEUTRAL, ORANGE, RED, SURFACE, canvas, in_house_style, wrap

_LEVEL = 0.05
_POINTS = FuncFormatter(lambda value, _: f"{100 * value:+.0f} pp" if round(100 * value) else "0")
_STATUS = {
    "kept": ("has a counterpart", GREEN, "o"),
    "vanished": ("vanished from the base", ORANGE, "v"),
    "appeared": ("new in the candidate", BLUE, "^"),
}


@in_house_style
def languages(table: pd.DataFrame, overall: float, metric: str, *, share: bool) -> Figure:
    """Forest plot: each language's difference with its interval, in the order of the table, first row on top.

    Args:
        table: language, difference, low, high, p_holm; ends may be NaN.
        overall: difference over all.
        metric: name, for the axis.
        share: values are proportions and written as percentage points.
    """
    figure = canvas(9, 1.7 + 0.36 * len(table))
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1.1, zorder=1)
    axes.axvline(overall, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1, label="over all")
    apart = table["p_holm"] < _LEVEL
    for rows, colour, marker, size, label in (
        (table[~apart], BLUE, "o", 44, "language, 95% interval"),
        (table[apart], RED, "D", 58, "set apart from the others (Holm, 5%)"),
    ):
        axes.hlines(rows.index, rows["low"], rows["high"], color=colour, linewidth=2.2, zorder=2)
        if len(rows):
            axes.scatter(rows["difference"], rows.index, s=size, color=colour, marker=marker, zorder=3, label=label)
    axes.set_yticks(range(len(table)), [wrap(name, 28, 1) for name in table["language"]])
    axes.set_ylim(len(table) - 0.4, -0.6)
    _around_zero(axes, table[["difference", "low", "high"]].abs().max().max())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))
    if share:
        axes.xaxis.set_major_formatter(_POINTS)
    axes.set_xlabel(f"{metric}, candidate minus base")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=3, labelcolor=INK, handlelength=1.6)
    return figure


@in_house_style
def flips(table: pd.DataFrame) -> Figure:
    """Diverging bars: conversations gained (right) and lost (left) by category, the heaviest loss on top.

    Args:
        table: category, gained, lost.
    """
    ordered = table.assign(net=table["gained"] - table["lost"]).sort_values(["net", "category"], ignore_index=True)
    figure = canvas(9, 1.5 + 0.4 * len(ordered))
    axes = figure.subplots()
    lost = axes.barh(
        ordered.index, -ordered["lost"], color=ORANGE, hatch="///", edgecolor=SURFACE, label="lost", height=0.66
    )
    gained = axes.barh(ordered.index, ordered["gained"], color=BLUE, edgecolor=SURFACE, label="gained", height=0.66)
    for bars, counts in ((lost, ordered["lost"]), (gained, ordered["gained"])):
        axes.bar_label(bars, [f"{n:,.0f}" if n else "" for n in counts], padding=3, fontsize=9, color=MUTED)
    axes.axvline(0, color=INK, linewidth=1.1)
    axes.set_yticks(range(len(ordered)), [wrap(name, 38, 2) for name in ordered["category"]])
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    _around_zero(axes, max(ordered["lost"].max(), ordered["gained"].max()))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    axes.set_xlabel("conversations")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2, labelcolor=INK)
    return figure


def _around_zero(axes: Axes, furthest: float) -> None:
    """The same room on either side, so that a glance weighs gains and losses alike."""
    reach = 1.12 * furthest if furthest > 0 else 1.0
    axes.set_xlim(-reach, reach)


@in_house_style
def clusters(table: pd.DataFrame) -> Figure:
    """Size of each base cluster against what it shares with the nearest one of the other run.

    Args:
        table: status ("kept", "vanished", "appeared"), base_size, candidate_size, jaccard (0 to 1).
    """
    figure = canvas(9, 4.2)
    axes = figure.subplots()
    axes.axhline(0.5, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    for status, (label, colour, marker) in _STATUS.items():
        rows = table[table["status"] == status]
        if rows.empty:
            continue
        size = rows["candidate_size" if status == "appeared" else "base_size"]
        # Hollow where there are many, so that one under another can still be seen.
        face = colour if status == "kept" else "none"
        axes.scatter(
            size, rows["jaccard"], s=46, facecolor=face, edgecolor=colour, linewidth=1.4, marker=marker, label=label
        )
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    axes.set_xlabel("conversations in the cluster")
    axes.set_ylabel("Jaccard with the nearest")
    axes.spines["left"].set_color(NEUTRAL)
    figure.legend(loc="outside upper left", ncols=3, labelcolor=INK)
    return figure
