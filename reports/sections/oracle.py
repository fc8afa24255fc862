"""The section of suite "oracle"."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.blocks import Column, Picture, Section, Table
from reports.oracle_figures import single, waterfall
from reports.sections import Run

_TEXT = ("stage", "stands_in", "assigned_by", "facets", "clustering", "note")
_HOW = (
    "Stages were replaced from the back of the pipeline to the front, each on top of the ones before: true names; then the "
    "majority category of every cluster; then a clusterer that knows the truth but is bound to the same vectors and as many "
    "centroids; then summaries that tell their true subject. What is left even then is the embedding's. The steps add up to "
    "what the run lost, exactly."
)


def section(run: Run) -> Section | None:
    """Which stage lost what between everything right and the run's accuracy."""
    fall, alone, front = (run.table(f"oracle_{name}", _TEXT) for name in ("waterfall", "single", "front"))
    if fall is None or alone is None or front is None or fall.empty:
        return None
    blocks = (
        Picture(
            "oracle_waterfall",
            "Whose loss is it",
            f"{_HOW} Where two stages lose together the order decides who bears it: a better embedder, or summaries with fewer "
            "side issues, might spare k-means the loss that stands under clustering here. Lines are 95% intervals of each "
            "loss, clustered by the base clusters of both systems; they do not add up.",
            "Waterfall from one hundred percent over the loss of embedding, facets, clustering, assignment and naming down to "
            "the run's accuracy. The numbers stand in the table that follows.",
            lambda: waterfall(fall),
        ),
        Table(
            "Loss stage by stage, from all right to this run",
            fall,
            (
                Column("stage", "Stage"),
                Column("upper", "Before", "percent"),
                Column("lower", "After", "percent"),
                Column("loss", "Loss (95% interval)", "points", ("low", "high")),
            ),
            note=_noted(fall, "A loss below zero: the stage did better than its oracle"),
            brief=True,
        ),
        Picture(
            "oracle_single",
            "One stage at a time",
            "Hollow dots are accuracy without, full dots accuracy with one stage replaced and all others as they are. New "
            "clusters would need new names, so facets and clustering are measured with every cluster given its majority "
            "category on both sides. These gains do not add up: two stages can each repair the same loss.",
            "Pairs of dots, a row a stage: accuracy without and with its oracle. The numbers stand in the table that follows.",
            lambda: single(alone),
        ),
        Table(
            "One stage at a time",
            alone,
            (
                Column("stage", "Stage"),
                Column("stands_in", "What stands in"),
                Column("assigned_by", "Without it, assigned by"),
                Column("without", "Without", "percent"),
                Column("having", "With", "percent"),
                Column("gain", "Gain (95% interval)", "points", ("low", "high")),
            ),
            note=_noted(
                alone, "The embedding by itself cannot be replaced: nobody knows a perfect vector of a summary"
            ),
        ),
        Table(
            "Facets against clustering, every cluster given its majority category",
            front,
            (
                Column("facets", "Facets"),
                Column("clustering", "Clustering"),
                Column("accuracy", "Accuracy (95% interval)", "percent", ("low", "high")),
                Column("clusters", "Clusters", "count"),
            ),
            note="The first row is the run's own clusters. Summaries that say their field and nothing else are no goal; they "
            "show how far k-means comes when nothing distracts it.",
        ),
    )
    return Section("oracle", "Whose loss is it", _sentences(fall), blocks)


def _noted(frame: pd.DataFrame, said: str) -> str:
    return ". ".join([said, *words.notes(frame.drop_duplicates("stage"), "stage")]) + "."


def _sentences(fall: pd.DataFrame) -> tuple[str, ...]:
    run, worst = float(fall["lower"].iloc[-1]), fall.iloc[int(fall["loss"].to_numpy().argmax())]
    spread = "" if pd.isna(worst["low"]) else f" (95% interval {100 * worst['low']:.1f} to {100 * worst['high']:.1f})"
    return (
        f"The run leads {words.percent(run)} of the conversations to their category. Of the {100 * (1 - run):.1f} points that it "
        f"loses, {100 * worst['loss']:.1f}{spread} fall to {worst['stage']}, more than to any other stage.",
    )
