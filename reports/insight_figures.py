"""Pictures of suite "insight": what people use the assistant for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, StrMethodFormatter

from reports.house import BLUE, INK, MUTED, NEUTRAL, ORANGE, PINK, canvas, in_house_style, wrap

_QUADRANTS = {"missed?": (PINK, "^"), "false alarm?": (ORANGE, "s"), "": (NEUTRAL, "o")}


@in_house_style
def top_categories(table: pd.DataFrame) -> Figure:
    """Share of the sample in each published top cluster, with its interval.

    Args:
        table: name, share, low, high (0 to 1; ends may be NaN).
    """
    figure = canvas(9, 1.0 + 0.5 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.barh(places, table["share"], color=BLUE, height=0.6)
    known = table["low"].notna()
    axes.hlines(places[known], table.loc[known, "low"], table.loc[known, "high"], color=INK, linewidth=1.6)
    axes.set_yticks(places, [wrap(str(name), 48) for name in table["name"]], fontsize=9)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of all conversations (line: 95% interval)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


@in_house_style
def language_ratios(table: pd.DataFrame) -> Figure:
    """How much more often a language occurs in a cluster than elsewhere, on a logarithmic scale.

    Args:
        table: name, language, ratio, low, high, in the order from the top down.
    """
    figure = canvas(9, 1.0 + 0.46 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.axvline(1, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    # A lower end of 0 has no place on this scale; the line then runs to its edge.
    axes.hlines(places, table["low"].clip(lower=0.05), table["high"], color=BLUE, linewidth=2)
    axes.scatter(table["ratio"], places, s=42, color=BLUE, zorder=3)
    names = [f"{language}: {wrap(str(name), 44, 2)}" for language, name in table[["language", "name"]].values]
    axes.set_yticks(places, names, fontsize=8.5)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("times as often as in the whole sample (line: 95% interval over accounts)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


@in_house_style
def concern_and_flags(table: pd.DataFrame) -> Figure:
    """Clusters by mean concern and by the classifier's flag rate.

    Args:
        table: concern (1 to 5), flag_rate (0 to 1), conversations, quadrant.
    """
    figure = canvas(9, 5.2)
    axes = figure.subplots()
    for quadrant, (colour, marker) in _QUADRANTS.items():
        part = table[table["quadrant"] == quadrant]
        label = {"missed?": "concerning, seldom flagged", "false alarm?": "flagged, hardly concerning"}.get(
            quadrant, "others"
        )
        size = 26 + 5 * part["conversations"]
        axes.scatter(
            part["concern"],
            part["flag_rate"],
            s=size,
            color=colour,
            marker=marker,
            alpha=0.75,
            label=label,
            clip_on=False,
        )
    axes.set_xlim(0.9, 5.1)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("mean concern of the cluster (facet, 1 to 5)")
    axes.set_ylabel("share of its conversations that are flagged")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3, markerscale=0.7)
    return figure
