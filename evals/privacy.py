"""Suite "privacy": what of the private facts in conversations is left, level by level and layer by layer (paper D).

Two measures that fail in different ways stand side by side: the auditor's ratings (it sees everything and errs), and
planted facts that are searched for (exact, but only for what was planted).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from clio_core import facets, pipeline
from clio_core.door import UnrecordedError
from clio_core.pipeline import Result, Tools
from clio_core.records import FacetValue, Outcome
from evals import auditor, auditor_scores, layers, privacy_scores
from evals.ablation import FULL, VARIANTS, Runner, Variant
from evals.auditor_scores import Counts
from evals.gathering import distinct, gathered
from evals.layers import CLUSTERED, Level
from evals.privacy_scores import Planting
from evals.suite import Context, Measured, item, metric
from synthetic import auditor_set, datasets
from synthetic.datasets import Dataset


async def ahead(dataset: Dataset, tools: Tools) -> list[UnrecordedError]:
    """Ask whatever needs no finished run, and say what of it a recording lacks, so that fewer rounds are needed.

    What the run with all layers lacks by itself is left to that run.
    """
    sample = await pipeline.prepare(dataset.conversations, replace(tools, folder=None))
    with Runner(sample, tools) as runner:
        steps = (
            layers.rated(layers.raw(sample), tools),
            _known_error(tools),
            _facets_rated(runner),
            *(runner.result(variant) for variant in VARIANTS if variant != FULL),
        )
        done = await asyncio.gather(*steps, return_exceptions=True)
        own = {id(error) for error in await runner.own_errors()}
    for found in done:
        if isinstance(found, BaseException) and not isinstance(found, UnrecordedError):
            raise found
    return [error for error in distinct(done) if id(error) not in own]


async def measure(context: Context) -> Measured:
    """Rate every level, look for planted facts, and run the pipeline again with its layers switched off.

    Raises:
        UnrecordedError: the recording lacks answers; all that could be asked is in the pending file.
        DatasetError: the data set has no controls.
    """
    values = _values(context.values, context.tools)
    controls = datasets.controls(context.dataset.name)
    conversations = [c.id for c in context.sample.conversations]
    planted = privacy_scores.planting(context.dataset, conversations, controls)
    with Runner(context.sample, context.tools, context.values, context.base) as runner:
        levels, known, *results = await gathered(
            layers.all_rated(context.result, values, context.tools),
            _known_error(context.tools),
            *(runner.result(variant) for variant in VARIANTS if variant != FULL),
        )
        values_of = {variant: _values(await runner.values(variant), context.tools) for variant in VARIANTS}
    found = dict(zip([v for v in VARIANTS if v != FULL], results, strict=True)) | {FULL: context.result}
    return _scored(context, planted, levels, known, {v: (found[v], values_of[v]) for v in VARIANTS})


async def _known_error(tools: Tools) -> Counts:
    """The auditor's sensitivity and specificity, from the same fixed set as the suite "auditor"."""
    return auditor_scores.counts(await auditor.rate(auditor_set.read().rows, tools))


async def _facets_rated(runner: Runner) -> Level:
    values = _values(await runner.values(FULL), runner.tools)
    return await layers.rated(layers.facets(values), runner.tools)


def _values(values: Sequence[FacetValue], tools: Tools) -> dict[str, str]:
    """Values of the clustered facet by conversation, where extraction went well."""
    name = facets.load_facet(tools.config.cluster_facet, tools.prompts).name
    return {v.conversation: v.value for v in values if v.facet == name and v.outcome is Outcome.OK}


def _scored(
    context: Context,
    planted: Planting,
    levels: Sequence[Level],
    known: Counts,
    variants: Mapping[Variant, tuple[Result | None, dict[str, str]]],
) -> Measured:
    languages = {c: truth.language for c, truth in context.dataset.truth.items()}
    facts = {level.name: privacy_scores.found_facts(level, planted) for level in levels}
    rows = []
    for level in levels:
        controls = privacy_scores.false_matches(level, planted, languages)
        rows.append(privacy_scores.leak_rows(level.name, facts[level.name], controls, _clumps(context, level)))
    layered = pd.concat([layer_rows(v, *given, planted) for v, given in variants.items()], ignore_index=True)
    tables = {
        "privacy_progression": privacy_scores.progression(levels, known),
        "privacy_found": pd.concat(rows, ignore_index=True),
        "privacy_bounds": privacy_scores.bounds(levels, facts, known),
        "privacy_layers": layered,
        "privacy_published": pd.DataFrame([published_row(v, result) for v, (result, _) in variants.items()]),
    }
    return Measured(tables, _metrics(tables), _items(context, levels, facts))


def _clumps(context: Context, level: Level) -> dict[str, str]:
    """What a conversation's facts stand or fall with: itself, or at the levels of clusters its base cluster."""
    if level.name not in CLUSTERED:
        return {c.id: c.id for c in context.sample.conversations}
    return {c: home or f"alone:{c}" for c, home in context.result.base.members.items()}


def layer_rows(variant: Variant, result: Result | None, values: Mapping[str, str], planted: Planting) -> pd.DataFrame:
    """Planted facts that a variant gives away: a row a level from the facets up.

    Returns:
        variant, level, facts, found, value, low, high, clumps, note. A variant with nothing to cluster has facets only.
    """
    clustered = [] if result is None else layers.clustered(result)
    members = {} if result is None else result.base.members
    rows = []
    for level in (layers.facets(values), *clustered):
        hit = (privacy_scores.found_facts(level, planted)["own"] != "").to_numpy(dtype=float)
        homes = [c if level.name == "facet" else members.get(c) or f"alone:{c}" for c in planted.facts["conversation"]]
        row = {"variant": variant.name, "level": level.name, "facts": len(hit), "found": int(hit.sum())}
        rows.append({**row, **privacy_scores.share_in_clumps(hit, homes)})
    return pd.DataFrame(rows)


def published_row(variant: Variant, result: Result | None) -> dict[str, Any]:
    """What a variant publishes.

    Returns:
        variant, conversations (all that were drawn), published (those of them in a published base cluster), clusters
        (published ones of all levels), private (those rated 1 or 2), value, low, high (their share, exact interval).
    """
    row: dict[str, Any] = {"variant": variant.name}
    if result is None:
        return {**row, "conversations": None, "published": None, "clusters": None, "private": None}
    at_base = result.judged.conversation_fates[0].values()
    shown = next(level for level in layers.clustered(result) if level.name == "published")
    given = [rating for rating in shown.ratings.values() if rating is not None]
    private = sum(rating < auditor_set.ACCEPTABLE for rating in given)
    share = auditor_scores.share("", private, len(given))
    return {
        **row,
        "conversations": len(at_base),
        "published": sum(fate == "published" for fate in at_base),
        "clusters": len(shown.texts),
        "private": private,
        "value": share["value"],
        "low": share["low"],
        "high": share["high"],
    }


def _metrics(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    made = []
    for r in tables["privacy_progression"].to_dict("records"):
        ends, fixed = (r["low"], r["high"]), (r["corrected_low"], r["corrected_high"])
        made.append(metric(f"private_{r['level']}", r["value"], ends=ends, n=r["rated"], paper=r["paper"]))
        made.append(metric(f"private_{r['level']}_corrected", r["corrected"], ends=fixed, n=r["rated"]))
    for r in tables["privacy_found"].to_dict("records"):
        where = "all" if r["by"] == "all" else f"{r['by']}={r['slice']}"
        place = {"where": where, "n": r["facts"], "clusters": r["clumps"], "note": r["note"]}
        made.append(metric(f"found_{r['level']}", r["value"], ends=(r["low"], r["high"]), **place))
        made.append(metric(f"false_match_{r['level']}", r["false_rate"], where=where, n=r["compared"]))
    for r in tables["privacy_bounds"].to_dict("records"):
        made.append(
            metric(f"bound_{r['level']}", r["bound"], where=f"basis={r['basis']}", n=r["tries"], note=r["note"])
        )
    for r in tables["privacy_layers"].to_dict("records"):
        place = {"where": f"layers={r['variant']}", "n": r["facts"], "clusters": r["clumps"], "note": r["note"]}
        made.append(metric(f"found_{r['level']}", r["value"], ends=(r["low"], r["high"]), **place))
    for r in tables["privacy_published"].to_dict("records"):
        where = f"layers={r['variant']}"
        share = r["published"] / r["conversations"] if r["conversations"] else None
        made.append(metric("published", share, where=where, n=r["conversations"]))
        made.append(metric("private_published", r["value"], where=where, ends=(r["low"], r["high"]), n=r["clusters"]))
    return made


def _items(context: Context, levels: Sequence[Level], facts: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Every fact at every level, and every rating of a conversation."""
    made = []
    for level in levels:
        clumps = _clumps(context, level)
        for r in facts[level.name].to_dict("records"):
            truth = {"language": r["language"], "category": r["category"], "cluster": clumps[r["conversation"]]}
            made.append(
                item(f"found_{level.name}", r["item"], float(r["own"] != ""), group=f"kind={r['kind']}", **truth)
            )
        if level.name not in CLUSTERED:
            for conversation, rating in level.ratings.items():
                known = context.dataset.truth[conversation]
                score = None if rating is None else float(rating < auditor_set.ACCEPTABLE)
                about = {"language": known.language, "category": known.category, "cluster": conversation}
                made.append(item(f"private_{level.name}", conversation, score, **about))
    return made
