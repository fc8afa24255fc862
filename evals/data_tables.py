"""What `check-data` measures of a data set, as tables, metrics and scored items. Computes; draws and asks nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from clio_core.door import Reply
from evals.statistics import wilson_interval
from evals.suite import item, metric
from synthetic import checks
from synthetic.checks import Checked
from synthetic.checks.labels import agrees
from synthetic.datasets import Dataset, overlaps

SUITE = "data"
NO_ANSWER = "(no answer)"

_RELABELLED = ["conversation", "language", "category", "relabelled", "outcome", "label_agreement", "lenient"]
_AGREEMENT = ["kind", "slice", "n", "answered", "strict", "strict_low", "strict_high"]
_AGREEMENT += ["lenient", "lenient_low", "lenient_high"]


def summary(found: Sequence[Checked]) -> pd.DataFrame:
    """A row a check: check, value, limit, verdict, findings (how many)."""
    columns = ["check", "value", "limit", "verdict", "findings"]
    rows = [(c.name, c.value, c.limit, c.verdict, len(c.findings)) for c in found]
    return pd.DataFrame(rows, columns=columns)


def findings(found: Sequence[Checked]) -> pd.DataFrame:
    """A row a finding: check, verdict, finding."""
    rows = [(c.name, c.verdict, finding) for c in found for finding in c.findings]
    return pd.DataFrame(rows, columns=["check", "verdict", "finding"])


def tables(data: Dataset, found: Sequence[Checked]) -> dict[str, pd.DataFrame]:
    """The tables that need nothing but the data and its checks. `share` of a cell is of the largest cell."""
    counts = {cell: len(ids) for cell, ids in checks.cells(data).items()}
    largest = max(counts.values())
    cells = [(category, language, n, n / largest) for (category, language), n in counts.items()]
    declined = [(category, n, hits, hits / n) for category, (hits, n) in checks.declined(data).items()]
    return {
        "data_checks": summary(found),
        "data_findings": findings(found),
        "data_cells": pd.DataFrame(cells, columns=["category", "language", "conversations", "share"]),
        "data_lengths": pd.DataFrame([asdict(spread) for spread in checks.spreads(data)]),
        "data_refusals": pd.DataFrame(declined, columns=["category", "conversations", "declined", "share"]),
    }


def relabelled(data: Dataset, replies: Sequence[Reply[str]]) -> pd.DataFrame:
    """A row a conversation: its label, what a blind reader chose, and whether they agree.

    Returns:
        conversation, language, category, relabelled ("" without a usable answer), outcome, label_agreement (1 where
        both are the same, else 0), lenient (documented overlaps allowed); both NaN without a usable answer.
    """
    allowed = overlaps(data.categories)
    rows = []
    for reply in replies:
        truth = data.truth[reply.subject]
        strict = lenient = math.nan
        if reply.value is not None:
            strict = float(reply.value == truth.category)
            lenient = float(agrees(truth.category, reply.value, allowed))
        known = (reply.subject, truth.language, truth.category)
        rows.append((*known, reply.value or "", reply.outcome.value, strict, lenient))
    return pd.DataFrame(rows, columns=_RELABELLED)


def agreement(rows: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    """Agreement over all, by language and by category, each strict and lenient with Wilson's interval.

    Every conversation was relabelled by itself, so the rows are independent. Shares are of answered conversations.

    Returns:
        kind ("all", "language", "category"), slice, n, answered, and the two shares with their ends (0 to 1).
    """
    slices = [("all", "all", rows)]
    slices += [("language", str(name), part) for name, part in rows.groupby("language", sort=True)]
    slices += [("category", name, rows[rows["category"] == name]) for name in categories]
    made = [(kind, name, *_shares(part)) for kind, name, part in slices if len(part)]
    return pd.DataFrame(made, columns=_AGREEMENT)


def _shares(part: pd.DataFrame) -> tuple[float, ...]:
    answered = part[part["relabelled"] != ""]
    n = len(answered)
    found: list[float] = [len(part), n]
    for column in ("label_agreement", "lenient"):
        hits = float(answered[column].sum())
        found += [hits / n, *wilson_interval(hits, n)] if n else [math.nan] * 3
    return tuple(found)


def confusion(rows: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    """Every pair of label and blind category: category, relabelled, conversations, share (of the label), overlap.

    `overlap` is "yes" where the taxonomy documents the second as a possible reading of the first, else "no". A last
    "relabelled", "(no answer)", is there only if some answer was missing.
    """
    allowed = overlaps(categories)
    across = [*categories, *([NO_ANSWER] if (rows["relabelled"] == "").any() else [])]
    counts = Counter(zip(rows["category"], rows["relabelled"].replace("", NO_ANSWER), strict=True))
    totals = Counter(rows["category"])
    made = []
    for category in categories:
        for other in across:
            n = counts[category, other]
            made.append(
                (category, other, n, n / max(1, totals[category]), "yes" if other in allowed[category] else "no")
            )
    return pd.DataFrame(made, columns=["category", "relabelled", "conversations", "share", "overlap"])


def metrics(found: Sequence[Checked], agreed: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of `metrics.csv`: the value of every check that was run, then agreement by slice."""
    rows = [
        metric(
            c.name.replace(" ", "_").replace("-", "_"),
            c.value,
            note="" if c.passed else f"failed: wanted {c.limit}",
        )
        for c in found
        if c.ran
    ]
    if agreed is not None:
        for row in agreed.to_dict("records"):
            where = "all" if row["kind"] == "all" else f"{row['kind']}={row['slice']}"
            for name, column in (("label_agreement", "strict"), ("label_agreement_lenient", "lenient")):
                ends = (row[f"{column}_low"], row[f"{column}_high"])
                rows.append(metric(name, row[column], where=where, ends=ends, n=row["answered"]))
    return rows


def items(rows: pd.DataFrame | None) -> list[dict[str, Any]]:
    """A scored item a relabelled conversation."""
    return list(_items(rows.to_dict("records"))) if rows is not None else []


def _items(rows: Sequence[Mapping[Any, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        score = None if row["relabelled"] == "" else float(row["label_agreement"])
        known = {"language": row["language"], "category": row["category"]}
        yield item("label_agreement", row["conversation"], score, **known)
