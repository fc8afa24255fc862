"""What the suite "stages" asks about: seeded, balanced draws, and screening questions whose answer the data knows."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clio_core.places import PROMPTS
from clio_core.prompting import PromptError, read_shipped
from clio_core.records import digest
from synthetic.datasets import Truth

SUMMARIES = 300  # conversations whose summaries are graded; the paper had 100 of each kind
SEED = (
    0  # of every draw here, whatever the run's own: runs of several seeds are then asked about the same conversations
)
MEMBERS = 30  # members shown of a base cluster; the paper's raters saw about 30 (5,904 over 200 clusters)
_FIELDS = {"name", "version", "question", "source", "truth"}
_TRUTH_FIELDS = {"dataset", "answer", "sample", "categories", "without"}


@dataclass(frozen=True, slots=True)
class Known:
    """Conversations to which a screening question has a known answer.

    Attributes:
        dataset: the shipped set that they are drawn from.
        answer: True for yes.
        sample: how many are drawn, balanced over categories and languages.
        categories: only these (none: all).
        without: none of these.
    """

    dataset: str
    answer: bool
    sample: int
    categories: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def holds(self, category: str) -> bool:
        """Whether it speaks of that category."""
        return (not self.categories or category in self.categories) and category not in self.without


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question for the screener, and where its answer is known."""

    name: str
    question: str
    truth: tuple[Known, ...]


def questions(override: Path | None = None) -> list[Question]:
    """Every file of `prompts/screening`, by name; one of the same name under `override` wins.

    Raises:
        PromptError: a file whose fields are not those that are wanted.
    """
    return [_question(f"screening/{file.name}", override) for file in sorted((PROMPTS / "screening").glob("*.toml"))]


def _question(relative: str, override: Path | None) -> Question:
    data = tomllib.loads(read_shipped(relative, override))
    if set(data) != _FIELDS:
        raise PromptError(f"{relative}: fields must be {sorted(_FIELDS)}, got {sorted(data)}")
    known = []
    for row in data["truth"]:
        if set(row) - _TRUTH_FIELDS or row.get("answer") not in ("yes", "no"):
            wanted = f"fields among {sorted(_TRUTH_FIELDS)} and the answer 'yes' or 'no'"
            raise PromptError(f"{relative}: each truth has {wanted}, got {row}")
        known.append(
            Known(
                row["dataset"],
                row["answer"] == "yes",
                row["sample"],
                tuple(row.get("categories", ())),
                tuple(row.get("without", ())),
            )
        )
    return Question(data["name"], data["question"], tuple(known))


def balanced(ids: Iterable[str], truth: Mapping[str, Truth], n: int) -> list[str]:
    """Draw conversations evenly over (category, language) pairs.

    Pairs take turns in a scattered order, so that a draw smaller than their number still holds many of both; which of
    a pair's conversations come first is drawn. Neither depends on who else may be drawn, so that two runs over the
    same data draw nearly the same ones even where some conversations failed.

    Args:
        ids: who may be drawn, each once.
        truth: by conversation id.
        n: how many; all where there are fewer.
    Returns:
        the drawn ids, in sorted order.
    """
    drawn = sorted(ids, key=lambda i: digest(str(SEED), i))
    categories = sorted({t.category for t in truth.values()})
    languages = sorted({t.language for t in truth.values()})
    seen: Counter[tuple[int, int]] = Counter()
    turns: dict[str, tuple[int, int, int]] = {}
    for conversation in drawn:
        known = truth[conversation]
        row, column = categories.index(known.category), languages.index(known.language)
        turns[conversation] = (seen[row, column], (column - row) % len(languages), row)
        seen[row, column] += 1
    return sorted(sorted(drawn, key=lambda i: turns[i])[:n])


def shown(members: Iterable[str]) -> list[str]:
    """Up to `MEMBERS` of a base cluster's members, in drawn order, which says nothing of where they come from."""
    return sorted(members, key=lambda i: digest(str(SEED), "member", i))[:MEMBERS]
