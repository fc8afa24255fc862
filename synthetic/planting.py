"""Private facts that are planted into conversations by program, and controls that are planted nowhere.

The lists of a language stand in `particulars/`. Even places of a list, and numbers whose last drawn digit is even, are
planted; odd ones are controls. So both come out of the same program, and no control ever equals a planted fact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from synthetic.datasets import Control, Planted
from synthetic.makers import MAKERS, Source, fold, latin, particulars
from synthetic.seeding import draw

KINDS = tuple(MAKERS)
CONTROLS = 5  # of each kind and language
PLANTED, CONTROL = 0, 1  # the two sides of every list
_LABELS = {
    "person": "a person's full name",
    "phone": "a telephone number",
    "email": "an e-mail address",
    "address": "a postal address",
    "birth date": "a date of birth",
    "handle": "a user name",
}
_FACTS_PER_PAIR = 5  # facts in two neighbouring categories: three in one, two in the other


@dataclass(frozen=True, slots=True)
class Fact:
    """A private fact with what it is, in English, for the one who writes it into a message."""

    label: str
    planted: Planted

    @property
    def line(self) -> str:
        """As a prompt lists it."""
        return f"- {self.label}: {self.planted.value}"


def facts(language: str, category: int, categories: int, turn: int, seed: int) -> tuple[Fact, ...]:
    """The two or three facts of one row, of different kinds.

    The kinds of a language come in a drawn order, again and again, and its categories take them in turn: with ten
    categories each kind occurs three times in a language, one of them four times, and no fact twice.

    Args:
        language: English name.
        category: place of the category in the taxonomy, from 0.
        categories: how many there are.
        turn: which round of the design, from 0.
        seed: of the design.
    """
    order = sorted(KINDS, key=lambda kind: draw(seed, "kinds", language, kind))
    place = turn * categories + category
    late = draw(seed, "late", language) % 2  # whether even or odd places have three
    begin, end = ((_FACTS_PER_PAIR * p + late) // 2 for p in (place, place + 1))
    return tuple(one(language, order[p % len(KINDS)], p // len(KINDS), PLANTED, seed) for p in range(begin, end))


def controls(languages: Iterable[str], seed: int = 0) -> list[Control]:
    """Facts of every kind that are planted nowhere: `CONTROLS` a language and kind."""
    return [
        Control(language, kind, fact.value, fact.aliases)
        for language in languages
        for kind in KINDS
        for fact in (one(language, kind, n, CONTROL, seed).planted for n in range(CONTROLS))
    ]


def one(language: str, kind: str, number: int, side: int, seed: int) -> Fact:
    """The `number`-th fact of a kind in a language, from 0.

    Args:
        language: English name.
        kind: one of `KINDS`.
        number: which one; lists are drawn through in order, so numbers close to each other give different facts.
        side: `PLANTED` or `CONTROL`.
        seed: of everything that is drawn.
    """
    lists = particulars(language)
    # A drawn beginning of the lists, so that another seed plants other facts; 30 lets all pairs of names come round.
    source = Source(lists, number + draw(seed, "turn", language, kind) % 30, side, (seed, language, kind, number))
    value, aliases, label = MAKERS[kind](source)
    if kind in lists.get("digits_for", ()):
        value = value.translate(str.maketrans("0123456789", lists["digits"]))
    folded = itertools.chain.from_iterable((alias, fold(alias)) for alias in (*aliases, *latin([value])))
    kept = tuple(dict.fromkeys(alias for alias in folded if alias != value))
    return Fact(label or _LABELS[kind], Planted(kind, value, kept))
