"""Checks of a data set: what could make its truth wrong or a measurement over it too easy.

A module a question; the thresholds of all stand in `limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synthetic.checks.checked import Checked, not_run
from synthetic.checks.evenness import balance, cells
from synthetic.checks.facts import planted
from synthetic.checks.giveaways import leaks, ngrams
from synthetic.checks.labels import labels
from synthetic.checks.languages import languages
from synthetic.checks.lengths import length_by_language, lengths, spreads
from synthetic.checks.likeness import duplicates, openings, twins
from synthetic.checks.refusals import declined, refusals
from synthetic.datasets import Dataset

__all__ = [
    "Checked",
    "balance",
    "cells",
    "check",
    "declined",
    "duplicates",
    "labels",
    "languages",
    "leaks",
    "length_by_language",
    "lengths",
    "ngrams",
    "not_run",
    "openings",
    "planted",
    "refusals",
    "spreads",
    "twins",
]

# Those that need nothing but the data, in the order of a report.
CHECKS = (
    languages,
    duplicates,
    openings,
    leaks,
    ngrams,
    balance,
    lengths,
    length_by_language,
    refusals,
    planted,
)


# Checks that do not apply to a shipped set, with the reason.
LEFT_OUT: Mapping[str, Mapping[Callable[[Dataset], Checked], str]] = {
    "attacks": {balance: "written row by row for its attacks; no balanced design", lengths: "names no lengths"},
}


def check(data: Dataset) -> list[Checked]:
    """Every check that needs nothing but the data; one that does not apply to it is not run."""
    left_out = LEFT_OUT.get(data.name, {}) if data.shipped else {}
    made = [(make(data), left_out.get(make)) for make in CHECKS]
    return [found if why is None else not_run(found.name, found.limit, why) for found, why in made]
