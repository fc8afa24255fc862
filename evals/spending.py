"""Suite "cost": tokens and dollars a stage, and what 100,000 conversations would cost, beside the paper's Table 3.

Tokens a call come from the run's own usage; how many calls there would be follows from the pipeline's rules. Models
without a price (recordings) are priced as a stand-in that the price file names.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from clio_core import clustering, facets, hierarchy, prompting
from clio_core.config import Config
from clio_core.runfolder import usage_rows
from clio_core.transcript import estimate_tokens
from evals import costs, paper
from evals.costs import Prices
from evals.suite import Context, Measured, metric

PROJECTED = 100_000
_STEPS = {
    "facet": "Facet extraction",
    "name": "Cluster labelling",
    "propose": "Hierarchy",
    "dedupe": "Hierarchy",
    "assign": "Hierarchy",
    "rename": "Hierarchy",
    "audit": "Audit",
}
_PROMPTS = {
    "name": "name_cluster",
    "propose": "propose_clusters",
    "dedupe": "dedupe_clusters",
    "assign": "assign_cluster",
    "rename": "rename_cluster",
    "audit": "audit",
}
_REASONING = 150  # output tokens of a call of a stage that a small run never made (deduplication)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What calls are made of, in mean estimated tokens, read off a finished run.

    Attributes:
        statement: a value of the clustered facet.
        name: a cluster's name.
        node: a cluster's name with its description.
    """

    statement: float
    name: float
    node: float


async def measure(context: Context) -> Measured:
    """Price the run's calls and project them; makes no call."""
    tools = context.tools
    stages = [row for row in usage_rows(tools.door.used, tools.door) if _is_pipeline(row["stage"])]
    usage = pd.DataFrame(stages)
    prices = costs.read_prices()
    table = spent(usage, tools.config, prices)
    prefixes = [t.tokens for t in context.sample.transcripts.values()]
    projected = project(PROJECTED, usage, sizes_of(context), tools.config)
    dollars = priced(projected, tools.config, prices, cacheable_share(prefixes, prices.cache.minimum_tokens))
    rows = [
        metric("dollars_100k", dollars["dollars"].sum(), n=PROJECTED, paper=float(paper.figures()["cost"]["total"]))
    ]
    for mode in ("batch", "cached", "batch_cached"):
        rows.append(metric(f"dollars_100k_{mode}", dollars[f"dollars_{mode}"].sum(), n=PROJECTED))
    rows.append(metric("tokens_per_conversation", _tokens(usage) / max(1, len(prefixes)), n=len(prefixes)))
    return Measured({"cost_stages": table, "cost_projection": dollars}, rows)


def _is_pipeline(stage: str) -> bool:
    return stage.split(":")[0] in _STEPS and stage not in ("assign:categories", "assign:oracle-names")


def _tokens(usage: pd.DataFrame) -> float:
    return float(usage["input_tokens"].sum() + usage["output_tokens"].sum())


def _role(stage: str) -> str:
    head = stage.split(":")[0]
    return "extractor" if head == "facet" else prompting.load(_PROMPTS[head]).role


def spent(usage: pd.DataFrame, config: Config, prices: Prices) -> pd.DataFrame:
    """What each stage of the run read and wrote, priced.

    Returns:
        stage, calls, input_tokens, output_tokens, seconds, priced_as, dollars.
    """
    rows = []
    for row in usage.to_dict("records"):
        role = _role(str(row["stage"]))
        as_model = prices.priced_as(role, config.model_of(role))
        dollars = prices.dollars(as_model, int(row["input_tokens"]), int(row["output_tokens"]))
        kept = {key: row[key] for key in ("stage", "calls", "input_tokens", "output_tokens", "seconds", "estimated")}
        rows.append({**kept, "priced_as": as_model, "dollars": dollars})
    return pd.DataFrame(rows)


def sizes_of(context: Context) -> Sizes:
    """Mean tokens of statements, names and nodes of a finished run."""
    facet = facets.load_facet(context.tools.config.cluster_facet, context.tools.prompts)
    statements = list(context.facet(facet.name).values())
    named = [c for level in context.result.levels for c in level if c.name]
    return Sizes(
        _mean(statements), _mean([c.name for c in named]), _mean([f"{c.name}: {c.description}" for c in named])
    )


def _mean(texts: list[str]) -> float:
    return sum(map(estimate_tokens, texts)) / max(1, len(texts))


def project(n: int, usage: pd.DataFrame, sizes: Sizes, config: Config) -> pd.DataFrame:
    """Calls and tokens for n conversations.

    Args:
        n: conversations.
        usage: stage, calls, input_tokens, output_tokens of a finished run.
        sizes: what its prompts are made of.
        config: its settings.
    Returns:
        stage, calls, input_tokens, output_tokens. Facets cost what they cost in the run; clusters follow from the
        pipeline's rules for n, with as many statements to a name as the settings allow.
    """
    means = (
        usage.assign(head=usage["stage"].str.split(":").str[0])
        .groupby("head")[["calls", "input_tokens", "output_tokens"]]
        .sum()
    )
    written = {str(head): float(mean) for head, mean in (means["output_tokens"] / means["calls"]).items()}
    rows: list[tuple[str, float, float, float]] = []
    for row in usage[usage["stage"].str.startswith("facet:")].to_dict("records"):
        share = n / row["calls"]
        rows.append((row["stage"], n, row["input_tokens"] * share, row["output_tokens"] * share))
    k = clustering.default_k(n)
    shown = min(config.members, n / k) + config.contrast
    rows.append(_line("name", k, shown * sizes.statement, written))
    levels = hierarchy.level_sizes(k, hierarchy.default_top(k), hierarchy.default_levels(k))
    for below, size in itertools.pairwise(levels):
        hoods = max(1, round(below / hierarchy.NEIGHBOURHOOD))
        rows.append(_line("propose", hoods, (below / hoods + hierarchy.OUTSIDE) * sizes.node, written))
        if hoods > 1:
            rows.append(_line("dedupe", 1, size * 1.5 * sizes.name, written))
        rows.append(_line("assign", below, size * sizes.name + sizes.node, written))
        rows.append(_line("rename", size, below / size * sizes.node, written))
    rows.append(_line("audit", sum(levels), sizes.node, written))
    made = pd.DataFrame(rows, columns=["stage", "calls", "input_tokens", "output_tokens"])
    return made.groupby("stage", sort=False, as_index=False).sum()


def _line(head: str, calls: float, variable: float, written: Mapping[str, float]) -> tuple[str, float, float, float]:
    prompt = prompting.load(_PROMPTS[head])
    fixed = sum(estimate_tokens(text) for _, text in prompt.turns) + estimate_tokens(prompt.prefill)
    return head, calls, calls * (fixed + variable), calls * written.get(head, _REASONING)


def cacheable_share(prefixes: list[int], minimum: int) -> float:
    """Share of transcript tokens that stand in transcripts long enough for a prompt cache, 0 to 1."""
    return sum(t for t in prefixes if t >= minimum) / max(1, sum(prefixes))


def priced(projected: pd.DataFrame, config: Config, prices: Prices, share: float) -> pd.DataFrame:
    """Dollars a step, plain, batched, cached and both, and at the paper's models' prices.

    The facets of one conversation begin with the same transcript: the first call writes it to the cache, the others
    read it. No other stage has a common beginning as long as a cache wants.

    Args:
        projected: as `project` returns it.
        config: settings; the number of facets comes from it.
        prices: price table.
        share: of transcript tokens that a cache would keep, 0 to 1.
    """
    lines = []
    for row in projected.to_dict("records"):
        stage, role = str(row["stage"]), _role(str(row["stage"]))
        step = _STEPS[stage.split(":")[0]]
        price = prices.models[prices.priced_as(role, config.model_of(role))]
        read = row["input_tokens"] / 1e6 * price["input"]
        wrote = row["output_tokens"] / 1e6 * price["output"]
        kept = share if step == "Facet extraction" else 0.0
        factor = (prices.cache.write + (len(config.facets) - 1) * prices.cache.read) / len(config.facets)
        cached = read * (1 - kept + kept * factor) + wrote
        known = paper.cost(step)
        theirs = prices.models.get(str(known.get("model", "claude-3-5-sonnet")), price)
        at_paper = (row["input_tokens"] * theirs["input"] + row["output_tokens"] * theirs["output"]) / 1e6
        lines.append(
            {
                "step": step,
                **{key: row[key] for key in ("calls", "input_tokens", "output_tokens")},
                "dollars": read + wrote,
                "dollars_batch": (read + wrote) * prices.batch_discount,
                "dollars_cached": cached,
                "dollars_batch_cached": cached * prices.batch_discount,
                "dollars_paper_prices": at_paper,
            }
        )
    table = pd.DataFrame(lines).groupby("step", sort=False, as_index=False).sum()
    table["paper"] = [paper.cost(step).get("dollars") for step in table["step"]]
    return table
