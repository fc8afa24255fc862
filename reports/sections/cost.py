"""The section of suite "cost"."""

from __future__ import annotations

from reports.blocks import Column, Picture, Section, Table, written
from reports.cost_figures import steps
from reports.sections import Run


def section(run: Run) -> Section | None:
    """What the run cost, and what 100,000 conversations would, beside the paper's Table 3."""
    stages, projection = run.table("cost_stages", ("stage", "priced_as")), run.table("cost_projection", ("step",))
    if stages is None or projection is None:
        return None
    totals = run.metrics("cost").set_index("metric")
    total, paper = totals.loc["dollars_100k", "value"], totals.loc["dollars_100k", "paper"]
    models = ", ".join(sorted(set(stages["priced_as"])))
    estimated = " Token counts are estimates." if (stages["estimated"].astype(str) == "True").any() else ""
    sentence = (
        f"100,000 conversations like these would cost about {written(total, 'dollars')} at the prices of {models}, "
        f"{written(totals.loc['dollars_100k_batch', 'value'], 'dollars')} through message batches. The paper put its "
        f"run at {written(paper, 'dollars')}: one facet instead of three, and models of its time.{estimated}"
    )
    blocks = (
        Table(
            "100,000 conversations",
            projection,
            (
                Column("step", "Step"),
                Column("calls", "Calls", "count"),
                Column("input_tokens", "Tokens in", "count"),
                Column("output_tokens", "Tokens out", "count"),
                Column("dollars", "Plain", "dollars"),
                Column("dollars_batch", "Batches", "dollars"),
                Column("dollars_cached", "Cached", "dollars"),
                Column("dollars_batch_cached", "Both", "dollars"),
                Column("dollars_paper_prices", "At the paper’s models’ prices", "dollars"),
                Column("paper", "Paper, Table 3", "dollars"),
            ),
            note="A cache keeps only beginnings of a certain length; where transcripts are shorter it saves nothing.",
            brief=False,
        ),
        Picture(
            "cost_projection",
            "Where the money goes",
            "Dollars for 100,000 conversations by step, on a logarithmic scale, beside the paper's. Reading "
            "conversations costs most; what names and arranges clusters costs little, so a large model there is cheap.",
            "Bars of dollars by step, ours and the paper's. The numbers stand in the table above.",
            lambda: steps(projection),
        ),
        Table(
            "This run, by stage",
            stages,
            (
                Column("stage", "Stage"),
                Column("priced_as", "Priced as"),
                Column("calls", "Calls", "count"),
                Column("input_tokens", "Tokens in", "count"),
                Column("output_tokens", "Tokens out", "count"),
                Column("seconds", "Seconds waited", "number"),
                Column("dollars", "Dollars", "dollars"),
            ),
        ),
    )
    return Section("cost", "What it costs", (sentence,), blocks)
