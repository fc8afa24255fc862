"""One private fact of each kind out of the lists of a language: how it is written, and how else it could be given.

Nothing is asked of a model here, and nothing looked up: all that varies is a place in a list and some drawn digits.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from synthetic.datasets import HOME, DatasetError
from synthetic.seeding import draw

Made = tuple[str, list[str], str]  # value, other forms, and what it is where the kind alone does not say
_FIRST_BIRTH, _BIRTHS = date(1951, 1, 1), 53 * 365  # days; the youngest are of age
_FAMILY_ALONE = 5  # letters; a shorter surname alone would be found in every other text
# Turkish has a letter without a dot that no decomposition touches.
_UNDOTTED = str.maketrans("ıİ", "iI")


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


@dataclass(frozen=True, slots=True)
class Source:
    """Where one fact is drawn from.

    Attributes:
        lists: the language's, as `particulars` gives them.
        place: from 0; which items of the lists.
        side: 0 or 1; even or odd places of the lists, even or odd last digits.
        key: what its drawn numbers depend on, the seed first.
    """

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


def _person(source: Source) -> Made:
    woman = source.place % 2 == 0
    lists = source.lists
    given = source.item("women" if woman else "men", step=2)
    family = source.item("family" if woman or "family_men" not in lists else "family_men")
    value = lists["name"].format(given=given[0], family=family[0])
    first, last = latin(given), latin(family)
    aliases = [f"{g} {f}" for g in first for f in last]
    if not latin([value]):
        aliases += [f"{f} {g}" for g in first for f in last]
    return value, aliases + [f for f in last if len(f) >= _FAMILY_ALONE], ""


def _phone(source: Source) -> Made:
    phone = source.lists["phone"]
    [value] = source.fill([phone["pattern"]])
    rest = value.removeprefix(phone["trunk"]).strip()
    abroad = f"+{phone['country']} {rest}"
    digits, digits_abroad = (re.sub(r"\D", "", text) for text in (value, abroad))
    return value, [value, abroad, digits, f"+{digits_abroad}"], ""


def _email(source: Source) -> Made:
    [value] = source.fill([source.item("mailbox")])
    return value, [value.split("@")[0]], ""


def _handle(source: Source) -> Made:
    [value] = source.fill([source.item("handle")])
    return value, [f"@{value}"], ""


def _address(source: Source) -> Made:
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
        pattern.format(street=s, town=latin(town)[0], **numbers)
        for pattern in lists["address_aliases"]
        for s in latin(street)
    ]
    return value, aliases, ""


def _organisation(source: Source) -> Made:
    what, value, *aliases = source.item("organisation")
    return value, aliases, f"the name of {what}"


def _document(source: Source) -> Made:
    what, *patterns = source.item("document")
    value, *aliases = source.fill(patterns)
    western = [*aliases, value] if latin([value]) else aliases
    return value, [*western, *(re.sub(r"[^0-9A-Za-z]", "", alias) for alias in western)], what


def _birth(source: Source) -> Made:
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
    return value, [pattern.format(english=english, **parts) for pattern in usual], ""


MAKERS: dict[str, Callable[[Source], Made]] = {
    "person": _person,
    "phone": _phone,
    "email": _email,
    "address": _address,
    "organisation": _organisation,
    "document": _document,
    "birth date": _birth,
    "handle": _handle,
}


def fold(text: str) -> str:
    """Latin letters without their marks, as an English text writes them."""
    apart = unicodedata.normalize("NFD", text.translate(_UNDOTTED))
    return "".join(c for c in apart if not unicodedata.combining(c))


def latin(forms: Iterable[str]) -> list[str]:
    """Those forms that hold no letter of another script."""
    return [f for f in forms if all("LATIN" in unicodedata.name(c, "") for c in f if c.isalpha())]
