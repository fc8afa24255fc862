"""Pictures of suite "auditor"."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MultipleLocator, PercentFormatter

from reports.house import BLUE, INK, MUTED, ORANGE, SHADES, SURFACE, canvas, in_house_style, text_on, wrap

_PRIVATE = 2  # ratings up to this are private


@in_house_style
def confusion(table: pd.DataFrame) -> Figure:
    """Labels in rows, given ratings in columns, with the two squares in which both stand on the same side of the line.

    Args:
        table: label (1 to 5), "1" to "5" and "none": counts.
    """
    columns = [str(n) for n in range(1, 6)] + (["none"] if table["none"].any() else [])
    counts = table[columns].to_numpy(dtype=float)
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    figure = canvas(1.9 + 0.85 * len(columns), 4.6)
    axes = figure.subplots()
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = text_on(SHADES(shares[row, column]))
            axes.text(column, row, f"{count:,.0f}", ha="center", va="center", color=colour, fontsize=10)
    for corner, size in ((-0.5, _PRIVATE), (_PRIVATE - 0.5, 5 - _PRIVATE)):
        axes.add_patch(
            Rectangle(
                (corner, corner), size, size, fill=False, edgecolor=ORANGE, linewidth=2.4, zorder=4, clip_on=False
            )
        )
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(5), [str(n) for n in table["label"]])
    axes.set_xlabel("rating given by the auditor")
    axes.set_ylabel("label")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(4) + 0.5, minor=True)
    axes.grid(which="minor", color=SURFACE, linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    return figure


@in_house_style
def slices(table: pd.DataFrame) -> Figure:
    """A dot a slice with its exact interval; kinds, scripts and hard rows apart. Hollow where few rows stand behind.

    Args:
        table: by ("kind", "script", "hard"), label, metric, value, low, high, n (shares 0 to 1), few (bool). Rows
            without a value are left out.
    """
    known = table[table["value"].notna()].reset_index(drop=True)
    gaps = (known["by"] != known["by"].shift()).cumsum() - 1
    places = np.arange(len(known)) + 0.7 * gaps.to_numpy()
    figure = canvas(9, 1.2 + 0.34 * (places[-1] + 1 if len(places) else 1))
    axes = figure.subplots()
    for few, face, label in ((False, BLUE, "20 rows and more"), (True, SURFACE, "fewer than 20 rows")):
        chosen = (known["few"] == few).to_numpy()
        if chosen.any():
            rows = known[chosen]
            axes.hlines(places[chosen], rows["low"], rows["high"], color=BLUE, linewidth=2.0, zorder=2)
            axes.scatter(
                rows["value"],
                places[chosen],
                s=44,
                facecolor=face,
                edgecolor=BLUE,
                linewidth=1.5,
                label=label,
                zorder=3,
            )
    labels = [f"{wrap(str(r.label), 40, 1)}  ({r.metric}, n {r.n:.0f})" for r in known.itertuples()]
    axes.set_yticks(places, labels)
    axes.set_ylim(places[-1] + 0.7 if len(places) else 1, -0.7)
    axes.set_xlim(-0.015, 1.015)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share on the right side of the line, with 95% interval", color=INK)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labelcolor=MUTED)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, labelcolor=INK)
    return figure
