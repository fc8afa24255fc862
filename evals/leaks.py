"""Looking for known private facts in texts: exactly, nearly, and by a telling part of a name.

A fact is a value as it was written and its aliases (romanised, translated, in other digits). Three rules, strongest
first:

* exact: a form of the fact stands in the text, after NFKC, casefolding and with digits of any script as 0-9. Forms that
  are mostly digits (telephone numbers, papers, dates) match whatever separates their signs.
* fuzzy: the best window of the transliterated text resembles a transliterated form by at least `FUZZY` percent. Not for
  numbers: one that differs in a digit is another number.
* token: a word of a name, organisation or address resembles a word of the text by at least `TOKEN` percent, where that
  word of the text is written like a name and that word of the fact belongs to no other fact.

Facts that were never planted (controls) go through the same search: where they are found, the search was mistaken.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from anyascii import anyascii
from rapidfuzz import fuzz, process

How = Literal["exact", "fuzzy", "token"]
FUZZY, FUZZY_LETTERS = 85.0, 7  # below 7 letters no window of that likeness differs in a single one
TOKEN, TOKEN_LETTERS = 88.0, 5
NAMED = frozenset({"person", "organisation", "address"})  # kinds that the token rule is for
_INFLECTED = 5  # letters from which a form may go on in the text, as an ending does
_MOST_PAIRS = 500_000  # comparisons held at a time

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # kana and Han, which put no spaces between words
_BEFORE, _AFTER = rf"(?<![^\W{_WIDE}])", rf"(?![^\W{_WIDE}])"
_STARTS_WIDE, _ENDS_WIDE = re.compile(rf"^[{_WIDE}]"), re.compile(rf"[{_WIDE}]$")
_BETWEEN = r"[\W_]{0,3}"
_WORD = re.compile(r"[^\W_]+")


class Fact(Protocol):
    """What can be looked for: `synthetic.datasets.Planted` and `Control` are such facts."""

    @property
    def kind(self) -> str:
        """Kind of the fact, as "person" or "phone"."""

    @property
    def value(self) -> str:
        """As it was written."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """How else a text could give it away."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A fact that a text gives away.

    Attributes:
        fact, text: their places in what was searched.
        how: the strongest rule that found it.
        form: the value or alias that was found.
    """

    fact: int
    text: int
    how: How
    form: str


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a fact: as given, folded, its signs alone, transliterated, and its words."""

    fact: int
    given: str
    folded: str
    compact: str
    latin: str
    words: tuple[str, ...]
    number: bool
    window: bool


@dataclass(frozen=True, slots=True)
class _Text:
    folded: str
    compact: str
    latin: str
    names: frozenset[str]


def folded(text: str) -> str:
    """A text in the form in which it is compared: NFKC, casefolded, digits of any script as 0-9, one space for many."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # NFKC leaves the digits of Arabic, Devanagari and others as they are.
    return " ".join("".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in plain).split())


def find(text: str, facts: Sequence[Fact]) -> list[Hit]:
    """Which of the facts a text gives away, in their order."""
    return search([text], facts)


def search(
    texts: Sequence[str],
    facts: Sequence[Fact],
    *,
    pairs: Iterable[tuple[int, int]] | None = None,
    others: Sequence[Fact] = (),
) -> list[Hit]:
    """Look for facts in texts.

    Args:
        texts: n of them, in any language.
        facts: m of them.
        pairs: which (fact, text) to compare; None compares all m * n.
        others: further facts of the same kind of data. A word that they share with a fact ("Street", "Bakery", a given
            name) does not tell it apart and is no hit by itself.
    Returns:
        at most one hit a pair, by its strongest rule, ordered by fact and text.
    """
    forms = [form for i, fact in enumerate(facts) for form in _forms(i, fact)]
    telling = _telling(facts, others)
    of_fact: list[list[_Form]] = [[] for _ in facts]
    for form in forms:
        of_fact[form.fact].append(form)
    # A text shorter than a form would be looked for in the form, and found.
    length = max((len(form.latin) for form in forms), default=0)
    read = [_read(text, length) for text in texts]
    wanted = [(f, t) for f in range(len(facts)) for t in range(len(texts))] if pairs is None else sorted(set(pairs))
    found: dict[tuple[int, int], Hit] = {}
    for f, t in wanted:
        given = next((form.given for form in of_fact[f] if _stands_in(form, read[t])), None)
        if given is not None:
            found[f, t] = Hit(f, t, "exact", given)
    rest = [pair for pair in wanted if pair not in found]
    for hit in (*_fuzzy(rest, of_fact, read), *_tokens(rest, of_fact, read, facts, telling)):
        found.setdefault((hit.fact, hit.text), hit)
    return [found[pair] for pair in sorted(found)]


def _read(text: str, length: int) -> _Text:
    plain = folded(text)
    names = (word for word in _WORD.findall(unicodedata.normalize("NFKC", text)) if _like_a_name(word))
    return _Text(
        plain,
        _signs(plain),
        _latin(plain).ljust(length),
        frozenset(w for word in names if len(w := _latin(word)) >= TOKEN_LETTERS),
    )


def _like_a_name(word: str) -> bool:
    """Capitalised, or in a script without capitals."""
    return word[0].isupper() or (word[0].isalpha() and word.lower() == word.upper())


def _signs(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


@functools.lru_cache(maxsize=100_000)
def _latin(text: str) -> str:
    return " ".join(anyascii(text).casefold().split())


def _forms(place: int, fact: Fact) -> list[_Form]:
    made = []
    for given in dict.fromkeys((fact.value, *fact.aliases)):
        plain = folded(given)
        compact = _signs(plain)
        if not compact:
            continue  # nothing in it that could be found
        number = 2 * sum(c.isdecimal() for c in compact) >= len(compact)
        latin, written = _latin(plain), _WORD.findall(given)
        words = tuple(_latin(word) for word in written) if fact.kind in NAMED else ()
        words = tuple(word for word in words if len(word) >= TOKEN_LETTERS and not word.isdecimal())
        # One word of a name is the token rule's business: a window would also find it inside other words.
        window = not number and len(_signs(latin)) >= FUZZY_LETTERS and (fact.kind not in NAMED or len(written) > 1)
        made.append(_Form(place, given, plain, compact, latin, words, number, window))
    return made


def _numeric(form: _Form) -> re.Pattern[str]:
    """A number as it is given, or with other separators, that is no part of a longer one."""
    spread = _BETWEEN.join(map(re.escape, form.compact))
    return re.compile(rf"(?<![^\W_{_WIDE}])(?:{re.escape(form.folded)}|{spread})(?![0-9])")


def _worded(plain: str) -> re.Pattern[str]:
    """Words that begin where a word begins; only short ones also have to end there, for many languages add endings."""
    before = "" if _STARTS_WIDE.match(plain) or not plain[0].isalnum() else _BEFORE
    after = _AFTER if len(plain) < _INFLECTED and not _ENDS_WIDE.search(plain) else ""
    return re.compile(f"{before}{re.escape(plain)}{after}")


def _stands_in(form: _Form, text: _Text) -> bool:
    # Plain containment is much cheaper and nearly always decides.
    possible = form.compact in text.compact if form.number else form.folded in text.folded
    if not possible:
        return False
    pattern = _numeric(form) if form.number else _worded(form.folded)
    return pattern.search(text.folded) is not None


def _fuzzy(pairs: Sequence[tuple[int, int]], of_fact: list[list[_Form]], read: list[_Text]) -> list[Hit]:
    usable = [[form for form in forms if form.window] for forms in of_fact]
    compared = [(form, t) for f, t in pairs for form in usable[f]]
    hits = []
    for start in range(0, len(compared), _MOST_PAIRS):
        part = compared[start : start + _MOST_PAIRS]
        alike = process.cpdist(
            [form.latin for form, _ in part],
            [read[t].latin for _, t in part],
            scorer=fuzz.partial_ratio,
            score_cutoff=FUZZY,
        )
        hits += [Hit(part[i][0].fact, part[i][1], "fuzzy", part[i][0].given) for i in np.flatnonzero(alike >= FUZZY)]
    return hits


def _telling(facts: Sequence[Fact], others: Sequence[Fact]) -> frozenset[str]:
    """Words that belong to one fact only."""
    owners: dict[str, set[str]] = {}
    for fact in (*facts, *others):
        for form in _forms(0, fact):
            for word in form.words:
                owners.setdefault(word, set()).add(fact.value)
    return frozenset(word for word, values in owners.items() if len(values) == 1)


def _tokens(
    pairs: Sequence[tuple[int, int]],
    of_fact: list[list[_Form]],
    read: list[_Text],
    facts: Sequence[Fact],
    telling: frozenset[str],
) -> list[Hit]:
    words = {f: {w: form.given for form in of_fact[f] for w in form.words if w in telling} for f, _ in pairs}
    asked = sorted({word for own in words.values() for word in own})
    known = sorted({name for text in read for name in text.names})
    if not asked or not known:
        return []
    alike = process.cdist(asked, known, scorer=fuzz.ratio, score_cutoff=TOKEN) >= TOKEN
    like = {asked[i]: {known[j] for j in np.flatnonzero(alike[i])} for i in np.flatnonzero(alike.any(axis=1))}
    hits = []
    for f, t in pairs:
        form = next((form for word, form in words[f].items() if like.get(word, frozenset()) & read[t].names), None)
        if form is not None:
            hits.append(Hit(f, t, "token", form))
    return hits
