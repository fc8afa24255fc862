"""The data sets that ship with the project, and the truth that each of their conversations carries."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clio_core.loaders import Loaded, content_hash, load
from clio_core.records import Conversation

HOME = Path(__file__).resolve().parent
_TRUTH = ("category", "subcategory", "language")
_EVERYDAY = ("regular",)  # nothing in these sets worries anybody: every row has the concern 1


class DatasetError(ValueError):
    """A data set that is not there, or has no usable truth."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one conversation; the pipeline never sees it."""

    category: str
    subcategory: str
    language: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A private fact that stands in a conversation.

    Attributes:
        kind: one of `planting.KINDS`.
        value: as it stands in the first message, letter for letter.
        aliases: how else a text could give it away (romanised, in Western digits, translated), the fullest forms first.
    """

    kind: str
    value: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A fact out of the same program as the planted ones that stands in no conversation.

    Where it is "found" all the same, the search was mistaken: controls give the rate of false finds.
    """

    language: str
    kind: str
    value: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Conversations with their truth.

    Attributes:
        name: "regular", or the stem of a user's own file.
        loaded: the conversations, with the hash of their content.
        truth: by conversation id.
        categories: every category that could be chosen, in order.
        sensitive: whether a report has to keep texts of single conversations to itself.
        shipped: whether it is one of the project's own sets.
        planted: private facts by conversation id, for those conversations that have any.
        concern: how concerning each conversation is, 1 to 5 (the scale of `prompts/facets/concerning.toml`), where a
            reader has said so; by conversation id.
    """

    name: str
    loaded: Loaded
    truth: dict[str, Truth]
    categories: tuple[str, ...]
    sensitive: bool
    shipped: bool = False
    planted: dict[str, tuple[Planted, ...]] = field(default_factory=dict)
    concern: dict[str, int] = field(default_factory=dict)

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """The conversations, in the order of their file."""
        return self.loaded.conversations

    def first(self, n: int) -> Dataset:
        """A data set of at most n conversations, spread evenly over categories and languages.

        Takes turns over the truth's (category, language) pairs in a fixed scattered order, so that a small slice
        still holds many of both.
        """
        if n < 1:
            raise DatasetError(f"a data set needs at least one conversation, got n={n}")
        languages = sorted({t.language for t in self.truth.values()})
        place = {c: i for i, c in enumerate(self.categories)}

        seen: Counter[tuple[int, int]] = Counter()
        turns: dict[str, tuple[int, int, int]] = {}
        for c in sorted(self.conversations, key=lambda c: c.id):
            known = self.truth[c.id]
            row, column = place[known.category], languages.index(known.language)
            turns[c.id] = (seen[row, column], (column - row) % len(languages), row)
            seen[row, column] += 1

        kept = {c.id for c in sorted(self.conversations, key=lambda c: turns[c.id])[:n]}
        chosen = tuple(c for c in self.conversations if c.id in kept)
        return Dataset(
            self.name,
            replace(self.loaded, conversations=chosen, content_hash=content_hash(chosen)),
            {c: t for c, t in self.truth.items() if c in kept},
            self.categories,
            self.sensitive,
            self.shipped,
            {c: facts for c, facts in self.planted.items() if c in kept},
            {c: label for c, label in self.concern.items() if c in kept},
        )


def taxonomy(name: str) -> list[dict[str, object]]:
    """The categories of `taxonomy/NAME.toml`, in order."""
    file = HOME / "taxonomy" / f"{name}.toml"
    if not file.exists():
        raise DatasetError(f"no taxonomy {name!r}; there are {shipped()}")
    listed: list[dict[str, object]] = tomllib.loads(file.read_text(encoding="utf-8"))["category"]
    return listed


def _entries(categories: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Entries, by name, of the one shipped taxonomy that knows most of the categories; none if none knows any.

    Taxonomies share some names and mean different things by them, so the others have no say.
    """
    best: dict[str, dict[str, Any]] = {}
    for name in shipped():
        entries = {str(entry["name"]): entry for entry in taxonomy(name) if entry["name"] in categories}
        best = entries if len(entries) > len(best) else best
    return best


def descriptions(categories: Sequence[str]) -> dict[str, str]:
    """One-line description of each category; "" for one that its taxonomy does not know."""
    known = _entries(categories)
    return {name: str(known[name]["description"]) if name in known else "" for name in categories}


def overlaps(categories: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each category the other ones that its taxonomy lets a careful reader choose instead; none if unknown."""
    known = _entries(categories)
    return {name: tuple(o for o in known.get(name, {}).get("overlaps", ()) if o in categories) for name in categories}


def shipped() -> list[str]:
    """Names of the sets of conversations that ship with the project: those that have a taxonomy."""
    return sorted(p.stem for p in (HOME / "data").glob("*.jsonl") if (HOME / "taxonomy" / f"{p.stem}.toml").exists())


def controls(name: str) -> tuple[Control, ...]:
    """The never-planted facts of a shipped data set.

    Raises:
        DatasetError: the set has none.
    """
    file = HOME / "data" / f"{name}.controls.jsonl"
    if not file.exists():
        raise DatasetError(f"no controls for the data set {name!r}: there is no {file.name} in {file.parent}")
    rows = map(json.loads, filter(None, file.read_text(encoding="utf-8").split("\n")))
    return tuple(Control(row["language"], row["kind"], row["value"], tuple(row["aliases"])) for row in rows)


def open_dataset(name: str, *, sensitive: bool = True) -> Dataset:
    """A shipped data set by name, or a user's own file whose rows carry category and language.

    Args:
        name: "regular", or a path to a file in any layout that `load` reads.
        sensitive: for a user's own file, whether its texts must stay out of reports; shipped sets are synthetic.
    Raises:
        DatasetError: unknown name, or a row without its truth.
    """
    if name in shipped():
        loaded = load(HOME / "data" / f"{name}.jsonl")
        truth = _truth(loaded, name)
        occurring = {t.category for t in truth.values()}
        # A category of the taxonomy that the set does not use yet is no candidate: nothing could be right about it.
        categories = tuple(str(c["name"]) for c in taxonomy(name) if c["name"] in occurring)
        planted, labels = _planted(loaded, name), _shipped_concern(loaded, name)
        return Dataset(name, loaded, truth, categories, sensitive=False, shipped=True, planted=planted, concern=labels)
    if not Path(name).exists():
        raise DatasetError(f"no data set {name!r}: neither one of {shipped()} nor a file of that path")
    loaded = load(name)
    truth = _truth(loaded, name)
    categories = tuple(sorted({t.category for t in truth.values()}))
    planted, labels = _planted(loaded, name), _own_concern(loaded, name)
    return Dataset(Path(name).stem, loaded, truth, categories, sensitive, planted=planted, concern=labels)


def _truth(loaded: Loaded, name: str) -> dict[str, Truth]:
    found: dict[str, Truth] = {}
    for conversation in loaded.conversations:
        known = {key: str(conversation.metadata.get(key) or "") for key in _TRUTH}
        if not (known["category"] and known["language"]):
            raise DatasetError(
                f"{name}, conversation {conversation.id!r}: reconstruction needs 'category' and 'language', "
                f"got {sorted(conversation.metadata)}; use `clio-evals cluster` for data without truth"
            )
        found[conversation.id] = Truth(**known)
    return found


def _planted(loaded: Loaded, name: str) -> dict[str, tuple[Planted, ...]]:
    found: dict[str, tuple[Planted, ...]] = {}
    for conversation in loaded.conversations:
        try:
            facts = tuple(
                Planted(str(fact["kind"]), str(fact["value"]), tuple(map(str, fact.get("aliases", ()))))
                for fact in conversation.metadata.get("planted") or ()
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(
                f"{name}, conversation {conversation.id!r}: 'planted' must be a list of objects with kind, value and "
                f"aliases, got {conversation.metadata['planted']!r}"
            ) from error
        if facts:
            found[conversation.id] = facts
    return found


def _shipped_concern(loaded: Loaded, name: str) -> dict[str, int]:
    if name in _EVERYDAY:
        return dict.fromkeys((c.id for c in loaded.conversations), 1)
    with (HOME / "data" / "labels" / "concern.csv").open(encoding="utf-8", newline="") as file:
        labels = {row["conversation"]: int(row["concern"]) for row in csv.DictReader(file)}
    return {c.id: labels[c.id] for c in loaded.conversations if c.id in labels}


def _own_concern(loaded: Loaded, name: str) -> dict[str, int]:
    """The field `concern` of a user's own rows, where they have one."""
    found = {}
    for conversation in loaded.conversations:
        said = conversation.metadata.get("concern")
        if said is None:
            continue
        if str(said) not in {"1", "2", "3", "4", "5"}:
            raise DatasetError(f"{name}, conversation {conversation.id!r}: 'concern' must be 1 to 5, got {said!r}")
        found[conversation.id] = int(said)
    return found
