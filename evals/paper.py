"""The paper's figures, read from `paper.toml`."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any


@functools.cache
def figures() -> dict[str, Any]:
    """Everything in `paper.toml`, with the place in the paper that each part comes from."""
    return tomllib.loads((Path(__file__).parent / "paper.toml").read_text(encoding="utf-8"))


def accuracy(dataset: str) -> float | None:
    """Supervised reconstruction accuracy that the paper gives for a data set of this name."""
    found = figures()["supervised"].get(dataset)
    return float(found["accuracy"]) if isinstance(found, dict) else None


def language_accuracy(language: str) -> float | None:
    """Accuracy in Table 5."""
    row = figures()["languages"].get(language)
    return float(row[0]) if row else None


def cost(step: str) -> dict[str, Any]:
    """Table 3's row of a step: model, tokens and dollars for 100,000 conversations; empty where it has none."""
    found = figures()["cost"].get(step)
    return dict(found) if isinstance(found, dict) else {}


def stage(measure: str, dataset: str) -> float | None:
    """What Table 4 or its text gives for a stage: on "regular" (its random data), "concerning" or "combined"."""
    found = figures()["stages"].get(measure)
    return float(found[dataset]) if isinstance(found, dict) and dataset in found else None


def auditor_accuracy() -> float:
    """Accuracy of the paper's auditor on its own hard set (D.1)."""
    return float(figures()["auditor"]["accuracy"])


def private_share(level: str) -> float | None:
    """Share rated 1 or 2 at "raw", "facet" or "published" (D, Figure 5); None for other levels."""
    found = figures()["privacy"].get(level)
    return None if found is None else float(found)
