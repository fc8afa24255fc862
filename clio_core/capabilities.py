"""What a model can do and what it is sent, in one place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clio_core.prompting import Rendered

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model

UNRECORDED = "unrecorded"  # stop reason of a call that a recording does not hold
FAILED = "failed"  # stop reason of a call whose provider gave up
PREFILL_WISHES = ("auto", "always", "never")

# Claude 4.6 and later answer a prefilled request with an error; so may models that we do not know.
_PREFILL = re.compile(r"claude-(2|3|instant|(opus|sonnet|haiku)-4-([015]|20)(\D|$|\d{6}))")


def full_name(model: Model) -> str:
    """Provider and name, as in "anthropic/claude-haiku-4-5"."""
    from inspect_ai.model import ModelName

    return str(ModelName(model))


def takes_prefill(model: Model, wish: str = "auto") -> bool:
    """Whether to send a started assistant turn: as `wish` says ("always", "never"), else by the model's name."""
    if wish not in PREFILL_WISHES:
        raise ValueError(f"prefill must be one of {PREFILL_WISHES}, got {wish!r}")
    return wish == "always" or (wish == "auto" and _PREFILL.search(model.api.model_name) is not None)


def can_vary(model: Model) -> bool:
    """Whether asking again can give another answer. Recordings and our local provider say no."""
    return bool(getattr(model.api, "can_vary", True))


def reads_variables(model: Model) -> bool:
    """Whether the provider looks at the prompt's values instead of its text; only our local one does."""
    return bool(getattr(model.api, "reads_variables", False))


def sends_temperature(model: Model) -> bool:
    """Inspect drops the sampling settings of every Claude model, so they are not even asked for."""
    return "claude" not in model.api.model_name


def call_config(model: Model, rendered: Rendered) -> GenerateConfig:
    """Settings of one call: the prompt's, where the user has not set their own on the model."""
    from inspect_ai.model import GenerateConfig

    own = model.config
    return GenerateConfig(
        max_tokens=own.max_tokens or rendered.max_tokens,
        temperature=own.temperature
        if own.temperature is not None
        else (rendered.temperature if sends_temperature(model) else None),
        # One-shot prompts never come twice: writing them to a prompt cache would only cost money.
        cache_prompt=own.cache_prompt if own.cache_prompt is not None else False,
        # Inspect alone would retry for ever.
        max_retries=own.max_retries if own.max_retries is not None else 6,
        timeout=own.timeout if own.timeout is not None else 600,
    )


def local(model: Model) -> bool:
    """Whether the provider is one of ours, which have no sampling to set."""
    return not can_vary(model)
