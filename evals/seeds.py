"""Suite "seeds": the same facets clustered, named and assigned under further seeds, to see how far chance carries.

No facet is extracted again, so a seed costs a name and an assignment a base cluster. Repeats of one seed ask the same
questions anew; what they spread is the model's own sampling, what is left between seeds is k-means.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from clio_core.door import UnrecordedError
from clio_core.stages import cluster
from evals import reconstruction, supervised
from evals.suite import Context, Measured, metric

METRICS = ("accuracy", "macro_f1", "weighted_f1")


async def measure(context: Context) -> Measured:
    """Run every further seed and repeat that the settings ask for, and split the variance between them.

    Raises:
        UnrecordedError: after all seeds were tried, so that one pending file holds everything that is missing.
    """
    first = supervised.rows_of(context.dataset, context.result.base.members, context.assigned)
    start = context.tools.config.seed
    runs = {(start, 0): first}
    missing: list[UnrecordedError] = []
    for seed, repeat in itertools.product(*map(range, _counts(context))):
        if (seed, repeat) == (0, 0):
            continue
        try:
            runs[start + seed, repeat] = await _again(context, start + seed, repeat)
        except UnrecordedError as error:
            missing.append(error)
    if missing:
        raise UnrecordedError.all_of(missing)
    return score(runs, context.dataset.categories)


def _counts(context: Context) -> tuple[int, int]:
    return context.tools.config.seeds, context.tools.config.repeats


async def _again(context: Context, seed: int, repeat: int) -> pd.DataFrame:
    """Cluster, name and assign once more; its tables stay out of the run's folder."""
    config = replace(context.tools.config, seed=seed)
    tools = replace(context.tools, config=config, folder=None, door=context.tools.door.sampling(repeat))
    base = await cluster(context.sample, context.values, tools)
    assigned = await supervised.assign_categories(base, context.dataset.categories, tools)
    return supervised.rows_of(context.dataset, base.members, assigned)


def score(runs: dict[tuple[int, int], pd.DataFrame], categories: tuple[str, ...]) -> Measured:
    """Tables and metrics of several runs over the same conversations.

    Args:
        runs: reconstruction rows by (seed, repeat), as `supervised.rows_of` makes them.
        categories: every category that could be chosen.
    """
    table = pd.DataFrame([_scored(key, rows, categories) for key, rows in runs.items()])
    long = pd.concat([rows.assign(seed=seed, repeat=repeat) for (seed, repeat), rows in runs.items()])
    kept = ["seed", "repeat", "conversation", "language", "category", "predicted", "base_cluster"]
    variance = pd.DataFrame([variance_split(table, name) for name in METRICS])
    rows = [_metric(table, name) for name in METRICS]
    tables = {
        "seeds": table,
        "seeds_rows": long[kept],
        "seeds_variance": variance,
        "seeds_null": null_differences(table),
        "seeds_agreement": agreement(runs),
    }
    return Measured(tables, rows)


def _scored(key: tuple[int, int], rows: pd.DataFrame, categories: tuple[str, ...]) -> dict[str, object]:
    values = {
        "accuracy": float((rows["category"] == rows["predicted"]).mean()),
        "macro_f1": reconstruction.f1_value(rows, categories, "macro"),
        "weighted_f1": reconstruction.f1_value(rows, categories, "weighted"),
    }
    return {"seed": key[0], "repeat": key[1], **values, "clusters": rows["base_cluster"].nunique(), "n": len(rows)}


def _metric(table: pd.DataFrame, name: str) -> dict[str, object]:
    """Mean over seeds with Student's interval; repeats of a seed are averaged first."""
    means = table.groupby("seed")[name].mean()
    count = len(means)
    note = "" if count >= 5 else f"inconclusive: {count} seeds, 5 wanted"
    if count < 2:
        return metric(f"{name}_over_seeds", means.iloc[0], n=count, note=note)
    half = float(stats.t.ppf(0.975, count - 1)) * float(means.std(ddof=1)) / math.sqrt(count)
    middle = float(means.mean())
    return metric(f"{name}_over_seeds", middle, ends=(middle - half, middle + half), n=count, note=note)


def variance_split(table: pd.DataFrame, name: str) -> dict[str, object]:
    """Standard deviations of a metric: between seeds, and between repeats of a seed (one-way random effects).

    Args:
        table: seed, repeat and the metric's column; every seed has the same number of repeats.
        name: of the metric.
    Returns:
        metric, seeds, repeats, mean, sd_total (of single runs), sd_seed, sd_sampling (NaN without repeats).
        Without repeats the model's sampling is inside `sd_seed`.
    Source: Searle, Casella and McCulloch 1992, the balanced one-way case.
    """
    wide = table.pivot(index="seed", columns="repeat", values=name).to_numpy(dtype=float)
    seeds, repeats = wide.shape
    within = float(wide.var(axis=1, ddof=1).mean()) if repeats > 1 else math.nan
    between = float(wide.mean(axis=1).var(ddof=1)) if seeds > 1 else math.nan
    # A negative estimate means that the seeds differ no more than repeats of one do.
    seed = max(0.0, between - within / repeats) if repeats > 1 else between
    total = float(np.var(wide, ddof=1)) if wide.size > 1 else math.nan
    return {
        "metric": name,
        "seeds": seeds,
        "repeats": repeats,
        "mean": float(wide.mean()),
        "sd_total": math.sqrt(total) if total == total else math.nan,
        "sd_seed": math.sqrt(seed) if seed == seed else math.nan,
        "sd_sampling": math.sqrt(within) if within == within else math.nan,
    }


def null_differences(table: pd.DataFrame) -> pd.DataFrame:
    """What two runs of the very same pipeline differ by: every pair of seeds, repeat 0 of each."""
    first = table[table["repeat"] == table["repeat"].min()].set_index("seed")
    rows = [
        {"metric": name, "seed_a": a, "seed_b": b, "difference": float(first.loc[b, name]) - float(first.loc[a, name])}
        for name in METRICS
        for a, b in itertools.combinations(first.index, 2)
    ]
    return pd.DataFrame(rows, columns=["metric", "seed_a", "seed_b", "difference"])


def agreement(runs: dict[tuple[int, int], pd.DataFrame]) -> pd.DataFrame:
    """How alike two seeds' partitions are (adjusted Rand index), and what share keeps its category."""
    first = {seed: rows.set_index("conversation") for (seed, repeat), rows in runs.items() if repeat == 0}
    rows = []
    for a, b in itertools.combinations(first, 2):
        left, right = first[a], first[b].loc[first[a].index]
        rows.append(
            {
                "seed_a": a,
                "seed_b": b,
                "adjusted_rand": float(adjusted_rand_score(left["base_cluster"], right["base_cluster"])),
                "same_category": float((left["predicted"] == right["predicted"]).mean()),
            }
        )
    return pd.DataFrame(rows, columns=["seed_a", "seed_b", "adjusted_rand", "same_category"])
