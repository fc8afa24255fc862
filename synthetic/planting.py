"""Private facts that are planted into conversations by program, and controls that are planted nowhere.

The lists of a language stand in `particulars/`. Even places of a list, and numbers whose last drawn digit is even, are
planted; odd ones are controls. So both come out of the same program, and no control ever equals a planted fact.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from synthetic.datasets import HOME, Control, DatasetError, Planted
from synthetic.seeding import draw

KINDS = ("person", "phone", "email", "address", "organisation", "document", "birth date", "handle")
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
_FIRST_BIRTH, _BIRTHS = date(1951, 1, 1), 53 * 365  # days; the youngest are of age
_FAMILY_ALONE = 5  # letters; a shorter surname alone would be found in every other text
_FACTS_PER_PAIR = 5  # facts in two neighbouring categories: three in one, two in the other
# Turkish has a letter without a dot that no decomposition touches.
_UNDOTTED = str.maketrans("ıİ", "iI")


@dataclass(frozen=True, slots=True)
class Fact:
    """A private fact with what it is, in English, for the one who writes it into a message."""

    label: str
    planted: Planted

    @property
    def line(self) -> str:
        """As a prompt lists it."""
        return f"- {self.label}: {self.planted.value}"


@functools.cache
def particulars(language: str) -> dict[str, Any]:
    """The lists of a language, by its English name.

    Raises:
        DatasetError: there are none.
    """
    file = HOME / "particulars" / f"{language.lower().replace(' ', '-')}.toml"
    if not file.exists():
        known = sorted(path.stem for path in file.parent.glob("*.toml"))
        raise DatasetError(f"no particulars for the language {language!r}; there are {known}")
    return tomllib.loads(file.read_text(encoding="utf-8"))


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
    source = _Source(lists, number + draw(seed, "turn", language, kind) % 30, side, (seed, language, kind, number))
    label, value, aliases = _MAKERS[kind](source)
    if kind in lists.get("digits_for", ()):
        value = value.translate(str.maketrans("0123456789", lists["digits"]))
    folded = itertools.chain.from_iterable((alias, _fold(alias)) for alias in (*aliases, *_latin([value])))
    kept = tuple(dict.fromkeys(alias for alias in folded if alias != value))
    return Fact(label or _LABELS[kind], Planted(kind, value, kept))


@dataclass(frozen=True, slots=True)
class _Source:
    """Where one fact is drawn from: a language's lists, its place in them, its side, and the key of its numbers."""

    lists: dict[str, Any]
    place: int
    side: int
    key: tuple[Any, ...]

    def item(self, name: str, step: int = 1) -> Any:
        """The item of a list on this side; with a step, one that stays for so many places."""
        pool = self.lists[name][self.side :: 2]
        return pool[self.place // step % len(pool)]

    def number(self, name: str, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + draw(self.key[0], name, self.side, *self.key[1:]) % (high - low + 1)

    def fill(self, patterns: Iterable[str]) -> list[str]:
        """Patterns with the same drawn digits for their `#`; the last digit is even or odd as the side is."""
        filled = []
        for pattern in patterns:
            signs = pattern.count("#")
            digits = [self.number(f"digit {i}", 0, 9) for i in range(signs)]
            digits[-1:] = [digits[-1] // 2 * 2 + self.side] if digits else []
            drawn = iter(digits)
            filled.append(re.sub("#", lambda _, drawn=drawn: str(next(drawn)), pattern))  # type: ignore[misc]
        return filled


def _person(source: _Source) -> tuple[str, str, list[str]]:
    woman = source.place % 2 == 0
    lists = source.lists
    given = source.item("women" if woman else "men", step=2)
    family = source.item("family" if woman or "family_men" not in lists else "family_men")
    value = lists["name"].format(given=given[0], family=family[0])
    first, last = _latin(given), _latin(family)
    aliases = [f"{g} {f}" for g in first for f in last]
    if not _latin([value]):
        aliases += [f"{f} {g}" for g in first for f in last]
    return "", value, aliases + [f for f in last if len(f) >= _FAMILY_ALONE]


def _phone(source: _Source) -> tuple[str, str, list[str]]:
    phone = source.lists["phone"]
    [value] = source.fill([phone["pattern"]])
    rest = value.removeprefix(phone["trunk"]).strip()
    abroad = f"+{phone['country']} {rest}"
    digits, digits_abroad = (re.sub(r"\D", "", text) for text in (value, abroad))
    return "", value, [value, abroad, digits, f"+{digits_abroad}"]


def _email(source: _Source) -> tuple[str, str, list[str]]:
    [value] = source.fill([source.item("mailbox")])
    return "", value, [value.split("@")[0]]


def _handle(source: _Source) -> tuple[str, str, list[str]]:
    [value] = source.fill([source.item("handle")])
    return "", value, [f"@{value}"]


def _address(source: _Source) -> tuple[str, str, list[str]]:
    lists, street, town = source.lists, source.item("street"), source.item("town")
    numbers = {
        "n": source.number("n", 3, 98),
        "m": source.number("m", 2, 60),
        "k": source.number("k", 1, 6),
        "j": source.number("j", 2, 28),
        "i": source.number("i", 1, 8),
    }
    value = lists["address"].format(street=street[0], town=town[0], **numbers)
    aliases = [
        pattern.format(street=s, town=_latin(town)[0], **numbers)
        for pattern in lists["address_aliases"]
        for s in _latin(street)
    ]
    return "", value, aliases


def _organisation(source: _Source) -> tuple[str, str, list[str]]:
    what, value, *aliases = source.item("organisation")
    return f"the name of {what}", value, aliases


def _document(source: _Source) -> tuple[str, str, list[str]]:
    what, *patterns = source.item("document")
    value, *aliases = source.fill(patterns)
    western = [*aliases, value] if _latin([value]) else aliases
    return what, value, [*western, *(re.sub(r"[^0-9A-Za-z]", "", alias) for alias in western)]


def _birth(source: _Source) -> tuple[str, str, list[str]]:
    born = _FIRST_BIRTH + timedelta(days=source.number("day", 0, _BIRTHS // 2 - 1) * 2 + source.side)
    patterns, months = source.lists["birth"], source.lists["months"]
    english = particulars("English")["months"][born.month - 1]
    parts = {
        "d": born.day,
        "dd": f"{born.day:02d}",
        "mo": born.month,
        "mm": f"{born.month:02d}",
        "y": born.year,
        "month": months[born.month - 1] if months else "",
    }
    usual = (
        "{d} {english} {y}",
        "{english} {d}, {y}",
        "{y}-{mm}-{dd}",
        "{dd}/{mm}/{y}",
        "{mm}/{dd}/{y}",
        "{dd}.{mm}.{y}",
    )
    value = patterns[source.place % len(patterns)].format(**parts)
    return "", value, [pattern.format(english=english, **parts) for pattern in usual]


_MAKERS: dict[str, Callable[[_Source], tuple[str, str, list[str]]]] = {
    "person": _person,
    "phone": _phone,
    "email": _email,
    "address": _address,
    "organisation": _organisation,
    "document": _document,
    "birth date": _birth,
    "handle": _handle,
}


def _fold(text: str) -> str:
    """Latin letters without their marks, as an English text writes them."""
    apart = unicodedata.normalize("NFD", text.translate(_UNDOTTED))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _latin(forms: Iterable[str]) -> list[str]:
    """Those forms that hold no letter of another script."""
    return [f for f in forms if all("LATIN" in unicodedata.name(c, "") for c in f if c.isalpha())]
