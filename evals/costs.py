"""What a run will cost, before it is started: calls, tokens and dollars a stage."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clio_core import clustering, facets, hierarchy, prompting, sampling, transcript
from clio_core.config import Config
from clio_core.records import Conversation
from clio_core.transcript import estimate_tokens

# Output tokens a call, as seen in the recording that ships with the project (rounded up).
_OUTPUT = {
    "open": 80,
    "closed": 15,
    "screen": 10,
    "name": 130,
    "propose": 500,
    "assign": 130,
    "rename": 130,
    "audit": 130,
}
_SUMMARY_TOKENS = 50
_CLUSTER_TOKENS = 80  # a name with its description


@dataclass(frozen=True, slots=True)
class Cache:
    """What a prompt cache does: multiples of the plain price of input, and the shortest prefix that it keeps."""

    write: float
    read: float
    minimum_tokens: int


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per million tokens by model, and the day they were written down.

    Attributes:
        as_of: that day.
        models: input and output price by model.
        batch_discount: factor on everything that goes through message batches.
        cache: the prompt cache's terms.
        stand_in: model whose prices are taken where a role's own model has none, by role, else "other".
    """

    as_of: str
    models: dict[str, dict[str, float]]
    batch_discount: float = 0.5
    cache: Cache = Cache(1.25, 0.1, 1024)
    stand_in: dict[str, str] = field(default_factory=dict)

    def priced_as(self, role: str, model: str) -> str:
        """The model whose prices count for `role`: its own where it has any, else the stand-in."""
        bare = re.sub(r"-\d{8}$", "", model.rsplit("/", 1)[-1])
        return bare if bare in self.models else self.stand_in.get(role, self.stand_in.get("other", bare))

    def dollars(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """Cost of so many tokens; 0 for our own providers, None for a model without a price."""
        if model.startswith(("recorded/", "local/")):
            return 0.0
        bare = re.sub(r"-\d{8}$", "", model.rsplit("/", 1)[-1])
        row = self.models.get(bare)
        return None if row is None else (input_tokens * row["input"] + output_tokens * row["output"]) / 1e6


def read_prices(own: Path | None = None) -> Prices:
    """The dated price file, with a user's rows over it."""
    held = tomllib.loads((Path(__file__).parent / "prices.toml").read_text(encoding="utf-8"))
    models, as_of = dict(held["models"]), str(held["as_of"])
    if own is not None:
        mine = tomllib.loads(own.read_text(encoding="utf-8"))
        models |= mine["models"]
        as_of = str(mine.get("as_of", as_of))
        held |= mine
    return Prices(as_of, models, float(held["batch_discount"]), Cache(**held["cache"]), dict(held["stand_in"]))


@dataclass(frozen=True, slots=True)
class StageCost:
    """One line of the estimate. `dollars` is None where the model has no price."""

    stage: str
    role: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    dollars: float | None


def estimate(
    conversations: Sequence[Conversation], config: Config, prices: Prices, *, categories: int = 0
) -> list[StageCost]:
    """Estimate a run over these conversations, each call made once.

    Args:
        conversations: the data set; transcripts are really rendered, so facet input is counted, not guessed.
        config: the run's settings.
        prices: price table.
        categories: number of known categories, where supervised reconstruction will be run.
    """
    drawn: Sequence[Conversation] = conversations
    if config.sample is not None:
        draw = sampling.sample_completions if config.strategy == "completions" else sampling.sample_conversations
        drawn = draw(conversations, config.sample, config.seed)
    texts = sum(transcript.render(c, budget=config.token_budget).tokens for c in drawn)
    rows: list[tuple[str, str, int, int, int]] = []  # stage, prompt, calls, variable input, output a call
    if config.screen is not None:
        rows.append(("screen", "screen", len(drawn), texts, _OUTPUT["screen"]))
    for name in config.facets:
        facet = facets.load_facet(name)
        kind = "open" if facet.kind == "open" else "closed"
        asked = len(drawn) * estimate_tokens(facet.question)
        rows.append((f"facet:{name}", f"extract_{kind}", len(drawn), texts + asked, _OUTPUT[kind]))
    k = min(config.k or clustering.default_k(len(drawn)), len(drawn))
    shown = min(config.members, len(drawn) // k) + config.contrast
    rows.append(("name", "name_cluster", k, k * shown * _SUMMARY_TOKENS, _OUTPUT["name"]))
    levels = config.levels or hierarchy.default_levels(k)
    sizes = hierarchy.level_sizes(k, config.top or hierarchy.default_top(k), levels)
    for number, (below, size) in enumerate(itertools.pairwise(sizes), 1):
        hoods = max(1, round(below / hierarchy.NEIGHBOURHOOD))
        listed = (below + hoods * hierarchy.OUTSIDE) * _CLUSTER_TOKENS
        rows.append((f"propose:{number}", "propose_clusters", hoods, listed, _OUTPUT["propose"]))
        if hoods > 1:
            rows.append((f"dedupe:{number}", "dedupe_clusters", 1, size * 30, _OUTPUT["propose"]))
        rows.append((f"assign:{number}", "assign_cluster", below, below * (size * 15 + 80), _OUTPUT["assign"]))
        rows.append((f"rename:{number}", "rename_cluster", size, below * _CLUSTER_TOKENS, _OUTPUT["rename"]))
    rows.append(("audit", "audit", sum(sizes), sum(sizes) * _CLUSTER_TOKENS, _OUTPUT["audit"]))
    if categories:
        rows.append(("assign:categories", "assign_cluster", k, k * (categories * 10 + 80), _OUTPUT["assign"]))
    return [_priced(row, config, prices) for row in rows]


def _priced(row: tuple[str, str, int, int, int], config: Config, prices: Prices) -> StageCost:
    stage, name, calls, variable, each = row
    prompt = prompting.load(name)
    fixed = sum(estimate_tokens(text) for _, text in prompt.turns) + estimate_tokens(prompt.prefill)
    model = config.model_of(prompt.role)
    read, written = calls * fixed + variable, calls * each
    return StageCost(stage, prompt.role, model, calls, read, written, prices.dollars(model, read, written))
