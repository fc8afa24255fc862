"""Pictures of suite "oracle"."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from reports.house import BLUE, GREEN, INK, MUTED, NEUTRAL, ORANGE, SURFACE, canvas, in_house_style, wrap


@in_house_style
def waterfall(fall: pd.DataFrame) -> Figure:
    """From everything right down to the run's accuracy, a step a stage.

    Args:
        fall: from the top down: stage, upper, lower, loss, low, high (of the loss; may be missing).
    """
    figure = canvas(9, 4.8)
    axes = figure.subplots()
    rows = fall.to_dict("records")
    for place, row in enumerate(rows, 1):
        _step(axes, place, row)
    last = len(rows) + 1
    for place, height in ((0, 1.0), (last, float(rows[-1]["lower"]))):
        axes.bar(place, height, color=BLUE, width=0.62, zorder=3)
        axes.annotate(f"{height:.1%}", (place, height), (0, 4), textcoords="offset points", ha="center", va="bottom")
    for place, level in enumerate([1.0, *fall["lower"]]):
        axes.hlines(level, place + 0.31, place + 0.69, color=MUTED, linewidth=1, zorder=2)
    names = ["everything right", *fall["stage"], "this run"]
    axes.set_xticks(range(last + 1), [wrap(str(name), 14) for name in names])
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("conversations led to their category")
    axes.grid(visible=False, axis="x")
    handles: list[Patch | Line2D] = [Patch(color=ORANGE, label="lost by this stage")]
    if bool((fall["loss"] < 0).any()):
        handles.append(Patch(facecolor=GREEN, hatch="//", edgecolor=SURFACE, label="gained: better than its oracle"))
    handles.append(Line2D([], [], color=INK, linewidth=1.6, label="95% interval of the loss"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3, labelcolor=INK, handlelength=1.4)
    return figure


def _step(axes: Axes, place: int, row: dict[Any, Any]) -> None:
    """One stage's bar between the two levels, the interval of its loss hanging from the upper, its size below."""
    colour, hatch = (GREEN, "//") if row["loss"] < 0 else (ORANGE, "")
    bottom = min(row["lower"], row["upper"])
    axes.bar(place, abs(row["loss"]), bottom=bottom, color=colour, hatch=hatch, edgecolor=SURFACE, width=0.62, zorder=3)
    if row["loss"] == 0:
        axes.hlines(bottom, place - 0.31, place + 0.31, color=MUTED, linewidth=1, zorder=2)
    if pd.notna(row["low"]):
        low, high = row["upper"] - row["high"], row["upper"] - row["low"]
        axes.vlines(place, low, high, color=INK, linewidth=1.6, zorder=4)
        bottom = min(bottom, low)
    _written(axes, _points(-row["loss"]), (place, bottom), (0, -5), ha="center", va="top")


@in_house_style
def single(rows: pd.DataFrame) -> Figure:
    """What accuracy would be with one stage replaced, beside what it is without.

    Args:
        rows: stage, stands_in, without, having (accuracies), gain, low, high (of the gain; may be missing).
    """
    figure = canvas(9, 1.4 + 0.5 * len(rows))
    axes = figure.subplots()
    places = np.arange(len(rows))
    axes.hlines(places, rows["without"], rows["having"], color=NEUTRAL, linewidth=2.4, zorder=2)
    axes.scatter(rows["without"], places, s=58, facecolor=SURFACE, edgecolor=INK, linewidth=1.5, zorder=3)
    axes.scatter(rows["having"], places, s=58, color=BLUE, zorder=4)
    for place, row in enumerate(rows.to_dict("records")):
        text = _points(row["gain"])
        if pd.notna(row["low"]):
            text += f" ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
        right = max(row["without"], row["having"])
        _written(axes, text, (right, place), (9, 0), ha="left", va="center")
    names = [wrap(f"{stage}: {what}", 46) for stage, what in zip(rows["stage"], rows["stands_in"], strict=True)]
    axes.set_yticks(places, names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _room(axes, rows)
    handles = [
        Line2D([], [], color="none", marker="o", markerfacecolor=SURFACE, markeredgecolor=INK, label="without"),
        Line2D([], [], color="none", marker="o", markerfacecolor=BLUE, markeredgecolor=BLUE, label="with it replaced"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, labelcolor=INK)
    return figure


def _written(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    away: tuple[float, float],
    *,
    ha: Literal["left", "center"],
    va: Literal["top", "center"],
) -> None:
    """A number beside its mark, so that no grid line runs through it."""
    clear = {"facecolor": SURFACE, "edgecolor": "none", "pad": 1}
    axes.annotate(text, at, away, textcoords="offset points", ha=ha, va=va, fontsize=9, bbox=clear)


def _room(axes: Axes, rows: pd.DataFrame) -> None:
    least = float(rows[["without", "having"]].to_numpy().min())
    axes.set_xlim(max(0.0, least - 0.06), 1.45)  # what is written stands to the right of the dots
    axes.set_xticks(np.arange(np.ceil(10 * max(0.0, least - 0.06)) / 10, 1.01, 0.1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("conversations led to their category")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _points(value: float) -> str:
    return f"{100 * value:+.1f} pp" if value else "0.0 pp"
