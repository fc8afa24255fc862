"""Pictures of suite "cost"."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from reports.house import BLUE, MUTED, NEUTRAL, canvas, in_house_style

_SERIES = (
    ("dollars", "this run's prompts and prices", BLUE, ""),
    ("dollars_paper_prices", "this run's prompts at the prices of the paper's models", "#9ecae1", ""),
    ("paper", "the paper, Table 3", NEUTRAL, "//"),
)


@in_house_style
def steps(table: pd.DataFrame) -> Figure:
    """Dollars for 100,000 conversations, a group of bars a step; a step without a figure has no bar.

    Args:
        table: step, dollars, dollars_paper_prices, paper.
    """
    figure = canvas(9, 1.4 + 0.8 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    for shift, (column, label, colour, hatch) in zip((-0.27, 0.0, 0.27), _SERIES, strict=True):
        values = table[column].astype(float)
        bars = axes.barh(places + shift, values, height=0.25, color=colour, hatch=hatch, edgecolor="white", label=label)
        texts = ["" if value != value else f"${value:,.2f}" for value in values]
        axes.bar_label(bars, texts, padding=4, fontsize=8.5, color=MUTED)
    axes.set_yticks(places, list(table["step"]))
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.margins(x=0.18)
    axes.xaxis.set_major_formatter(StrMethodFormatter("${x:,.2f}"))
    axes.set_xlabel("dollars for 100,000 conversations (logarithmic)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=1)
    return figure
