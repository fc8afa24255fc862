"""Suite "integrity": does a run keep its own books? Counts that must be zero, and how calls ended.

What it counts it counts from the run's records anew, and not with the code that made them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from clio_core.config import Config
from clio_core.pipeline import Result
from clio_core.publishing import Fate
from clio_core.result import published
from evals.suite import Context, Measured, metric


async def measure(context: Context) -> Measured:
    """Conservation, thresholds and outcomes of a finished run; makes no call."""
    config, result = context.tools.config, context.result
    drawn = len(context.sample.conversations) + len(context.sample.screen_failed)
    levels = conservation(result, drawn)
    small = under_thresholds(result, {c.id: c.account for c in context.sample.conversations}, context.tools.config)
    outcomes = outcomes_of(context)
    asked, bad = int(outcomes["calls"].sum()), int(outcomes.loc[outcomes["outcome"] != "ok", "calls"].sum())
    rows = [
        metric("conservation_violations", _torn(levels), n=int(levels["drawn"].sum())),
        metric("published_under_thresholds", len(small), n=int(levels["published_clusters"].sum())),
        metric("failed_calls", bad / max(1, asked), n=asked),
        metric("stood_in_calls", sum(context.tools.door.stood_in.values()), n=asked),
    ]
    thresholds = f"{config.min_conversations} conversations, {config.min_accounts} accounts"
    return Measured(
        {
            "integrity_levels": levels.assign(thresholds=thresholds),
            "integrity_small": small,
            "integrity_outcomes": outcomes,
        },
        rows,
    )


def _torn(levels: pd.DataFrame) -> int:
    """Conversations that a level counts too often or not at all, over all levels."""
    return int((levels["counted"] - levels["drawn"]).abs().sum())


def conservation(result: Result, drawn: int) -> pd.DataFrame:
    """Conversations by fate at each level, against the number drawn: level, one column a fate, counted, drawn."""
    rows: list[dict[str, Any]] = []
    for level, fates in enumerate(result.judged.conversation_fates):
        counts = Counter(fate.value for fate in fates.values())
        row: dict[str, Any] = {"level": level, **{fate.value: counts[fate.value] for fate in Fate}}
        clusters = sum(result.judged.fates[c.id] is Fate.PUBLISHED for c in result.levels[level])
        rows.append({**row, "counted": sum(counts.values()), "drawn": drawn, "published_clusters": clusters})
    return pd.DataFrame(rows)


def under_thresholds(result: Result, accounts: dict[str, str], config: Config) -> pd.DataFrame:
    """Published clusters under a threshold: cluster, level, conversations, accounts.

    Members are gathered anew from the published tree's ids and each conversation's own base cluster.
    """
    shown: set[str] = set()

    def walk(nodes: list[dict[str, Any]]) -> None:
        for node in nodes:
            shown.add(node["id"])
            walk(node.get("children", []))

    walk(published(result)["clusters"])
    parents = {c.id: c.parent for level in result.levels for c in level}
    members: dict[str, set[str]] = {ident: set() for ident in shown}
    for conversation, base in result.base.members.items():
        place = base
        # A conversation is in a cluster of any level only through published clusters below it.
        while place is not None and place in shown:
            members[place].add(conversation)
            place = parents.get(place)
    rows = []
    for level in result.levels:
        for c in level:
            inside = members.get(c.id, set())
            count, people = len(inside), len({accounts[i] for i in inside})
            if c.id in shown and (count < config.min_conversations or people < config.min_accounts):
                rows.append({"cluster": c.id, "level": c.level, "conversations": count, "accounts": people})
    return pd.DataFrame(rows, columns=["cluster", "level", "conversations", "accounts"])


def outcomes_of(context: Context) -> pd.DataFrame:
    """How the calls of the run's stages ended: stage, outcome, calls."""
    counted = context.tools.door.outcomes
    rows = [{"stage": s, "outcome": o.value, "calls": n} for (s, o), n in sorted(counted.items()) if n]
    return pd.DataFrame(rows, columns=["stage", "outcome", "calls"])
