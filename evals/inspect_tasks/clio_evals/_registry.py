"""Registered with Inspect through the entry point in pyproject.toml. Providers load only when they are used."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi

from clio_evals.tasks import supervised_reconstruction, supervised_reconstruction_run

__all__ = ["local", "recorded", "supervised_reconstruction", "supervised_reconstruction_run"]


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
