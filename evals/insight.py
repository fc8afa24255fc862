"""Suite "insight": what a run says about use (Figures 6 to 8), with intervals; no truth is needed.

Conversations of one account are not independent of each other, so every interval resamples or clusters by account.
Only published clusters appear: what may not be shown is not summed up here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from clio_core import extractive
from clio_core.config import Config, ConfigError
from clio_core.pipeline import Result
from clio_core.publishing import Fate
from clio_core.records import Conversation, Outcome
from evals.statistics import FloatArray, cluster_codes, cluster_interval
from evals.suite import Context, Measured, metric

LEAST = 5  # conversations of a language in a cluster below which no ratio is given
_DRAWS = 2000
KEYWORDS = "the keyword rule of local/extractive, which knows English"


async def measure(context: Context) -> Measured:
    """Figures of use for a run with truth; makes no model call."""
    return of_run(context.result, context.dataset.conversations, context.tools.config)


def of_run(result: Result, conversations: Sequence[Conversation], config: Config) -> Measured:
    """Tables and metrics of any finished run."""
    rows, names = rows_of(result, conversations, config.flag), _names(result)
    concern = concern_of(rows, names)
    r, ends = correlation(concern)
    tables = {
        "insight_categories": categories(rows, names),
        "insight_languages": languages(rows, names),
        "insight_concern": concern.assign(flag=config.flag or KEYWORDS),
    }
    note = "" if len(concern) >= 10 else f"inconclusive: {len(concern)} clusters, 10 wanted"
    return Measured(tables, [metric("concern_flag_r", r, ends=ends, n=len(concern), note=note)])


def _names(result: Result) -> dict[str, str]:
    return {c.id: c.name or c.id for level in result.levels for c in level}


def rows_of(result: Result, conversations: Sequence[Conversation], flag: str | None = None) -> pd.DataFrame:
    """A row a conversation: account, language and concern (facets; "" and NaN where there is none), flagged, clusters.

    Args:
        result: a finished run.
        conversations: its data.
        flag: metadata column with an external classifier's verdict (true/false, 0/1 or a rate from 0 to 1); without
            one, our own keyword rule stands in for a classifier.
    """
    values = {(v.facet, v.conversation): v.value for v in result.values if v.outcome is Outcome.OK}
    known = {c.id: c for c in conversations}
    parents = {c.id: c.parent or "" for level in result.levels for c in level}
    shown = {ident for ident, fate in result.judged.fates.items() if fate is Fate.PUBLISHED}
    rows: list[dict[str, Any]] = []
    for ident, base in result.base.members.items():
        top = base or ""
        for _ in range(len(result.levels) - 1):
            top = parents.get(top, "")
        concern = values.get(("concerning", ident), "")
        rows.append(
            {
                "conversation": ident,
                "account": known[ident].account,
                "language": values.get(("language", ident), "").split("; ")[0],
                "concern": float(concern) if concern else np.nan,
                "flagged": _flagged(known[ident], flag),
                "base_cluster": base if base in shown else "",
                "top_cluster": top if top in shown and base in shown else "",
            }
        )
    return pd.DataFrame(rows)


def check_flag(conversations: Sequence[Conversation], flag: str | None) -> None:
    """See to it, before anything is asked, that the classifier's column is there and holds verdicts.

    Raises:
        ConfigError: no conversation has it, or one holds something else than true, false or a number from 0 to 1.
    """
    if flag is None:
        return
    held = [(c.id, c.metadata[flag]) for c in conversations if c.metadata.get(flag) is not None]
    if not held:
        columns = sorted({key for c in conversations for key in c.metadata})
        raise ConfigError(f"--flag: no conversation has the metadata column {flag!r}; there are {columns}")
    for ident, value in held:
        if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
            raise ConfigError(
                f"--flag: {flag!r} must be true, false or 0 to 1, conversation {ident!r} has {value!r:.40}"
            )


def _flagged(conversation: Conversation, flag: str | None) -> float:
    if flag is None:
        said = " ".join(m.content for m in conversation.messages if m.role == "user")
        return float(extractive.concern(said) >= 3)
    value = conversation.metadata.get(flag)
    return np.nan if value is None else float(value)


def categories(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Published top-level clusters (Figure 6): cluster, name, conversations, accounts, share with low and high.

    Shares are of all conversations of the sample, so what is not published is part of the whole.
    """
    lines = []
    accounts = rows["account"].to_numpy(dtype=str)
    for cluster, part in rows[rows["top_cluster"] != ""].groupby("top_cluster"):
        inside = (rows["top_cluster"] == cluster).to_numpy(dtype=float)
        line: dict[str, Any] = {"cluster": cluster, "name": names.get(str(cluster), str(cluster))}
        line |= {"conversations": len(part), "accounts": part["account"].nunique(), "share": float(inside.mean())}
        if len(set(accounts)) > 1:
            found = cluster_interval(inside, accounts)
            line |= {"low": found.low, "high": found.high}
        lines.append(line)
    columns = ["cluster", "name", "conversations", "accounts", "share", "low", "high"]
    table = pd.DataFrame(lines, columns=columns)
    return table.sort_values(["conversations", "cluster"], ascending=[False, True], ignore_index=True)


def languages(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """How much more often a language occurs in a published top cluster than in the whole sample (Figure 7).

    Returns:
        cluster, name, language, conversations, ratio (1: as often as elsewhere), low and high (95%, percentile
        bootstrap over accounts); most over-represented first. Cells with fewer than `LEAST` conversations are left out.
    """
    placed = rows[(rows["top_cluster"] != "") & (rows["language"] != "")]
    spoken = rows[rows["language"] != ""]
    columns = ["cluster", "name", "language", "conversations", "ratio", "low", "high"]
    if placed.empty:
        return pd.DataFrame(columns=columns)
    weights = _weights(spoken["account"].to_numpy(dtype=str))
    lines = []
    for (cluster, language), part in placed.groupby(["top_cluster", "language"]):
        if len(part) < LEAST:
            continue
        inside = (spoken["top_cluster"] == cluster).to_numpy()
        said = (spoken["language"] == language).to_numpy()
        drawn = _ratio(weights, spoken, inside, said)
        low, high = np.nanquantile(drawn[1:], [0.025, 0.975])
        line = {"cluster": cluster, "name": names.get(str(cluster), str(cluster)), "language": language}
        lines.append({**line, "conversations": len(part), "ratio": drawn[0], "low": low, "high": high})
    table = pd.DataFrame(lines, columns=columns)
    return table.sort_values(["ratio", "cluster"], ascending=[False, True], ignore_index=True)


def _weights(accounts: Any) -> FloatArray:
    """How often each account is drawn: the data as they are in row 0, then a row a resample."""
    _, count = cluster_codes(accounts)
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    return np.vstack([np.ones(count), drawn]).astype(np.float64)


def _ratio(weights: FloatArray, rows: pd.DataFrame, inside: Any, said: Any) -> FloatArray:
    """The ratio under each row of weights."""
    codes, count = cluster_codes(rows["account"].to_numpy(dtype=str))

    def summed(mask: Any) -> FloatArray:
        return weights @ np.bincount(codes, weights=mask.astype(float), minlength=count)

    with np.errstate(divide="ignore", invalid="ignore"):
        found = (summed(inside & said) / summed(inside)) / (summed(said) / summed(np.ones(len(rows), dtype=bool)))
    return np.asarray(found, dtype=np.float64)


def concern_of(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Published base clusters by concern and by flag (Figure 8).

    Returns:
        cluster, name, conversations, concern (mean of 1 to 5), flag_rate (0 to 1) and quadrant: "missed?" where
        concern is above the sample's mean and the flag rate below it, "false alarm?" the other way round, else "".
    """
    placed = rows[(rows["base_cluster"] != "") & rows["concern"].notna() & rows["flagged"].notna()]
    table = placed.groupby("base_cluster").agg(
        conversations=("conversation", "size"), concern=("concern", "mean"), flag_rate=("flagged", "mean")
    )
    high, often = table["concern"] > placed["concern"].mean(), table["flag_rate"] > placed["flagged"].mean()
    table["quadrant"] = np.select([high & ~often, ~high & often], ["missed?", "false alarm?"], "")
    table = table.rename_axis("cluster").reset_index()
    table.insert(1, "name", [names.get(c, c) for c in table["cluster"]])
    return table.sort_values(["concern", "cluster"], ascending=[False, True], ignore_index=True)


def correlation(table: pd.DataFrame) -> tuple[float | None, tuple[float | None, float | None]]:
    """Pearson's r of concern and flag rate over clusters, with Fisher's interval; None where one is constant."""
    if len(table) < 4 or table["concern"].nunique() < 2 or table["flag_rate"].nunique() < 2:
        return None, (None, None)
    found = stats.pearsonr(table["concern"], table["flag_rate"])
    ends = found.confidence_interval(0.95)
    return float(found.statistic), (float(ends.low), float(ends.high))
