"""Pictures of suite "seeds"."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from reports.house import BLUE, INK, MUTED, canvas, in_house_style


@in_house_style
def accuracies(seeds: pd.DataFrame) -> Figure:
    """One dot a run, with its seed written beside it where there is room.

    Args:
        seeds: seed, repeat, accuracy (0 to 1).
    """
    figure = canvas(9, 1.9)
    axes = figure.subplots()
    # Dots of equal accuracy are stacked so that each can be counted.
    height = seeds.groupby(seeds["accuracy"].round(4)).cumcount()
    axes.scatter(seeds["accuracy"], height, s=70, color=BLUE, zorder=3)
    for value, place, seed in zip(seeds["accuracy"], height, seeds["seed"], strict=True):
        axes.annotate(
            f"{seed:.0f}", (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=MUTED
        )
    spread = max(float(seeds["accuracy"].max() - seeds["accuracy"].min()), 0.02)
    axes.set_xlim(seeds["accuracy"].min() - 0.25 * spread, seeds["accuracy"].max() + 0.25 * spread)
    axes.set_ylim(-0.6, max(1.0, float(height.max()) + 0.9))
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.set_xlabel("accuracy", color=INK)
    axes.spines["left"].set_visible(False)
    return figure
