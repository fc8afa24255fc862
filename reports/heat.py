"""A heat map with a number in every cell, as several suites need it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.house import INK, SHADES, SURFACE, canvas, text_on, wrap


def heat_map(
    counts: pd.DataFrame, shares: pd.DataFrame, *, down: str, across: str, outlined: pd.DataFrame | None = None
) -> Figure:
    """Counts as numbers, shares as colours; to be called from a figure in the house style.

    Args:
        counts: shape (n, m); written into the cells, 0 left out.
        shares: the same shape, 0 to 1.
        down, across: what rows and columns are.
        outlined: the same shape, True for cells to draw a frame around.
    """
    rows, columns = counts.shape
    cell = 0.62 if columns <= 12 else 0.52
    figure = canvas(2.9 + cell * columns, 2.5 + cell * 0.82 * rows)
    axes = figure.subplots()
    written = counts.map(lambda n: f"{n:,.0f}" if n else "")
    sns.heatmap(shares, ax=axes, cmap=SHADES, vmin=0, vmax=1, annot=written, fmt="", cbar=False, linewidths=0.8)
    axes.collections[0].set_edgecolor(SURFACE)
    for text, share in zip(axes.texts, shares.to_numpy().ravel(), strict=True):
        text.set_color(text_on(SHADES(share)))
        text.set_fontsize(9.5)
    if outlined is not None:
        for row, column in zip(*np.nonzero(outlined.to_numpy()), strict=True):
            # Inside the cell's edge, so that frames of neighbours do not run into one.
            frame = Rectangle((column + 0.07, row + 0.07), 0.86, 0.86, fill=False, edgecolor=INK, linewidth=1.3)
            axes.add_patch(frame)
    axes.set_xticks(np.arange(columns) + 0.5, [wrap(str(n), 24) for n in counts.columns], rotation=90, fontsize=9)
    axes.set_yticks(np.arange(rows) + 0.5, [wrap(str(n), 28) for n in counts.index], rotation=0, fontsize=9)
    axes.set_xlabel(across, labelpad=10)
    axes.set_ylabel(down, labelpad=10)
    axes.grid(visible=False)
    return figure
