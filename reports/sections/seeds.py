"""The section of suite "seeds"."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run
from reports.seed_figures import accuracies

_NAMES = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1"}


def section(run: Run) -> Section | None:
    """How far the numbers move when nothing but the seed of k-means changes."""
    seeds, variance, agreement = (
        run.table(name, ("metric",)) for name in ("seeds", "seeds_variance", "seeds_agreement")
    )
    if seeds is None or variance is None or agreement is None or len(seeds) < 2:
        return None
    shown = variance.assign(metric=variance["metric"].map(_NAMES))
    blocks = (
        Table(
            "Spread over seeds",
            shown,
            (
                Column("metric", "Metric"),
                Column("mean", "Mean", "percent"),
                Column("sd_seed", "SD of seeds", "percent"),
                Column("sd_sampling", "SD of the model's sampling", "percent"),
                Column("seeds", "Seeds", "count"),
                Column("repeats", "Repeats", "count"),
            ),
            note="Without repeats the model's own sampling is part of the spread of seeds.",
            brief=True,
        ),
        Picture(
            "seeds_accuracy",
            "Accuracy under other seeds",
            "A dot is one run of the same pipeline over the same facets; only the seed of k-means differs. A change of "
            "yours has to move accuracy by more than this before it means anything.",
            "Strip of dots, one for the accuracy under each seed. The numbers stand in the table of seeds.",
            lambda: accuracies(seeds),
        ),
        Table(
            "Seeds",
            seeds,
            (
                Column("seed", "Seed", "count"),
                Column("repeat", "Repeat", "count"),
                Column("accuracy", "Accuracy", "percent"),
                Column("macro_f1", "Macro F1", "percent"),
                Column("weighted_f1", "Weighted F1", "percent"),
                Column("clusters", "Base clusters", "count"),
            ),
        ),
    )
    return Section("seeds", "How far chance carries", (_sentence(seeds, agreement),), blocks)


def _sentence(seeds: pd.DataFrame, agreement: pd.DataFrame) -> str:
    low, high = words.percent(seeds["accuracy"].min()), words.percent(seeds["accuracy"].max())
    count = words.count(seeds["seed"].nunique())
    alike = f"{agreement['adjusted_rand'].min():.2f} to {agreement['adjusted_rand'].max():.2f}"
    return (
        f"Under {count} seeds of k-means accuracy ran from {low} to {high}. Two seeds cut the data into clusters "
        f"that agree to {alike} (adjusted Rand index; 1 is the same partition)."
    )
