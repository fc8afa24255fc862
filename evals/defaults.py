"""Settings that every measured run shares, whether `clio-evals run` or an Inspect task starts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from clio_core.config import Config, ConfigError

if TYPE_CHECKING:
    from synthetic.datasets import Dataset

# The shipped sets are small: with the thresholds of a publication there would be little left to measure.
MIN_CONVERSATIONS, MIN_ACCOUNTS = 4, 3


def config(dataset: Dataset | None, **given: Any) -> Config:
    """Settings for a data set, or for a fixed suite (None); `given` are settings of their own choice.

    Every cluster is named, published or not, because conversations of all of them are scored.
    """
    thresholds = {"min_conversations": MIN_CONVERSATIONS, "min_accounts": MIN_ACCOUNTS}
    return Config(name_held_back=True, quote=dataset is not None and not dataset.sensitive, **{**thresholds, **given})


def missing(given: str | None, model: str, data: Sequence[Dataset]) -> Literal["stop", "local"]:
    """What happens to calls that a recording lacks; by default only the shipped recording on shipped data goes on."""
    if given is None:
        return "local" if model == "recorded/reference" and all(d.shipped for d in data) else "stop"
    if given not in ("stop", "local"):
        raise ConfigError(f"missing must be 'stop' or 'local', got {given!r}")
    return cast(Literal["stop", "local"], given)
