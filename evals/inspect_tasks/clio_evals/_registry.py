"""Registered with Inspect through the entry point in pyproject.toml. Providers load only when they are used."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi

from clio_evals.tasks import (
    attacks,
    auditor,
    cost,
    insight,
    integrity,
    multilingual,
    oracle,
    privacy,
    seeds,
    selftest,
    stages,
    suite_run,
    supervised_reconstruction,
    supervised_reconstruction_run,
    unsupervised,
)

__all__ = [
    "attacks",
    "auditor",
    "cost",
    "insight",
    "integrity",
    "local",
    "multilingual",
    "oracle",
    "privacy",
    "recorded",
    "seeds",
    "selftest",
    "stages",
    "suite_run",
    "supervised_reconstruction",
    "supervised_reconstruction_run",
    "unsupervised",
]


@modelapi(name="recorded")
def recorded() -> type[ModelAPI]:
    """Answers from a committed recording: `recorded/<name or folder>`."""
    from clio_core.providers import RecordedAPI

    return RecordedAPI


@modelapi(name="local")
def local() -> type[ModelAPI]:
    """No language model: `local/extractive`."""
    from clio_core.providers import ExtractiveAPI

    return ExtractiveAPI
