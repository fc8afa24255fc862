"""Pictures of clusters against categories and languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reports.house import BLUE, GRID, INK, MUTED, NEUTRAL, SHADES, SURFACE, canvas, in_house_style, text_on, wrap


@in_house_style
def contingency(counts: pd.DataFrame, *, numbers: bool = True) -> Figure:
    """Conversations by true category (rows) and cluster (columns), in the order of the table.

    Args:
        counts: shape (categories, clusters), category as index, "id: name" as columns.
        numbers: write counts into the cells and names under the columns; without it, ids alone.
    """
    rows, columns = counts.shape
    cell = 0.5 if numbers else 0.26
    figure = canvas(3.4 + cell * columns, (3.6 if numbers else 1.6) + 0.42 * rows)
    axes = figure.subplots()
    shares = counts.div(counts.sum(axis=1).where(counts.sum(axis=1) > 0, 1), axis=0)
    written = counts.map(lambda n: f"{n:,.0f}" if n else "") if numbers else False
    sns.heatmap(shares, ax=axes, cmap=SHADES, vmin=0, vmax=1, annot=written, fmt="", cbar=False, linewidths=0.6)
    axes.collections[0].set_edgecolor(SURFACE)
    for text, share in zip(axes.texts, shares.to_numpy().ravel(), strict=False):
        text.set_color(text_on(SHADES(share)))
        text.set_fontsize(9)
    names = [wrap(str(n).split(": ", 1)[-1], 34) if numbers else str(n).split(": ", 1)[0] for n in counts.columns]
    axes.set_xticks(np.arange(columns) + 0.5, names, rotation=90, fontsize=8.5 if numbers else 7)
    axes.set_yticks(np.arange(rows) + 0.5, [wrap(str(n), 34) for n in counts.index], rotation=0, fontsize=9)
    axes.set_xlabel("cluster", labelpad=10)
    axes.set_ylabel("true category", labelpad=10)
    axes.grid(visible=False)
    return figure


@in_house_style
def breakdown(parts: dict[str, pd.DataFrame]) -> Figure:
    """Where the conversations of some categories went, a panel a category, largest cluster first.

    Args:
        parts: by category, rows with name, conversations and share (0 to 1).
    """
    figure = canvas(9, sum(0.9 + 0.44 * len(part) for part in parts.values()) + 0.4)
    heights = [1 + len(part) for part in parts.values()]
    panels = np.atleast_1d(figure.subplots(len(parts), 1, gridspec_kw={"height_ratios": heights}))
    for axes, (category, part) in zip(panels, parts.items(), strict=True):
        places = np.arange(len(part))
        bars = axes.barh(places, part["share"], color=BLUE, height=0.62)
        labels = [f"{n:,.0f}" for n in part["conversations"]]
        axes.bar_label(bars, labels, padding=4, fontsize=8.5, color=MUTED)
        axes.set_yticks(places, [wrap(str(name), 46) for name in part["name"]], fontsize=8.5)
        axes.set_ylim(len(part) - 0.4, -0.6)
        axes.set_xlim(0, 1.08)
        axes.set_title(wrap(category, 70), loc="left", fontsize=10, color=INK)
        _shares_below(axes)
    panels[-1].set_xlabel("share of the category")
    return figure


@in_house_style
def mixture(counts: pd.DataFrame) -> Figure:
    """Share of each language in each base cluster; a cluster that is a language would be a row with one dark cell.

    Args:
        counts: shape (clusters, languages), cluster as index.
    """
    rows, columns = counts.shape
    shares = counts.div(counts.sum(axis=1).where(counts.sum(axis=1) > 0, 1), axis=0)
    figure = canvas(1.6 + 0.5 * columns, 1.6 + 0.2 * rows)
    axes = figure.subplots()
    sns.heatmap(
        shares,
        ax=axes,
        cmap=SHADES,
        vmin=0,
        vmax=1,
        cbar=True,
        linewidths=0.4,
        cbar_kws={"shrink": 0.6, "format": PercentFormatter(1, decimals=0)},
    )
    axes.collections[0].set_edgecolor(SURFACE)
    axes.set_xticks(np.arange(columns) + 0.5, list(counts.columns), rotation=90, fontsize=9)
    axes.set_yticks(np.arange(rows) + 0.5, list(counts.index), rotation=0, fontsize=7)
    axes.set_xlabel("language")
    axes.set_ylabel("base cluster, largest on top")
    axes.grid(visible=False)
    return figure


@in_house_style
def separation(table: pd.DataFrame) -> Figure:
    """Mutual information of clusters with subjects and with languages.

    Args:
        table: level, k, ami_category, ami_language.
    """
    figure = canvas(9, 1.3 + 0.75 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    for shift, column, colour, label in (
        (-0.17, "ami_category", BLUE, "with the categories"),
        (0.17, "ami_language", NEUTRAL, "with the languages"),
    ):
        bars = axes.barh(places + shift, table[column], height=0.32, color=colour, label=label)
        axes.bar_label(bars, fmt="{:.2f}", padding=4, fontsize=9, color=MUTED)
    names = [
        f"{'base' if level == 'base' else 'top-level'} clusters ({k:.0f})" for level, k in table[["level", "k"]].values
    ]
    axes.set_yticks(places, names)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.axvline(0, color=GRID, linewidth=1)
    axes.set_xlim(min(-0.12, float(table["ami_language"].min()) - 0.06), 1.02)
    axes.set_xlabel("adjusted mutual information (0 by chance, 1 the same partition)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def _shares_below(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
