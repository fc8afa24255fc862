"""Pictures of suite "privacy"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reports.house import BLUE, INK, MUTED, RED, SHADES, SURFACE, canvas, in_house_style, text_on, wrap

# Private ratings are warm and hatched, so that they stand out in print without colours too.
_RATINGS = (
    ("1", "#b03a00", "////"),
    ("2", "#e69f00", "\\\\\\\\"),
    ("3", "#d5e6f3", ""),
    ("4", "#7fb2d6", ""),
    ("5", BLUE, ""),
)
_NARROW = 0.06  # of the bar's whole length; a number in a narrower piece is left to the table


@in_house_style
def progression(table: pd.DataFrame) -> Figure:
    """Ratings 1 to 5 at each level as one bar of 100% (the paper's Figure 5).

    Args:
        table: label, rated, share_1 to share_5 (0 to 1), paper (share rated 1 or 2, NaN where the paper has none).
    """
    known = table[table["rated"] > 0].reset_index(drop=True)
    figure = canvas(9, 1.5 + 0.62 * max(len(known), 1))
    axes = figure.subplots()
    places = np.arange(len(known))
    left = np.zeros(len(known))
    for rating, colour, hatch in _RATINGS:
        shares = known[f"share_{rating}"].to_numpy(dtype=float)
        bars = axes.barh(
            places, shares, left=left, height=0.6, color=colour, edgecolor=SURFACE, hatch=hatch, label=rating
        )
        written = [f"{share:.0%}" if share >= _NARROW else "" for share in shares]
        ink = INK if hatch else text_on(colour)
        for text in axes.bar_label(bars, written, label_type="center", color=ink, fontsize=9):
            if hatch:
                text.set_bbox({"facecolor": SURFACE, "edgecolor": "none", "pad": 1.2})
        left += shares
    told = known["paper"].notna().to_numpy()
    if told.any():
        axes.scatter(
            known["paper"][told],
            places[told] + 0.42,
            s=42,
            marker="^",
            color=RED,
            label="paper: end of 1 and 2",
            zorder=4,
            clip_on=False,
        )
    axes.set_yticks(places, [f"{wrap(str(r.label), 24)}\n(n {r.rated:,.0f})" for r in known.itertuples()])
    axes.set_ylim(len(known) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of the texts that were rated")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i])
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside upper left",
        ncols=6,
        labelcolor=INK,
        handlelength=1.6,
    )
    return figure


@in_house_style
def found(table: pd.DataFrame, levels: Sequence[str]) -> Figure:
    """Share of planted facts that each level gives away, a row a kind.

    Args:
        table: slice, level (its label), value (0 to 1), found and facts (counts, written into the cells).
        levels: labels of the levels, in order.
    """
    rows = list(dict.fromkeys(table["slice"]))
    shares = table.pivot(index="slice", columns="level", values="value").loc[rows, list(levels)].to_numpy(dtype=float)
    counts = table.pivot(index="slice", columns="level", values="found").loc[rows, list(levels)].to_numpy(dtype=float)
    figure = canvas(9, 1.3 + 0.46 * len(rows))
    axes = figure.subplots()
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            colour = text_on(SHADES(share))
            axes.text(
                column,
                row,
                f"{share:.0%}  ({counts[row, column]:,.0f})",
                ha="center",
                va="center",
                color=colour,
                fontsize=9.5,
            )
    sizes = table.groupby("slice")["facts"].max()
    axes.set_xticks(range(len(levels)), [wrap(level, 16) for level in levels])
    axes.set_yticks(range(len(rows)), [f"{wrap(name, 24, 1)} (n {sizes[name]:,.0f})" for name in rows])
    axes.xaxis.tick_top()
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(levels) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color=SURFACE, linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    return figure


@in_house_style
def ablation(table: pd.DataFrame, panels: Sequence[str]) -> Figure:
    """What is given away with single layers switched off: a panel a measure, a dot a variant with its interval.

    Args:
        table: variant, panel, value, low, high (0 to 1; ends NaN where there are none). A row
            without a value is left out.
        panels: in order, from left to right.
    """
    variants = list(dict.fromkeys(table["variant"]))
    figure = canvas(9.6, 1.3 + 0.46 * len(variants))
    all_axes = figure.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
    most = np.nanmax([*table["value"].to_numpy(dtype=float), *table["high"].to_numpy(dtype=float), 0.05])
    for axes, panel in zip(all_axes, panels, strict=True):
        rows = table[(table["panel"] == panel) & table["value"].notna()]
        places = np.array([variants.index(name) for name in rows["variant"]])
        axes.hlines(
            places, rows["low"].fillna(rows["value"]), rows["high"].fillna(rows["value"]), color=BLUE, linewidth=2
        )
        axes.scatter(rows["value"], places, s=40, color=BLUE, zorder=3, clip_on=False)
        for value, place in zip(rows["value"], places, strict=True):
            axes.annotate(
                f"{value:.1%}", (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=INK
            )
        axes.set_title(wrap(panel, 18), fontsize=9.5, color=INK)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.tick_params(axis="x", labelcolor=MUTED, labelsize=8.5)
    all_axes[0].set_yticks(range(len(variants)), [wrap(name, 20) for name in variants])
    all_axes[0].set_ylim(len(variants) - 0.4, -0.7)
    all_axes[0].set_xlim(-0.04 * most, 1.06 * min(1.0, most))
    return figure
