"""Pictures of a data set's checks. Every number in them stands in a table of the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reports.heat import heat_map
from reports.house import BLUE, MUTED, NEUTRAL, canvas, in_house_style, wrap


@in_house_style
def confusion(counts: pd.DataFrame, shares: pd.DataFrame, overlap: pd.DataFrame) -> Figure:
    """What a blind reader made of each label.

    Args:
        counts: shape (n, m), label as index, blind category as columns.
        shares: the same shape, 0 to 1, of the label.
        overlap: the same shape, True where the taxonomy allows that reading; framed.
    """
    return heat_map(counts, shares, down="label", across="read blindly as", outlined=overlap)


@in_house_style
def cells(counts: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Conversations of each category in each language.

    Args:
        counts: shape (categories, languages).
        shares: the same shape, of the largest cell.
    """
    return heat_map(counts, shares, down="category", across="language")


@in_house_style
def lengths(table: pd.DataFrame) -> Figure:
    """Median and quartiles of lengths by language, a panel a part; the dashed line is the median of all.

    Args:
        table: part, language ("all" for all together), lower, median, upper.
    """
    parts = list(dict.fromkeys(table["part"]))
    names = list(dict.fromkeys(name for name in table["language"] if name != "all"))
    figure = canvas(10, 1.4 + 0.33 * len(names))
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False, gridspec_kw={"wspace": 0.08})[0]
    places = np.arange(len(names))
    for axes, part in zip(panels, parts, strict=True):
        rows = table[table["part"] == part].set_index("language")
        axes.axvline(rows.loc["all", "median"], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
        shown = rows.loc[names]
        axes.hlines(places, shown["lower"], shown["upper"], color=NEUTRAL, linewidth=5, zorder=2)
        axes.scatter(shown["median"], places, s=46, color=BLUE, zorder=3)
        axes.set_yticks(places, [wrap(name, 28, 1) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"words, {part}")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
    return figure


@in_house_style
def refusals(table: pd.DataFrame) -> Figure:
    """Share of first answers that decline, by category.

    Args:
        table: category, declined (count), share (0 to 1).
    """
    figure = canvas(9, 1.2 + 0.42 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    bars = axes.barh(places, table["share"], color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{n:,.0f}" for n in table["declined"]], padding=3, fontsize=9, color=MUTED)
    axes.set_yticks(places, [wrap(name, 40, 2) for name in table["category"]])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(0, max(0.1, 1.08 * float(table["share"].max())))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("first answers that decline")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure
