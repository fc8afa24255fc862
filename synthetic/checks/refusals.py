"""How many first answers decline."""

from __future__ import annotations

import functools
import tomllib
from collections import Counter

from synthetic.checks.checked import Checked, rows
from synthetic.checks.limits import REFUSALS
from synthetic.datasets import HOME, Dataset


@functools.cache
def _phrases() -> dict[str, list[str]]:
    return tomllib.loads((HOME / "refusals.toml").read_text(encoding="utf-8"))


def declined(data: Dataset) -> dict[str, tuple[int, int]]:
    """By category, in the order of the data set: first answers that decline, and conversations."""
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for conversation, truth in rows(data):
        answer = next((m.content for m in conversation.messages if m.role == "assistant"), "").casefold()[:300]
        total[truth.category] += 1
        hits[truth.category] += any(phrase in answer for phrase in _phrases().get(truth.language, []))
    return {category: (hits[category], total[category]) for category in data.categories if total[category]}


def refusals(data: Dataset) -> Checked:
    """Share of first answers that decline, the highest of all categories. A limit only where little is concerning.

    A lower bound: it knows a list of phrases a language (`refusals.toml`), and a refusal in other words passes unseen.
    The phrases were narrowed until ordinary answers of `regular` matched none, so its 0% is no independent finding.
    """
    rates = {category: hits / n for category, (hits, n) in declined(data).items()}
    listed = tuple(
        f"{category}: {rate:.0%} of first answers decline" for category, rate in rates.items() if rate > REFUSALS
    )
    concerning = data.name == "concerning"
    highest = max(rates.values(), default=0.0)
    limit = "reported" if concerning else f"at most {REFUSALS:.0%} a category"
    return Checked("refusals", highest, limit, concerning or not listed, listed)
