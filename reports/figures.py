"""Pictures of a run. Nothing is computed here but where things go; every number stands in a table of the report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter, StrMethodFormatter

from reports.heat import heat_map
from reports.house import (
    BLUE,
    INK,
    MUTED,
    NEUTRAL,
    ORANGE,
    PINK,
    RED,
    STYLE,
    SURFACE,
    canvas,
    in_house_style,
    text_on,
    wrap,
)
from reports.map_figure import cluster_map
from reports.tables import FATES, NOT_OK, Report

__all__ = [
    "NAMES",
    "cluster_map",
    "draw_all",
    "fates",
    "outcomes",
    "supervised_confusion",
    "supervised_distribution",
    "supervised_languages",
]

NAMES = ("supervised_distribution", "supervised_confusion", "supervised_languages", "map", "fates", "outcomes")
_FATE_COLOURS = dict(zip(FATES, (BLUE, ORANGE, RED, NEUTRAL), strict=True))
_OUTCOME_COLOURS = dict(zip(NOT_OK, (PINK, ORANGE, RED, NEUTRAL), strict=True))
_PNG_DPI = 150


@in_house_style
def supervised_distribution(categories: pd.DataFrame) -> Figure:
    """Conversations in each category, true and reconstructed (the paper's Figure 4).

    Args:
        categories: category, truth, reconstructed.
    """
    figure = canvas(9, 1.3 + 0.52 * len(categories))
    axes = figure.subplots()
    places = np.arange(len(categories))
    for shift, column, colour, label in (
        (-0.19, "truth", NEUTRAL, "truth"),
        (0.19, "reconstructed", BLUE, "reconstruction"),
    ):
        bars = axes.barh(places + shift, categories[column], height=0.36, color=colour, label=label)
        axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8.5, color=MUTED)
    axes.set_yticks(places, [wrap(name, 34) for name in categories["category"]])
    axes.margins(x=0.06)
    _counted(axes, "conversations")
    _across(axes)
    _legend(figure, axes)
    return figure


@in_house_style
def supervised_confusion(counts: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Where the conversations of each true category ended.

    Args:
        counts: shape (n, m), true category as index, reconstructed as columns; written into the cells, 0 left out.
        shares: the same shape, 0 to 1; gives the colour.
    """
    return heat_map(counts, shares, down="true category", across="reconstructed as")


@in_house_style
def supervised_languages(languages: pd.DataFrame, baseline: float | None) -> Figure:
    """Accuracy by language with its interval, in the order of the table, first row on top.

    Args:
        languages: language, accuracy, low, high, paper_accuracy (0 to 1; ends and paper may be NaN).
        baseline: accuracy of a random guess, 0 to 1.
    """
    figure = canvas(9, 1.5 + 0.36 * len(languages))
    axes = figure.subplots()
    places = np.arange(len(languages))
    if baseline is not None:
        axes.axvline(baseline, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="random guess", zorder=1)
    known = languages["paper_accuracy"].notna()
    if known.any():
        at = (languages.loc[known, "paper_accuracy"], places[known])
        axes.scatter(*at, s=38, marker="D", facecolor="none", edgecolor=RED, linewidth=1.3, label="paper, Table 5")
    axes.hlines(places, languages["low"], languages["high"], color=BLUE, linewidth=2.2, label="95% interval", zorder=2)
    axes.scatter(languages["accuracy"], places, s=44, color=BLUE, label="accuracy", zorder=3, clip_on=False)
    axes.set_yticks(places, [wrap(name, 28, 1) for name in languages["language"]])
    axes.set_xlim(-0.015, 1.015)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("accuracy")
    _across(axes)
    _legend(figure, axes)
    return figure


@in_house_style
def fates(table: pd.DataFrame) -> Figure:
    """What became of the conversations at each level, as one stacked bar a level.

    Args:
        table: label, one column a fate, total.
    """
    names = [name for name in FATES if table[name].any()]
    series = {name.replace("_", " "): (table[name], _FATE_COLOURS[name]) for name in names}
    figure = _stacked([str(label) for label in table["label"]], series, "conversations")
    figure.axes[0].set_xlim(0, max(int(table["total"].max()), 1))
    return figure


@in_house_style
def outcomes(table: pd.DataFrame) -> Figure:
    """Calls that did not end well, by stage.

    Args:
        table: stage, outcome, calls.
    """
    wide = table.pivot_table(index="stage", columns="outcome", values="calls", aggfunc="sum", sort=False).fillna(0)
    series = {name: (wide[name], _OUTCOME_COLOURS[name]) for name in NOT_OK if name in wide}
    return _stacked([str(stage) for stage in wide.index], series, "calls")


def _stacked(labels: list[str], series: dict[str, tuple[pd.Series, str]], unit: str) -> Figure:
    figure = canvas(9, 1.3 + 0.5 * len(labels))
    axes = figure.subplots()
    left = np.zeros(len(labels))
    widest = max(1.0, float(np.sum([values for values, _ in series.values()], axis=0).max()) if series else 1.0)
    for name, (values, colour) in series.items():
        lengths = values.to_numpy(dtype=float)
        bars = axes.barh(labels, lengths, left=left, color=colour, edgecolor=SURFACE, label=name, height=0.62)
        # A number that is wider than its piece of the bar is left to the table.
        written = [f"{n:,.0f}" if n >= 0.035 * widest else "" for n in lengths]
        axes.bar_label(bars, written, label_type="center", color=text_on(colour), fontsize=9.5)
        left += lengths
    axes.set_yticks(range(len(labels)), [wrap(label, 28) for label in labels])
    _counted(axes, unit)
    _across(axes)
    _legend(figure, axes)
    return figure


def _across(axes: Axes) -> None:
    """Rows from the top down, with a grid for the lengths only."""
    axes.set_ylim(axes.get_yticks()[-1] + 0.6, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _counted(axes: Axes, unit: str) -> None:
    """Whole numbers along the bars."""
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _legend(figure: Figure, axes: Axes) -> None:
    # What matters most was drawn last, on top of lines and other marks, but is named first.
    handles, labels = axes.get_legend_handles_labels()
    if axes.collections:
        handles, labels = handles[::-1], labels[::-1]
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), labelcolor=INK, handlelength=1.4)


def _drawn(report: Report) -> dict[str, Figure]:
    made: dict[str, Figure] = {}
    if report.categories is not None:
        made["supervised_distribution"] = supervised_distribution(report.categories)
    if report.confusion is not None and report.confusion_shares is not None:
        made["supervised_confusion"] = supervised_confusion(report.confusion, report.confusion_shares)
    if report.languages is not None:
        chance = report.metric("random baseline")
        made["supervised_languages"] = supervised_languages(
            report.languages, None if chance is None else float(chance["value"])
        )
    if report.points is not None:
        made["map"] = cluster_map(report.points, report.published)
    if report.fates is not None and not report.fates.empty:
        made["fates"] = fates(report.fates)
    if not report.outcomes.empty:
        made["outcomes"] = outcomes(report.outcomes)
    return made


def draw_all(report: Report, folder: Path) -> dict[str, Path]:
    """Draw what the run has data for, as `figures/NAME.png` and `figures/NAME.svg` in its folder.

    The same report gives the same bytes with the same version of matplotlib. Pictures that an earlier report left
    and that no longer apply are removed.

    Returns:
        the SVG file of each figure, by name, in the order of `NAMES`.
    """
    made = _drawn(report)
    home = folder / "figures"
    for name in NAMES:
        if name not in made:
            (home / f"{name}.png").unlink(missing_ok=True)
            (home / f"{name}.svg").unlink(missing_ok=True)
    return save({name: functools.partial(_same, figure) for name, figure in made.items()}, folder)


def _same(figure: Figure) -> Figure:
    return figure


def save(drawings: Mapping[str, Callable[[], Figure]], folder: Path) -> dict[str, Path]:
    """Draw each figure and write it as `figures/NAME.png` and `figures/NAME.svg`; returns the SVG files by name."""
    home = folder / "figures"
    home.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(STYLE):
        for name, draw in drawings.items():
            figure = draw()
            figure.savefig(home / f"{name}.png", dpi=_PNG_DPI, metadata={"Software": None})
            figure.savefig(home / f"{name}.svg", metadata={"Date": None, "Creator": None})
    return {name: home / f"{name}.svg" for name in drawings}
