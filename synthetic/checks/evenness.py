"""Is every combination of attributes there equally often?"""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from synthetic.checks.checked import Checked, rows
from synthetic.checks.limits import UNBALANCED_P
from synthetic.datasets import Dataset

_NAMED = 5  # ids of a cell that a finding names


def cells(data: Dataset) -> dict[tuple[str, str], list[str]]:
    """Ids of the conversations of every pair of category and language, those without any included.

    Categories stand in the order of the data set, languages by name.
    """
    spoken = sorted({t.language for t in data.truth.values()})
    found: dict[tuple[str, str], list[str]] = {cell: [] for cell in itertools.product(data.categories, spoken)}
    for conversation, truth in rows(data):
        found[truth.category, truth.language].append(conversation.id)
    return found


def balance(data: Dataset) -> Checked:
    """Even cells of category x language, and no pair of attributes that hang together (chi-square)."""
    from scipy.stats import chi2_contingency

    found = cells(data)
    usual = int(np.median([len(ids) for ids in found.values()]))
    findings = [
        f"{category} in {language}: {len(ids)} conversations, {usual} elsewhere{_named(ids)}"
        for (category, language), ids in found.items()
        if len(ids) != usual
    ]
    columns = {"category": [t.category for _, t in rows(data)], "language": [t.language for _, t in rows(data)]}
    columns |= {key: [str(c.metadata.get(key)) for c, _ in rows(data)] for key in ("length", "tone")}
    lowest = 1.0
    for a, b in itertools.combinations(columns, 2):
        table = Counter(zip(columns[a], columns[b], strict=True))
        down, across = sorted(set(columns[a])), sorted(set(columns[b]))
        if len(down) < 2 or len(across) < 2:
            continue
        p = float(chi2_contingency([[table[r, c] for c in across] for r in down]).pvalue)
        lowest = min(lowest, p)
        if p < UNBALANCED_P:
            findings.append(f"{a} and {b} hang together (p = {p:.3f})")
    return Checked("balance", lowest, f"even cells, p at least {UNBALANCED_P}", not findings, tuple(findings))


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f" ({', '.join(ids[:_NAMED])}{more})" if ids else ""
