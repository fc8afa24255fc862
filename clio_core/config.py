"""Everything that a run may vary, in one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

ROLES = ("screener", "extractor", "namer", "hierarchizer", "auditor", "grader", "generator")


class ConfigError(ValueError):
    """A setting that cannot be."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a run.

    Attributes:
        model: model of every role that `models` does not name, as Inspect writes it.
        models: model by role, as in {"namer": "anthropic/claude-sonnet-4-5"}.
        facets: names or paths of the facets to extract.
        cluster_facet: the "open" facet whose values are clustered.
        sample: how many to draw (None: all) and `strategy`: "conversations" or "completions" (paper G.1).
        screen: a yes/no question; only conversations answered with yes go on (None: no screening).
        seed: of sampling, clustering and shuffling.
        token_budget: longest transcript in estimated tokens; longer ones keep both ends.
        embedder: a sentence-transformers name or folder.
        bf16: embed in bfloat16; for large runs that are never replayed.
        k: number of base clusters (None: `clustering.default_k`).
        members, contrast: statements shown to the namer from inside and outside the cluster.
        min_conversations, min_accounts: a cluster with fewer of either is held back.
        name_held_back: name also clusters that will be held back; evaluation needs it, publication does not.
        levels: levels of the hierarchy, base included (None: two up to 100 base clusters, three above).
        top: clusters wanted at the top (None: `hierarchy.default_top`).
        audit_below: clusters rated under this are removed.
        project: most conversations that are placed on the map; 0 for no map.
        attempts: how often an answer in the wrong form is asked for.
        width: calls under way at once.
        quote: local/extractive may name a cluster by one of its records; only for data that is not sensitive.
        prefill: "auto", "always" or "never" (see `capabilities.takes_prefill`).
        flag: metadata column with an external classifier's verdict, for the figures of use.
        seeds: how many seeds, this one included, the suite of that name clusters under.
        repeats: how often it asks each of them.
        missing: what happens to a call that a recording does not hold. "stop": the stage ends and says what is
            missing. "local": local/extractive answers for clusters, is counted, and the report says so at the top;
            what it cannot answer (grading) counts as failed; a missing facet still ends the run.
    """

    model: str = "recorded/reference"
    models: dict[str, str] = field(default_factory=dict)
    facets: tuple[str, ...] = ("request", "language", "concerning")
    cluster_facet: str = "request"
    sample: int | None = None
    strategy: Literal["conversations", "completions"] = "conversations"
    screen: str | None = None
    seed: int = 0
    token_budget: int = 8000
    embedder: str = "all-MiniLM-L6-v2"
    bf16: bool = False
    k: int | None = None
    members: int = 50
    contrast: int = 50
    min_conversations: int = 10
    min_accounts: int = 5
    name_held_back: bool = False
    levels: int | None = None
    top: int | None = None
    audit_below: int = 3
    project: int = 20_000
    attempts: int = 3
    width: int = 50
    quote: bool = False
    prefill: Literal["auto", "always", "never"] = "auto"
    flag: str | None = None
    seeds: int = 1
    repeats: int = 1
    missing: Literal["stop", "local"] = "stop"

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.models) - set(ROLES)):
            raise ConfigError(f"models: roles are {list(ROLES)}, got {unknown}")
        if self.cluster_facet not in self.facets:
            raise ConfigError(f"cluster_facet {self.cluster_facet!r} is not among the facets {list(self.facets)}")
        for name in (
            "sample",
            "k",
            "levels",
            "top",
            "min_conversations",
            "min_accounts",
            "attempts",
            "width",
            "seeds",
            "repeats",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}")

    def model_of(self, role: str) -> str:
        """Name of the model that answers for `role`."""
        return self.models.get(role, self.model)

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain data, for the manifest."""
        return asdict(self)


def from_dict(data: dict[str, Any]) -> Config:
    """Settings out of a manifest.

    Raises:
        ConfigError: a setting of that name does not exist (a newer or older version wrote the manifest).
    """
    known = {f.name for f in fields(Config)}
    if unknown := sorted(set(data) - known):
        raise ConfigError(f"unknown settings {unknown}; known are {sorted(known)}")
    return Config(**{**data, "facets": tuple(data.get("facets", Config().facets))})
