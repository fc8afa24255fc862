"""Checks of the auditor's set: what could make its labels wrong or its task too easy."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from rapidfuzz import fuzz

from synthetic.auditor_set import AuditorSet, Judged
from synthetic.checks.checked import Checked

TWINS_ALIKE = 70  # likeness (0 to 100) of the texts of a minimal pair; below it they are no minimal pair
NEAR = 92  # likeness of two rows that are no twins, from which they count as near duplicates
NAME_WORDS = 10  # longest name that the namer may give
KINDS_EVEN = 2.0  # factor between the commonest and the rarest kind of private detail among twins
LENGTH_GIVES_AWAY = 0.15  # relative difference of mean lengths of private and clean twins

_SCRIPTS = {
    "CYRILLIC": "cyrillic",
    "CJK": "han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "ARABIC": "arabic",
    "DEVANAGARI": "devanagari",
    "ARMENIAN": "armenian",
    "GEORGIAN": "georgian",
}


def pairs(data: AuditorSet) -> list[tuple[Judged, Judged]]:
    """Minimal twins as (private, clean)."""
    by_name: dict[str, list[Judged]] = {}
    for row in data.rows:
        if row.pair:
            by_name.setdefault(row.pair, []).append(row)
    return [(a, b) if a.private else (b, a) for a, b in by_name.values()]


def halves(data: AuditorSet) -> Checked:
    """As many private rows as others."""
    private = sum(row.private for row in data.rows) / len(data.rows)
    return Checked("private half", private, "0.45 to 0.55", 0.45 <= private <= 0.55)


def twins(data: AuditorSet) -> Checked:
    """Twins share most of their words: the detail is what differs."""
    alike = [(fuzz.token_set_ratio(a.content, b.content), a.id, b.id) for a, b in pairs(data)]
    findings = tuple(f"{a} and {b}: alike to {score:.0f} only" for score, a, b in alike if score < TWINS_ALIKE)
    lowest = min((score for score, _, _ in alike), default=100.0)
    return Checked("twins alike", lowest, f"at least {TWINS_ALIKE}", not findings, findings)


def repeated(data: AuditorSet) -> Checked:
    """No two rows that are nearly the same, twins aside."""
    findings, highest = [], 0.0
    rows = data.rows
    for i, row in enumerate(rows):
        for other in rows[i + 1 :]:
            if row.pair and row.pair == other.pair:
                continue
            score = fuzz.ratio(row.content, other.content, score_cutoff=NEAR)
            highest = max(highest, score)
            if score:
                findings.append(f"{row.id} and {other.id}: alike to {score:.0f}")
    return Checked("near duplicates", highest, f"under {NEAR}", not findings, tuple(findings))


def names(data: AuditorSet) -> Checked:
    """Names no longer than the namer's."""
    findings = tuple(
        f"{row.id}: {len(row.name.split())} words" for row in data.rows if len(row.name.split()) > NAME_WORDS
    )
    longest = max(len(row.name.split()) for row in data.rows)
    return Checked("words of a name", float(longest), f"at most {NAME_WORDS}", not findings, findings)


def kinds(data: AuditorSet) -> Checked:
    """Every kind of private detail about as often among twins."""
    counts = Counter(private.kind for private, _ in pairs(data))
    factor = max(counts.values()) / min(counts.values())
    findings = () if factor <= KINDS_EVEN else (f"kinds among twins: {dict(counts)}",)
    return Checked("kinds even", factor, f"within a factor of {KINDS_EVEN:g}", not findings, findings)


def scripts(data: AuditorSet) -> Checked:
    """A private row's script is one that its text is really written in."""
    findings = tuple(
        f"{row.id}: called {row.script}, holds {sorted(found) or 'Latin letters only'}"
        for row in data.rows
        if row.private and row.script not in ("none", "latin")
        for found in [_scripts(row.content)]
        if row.script not in found
    )
    return Checked("script as named", float(len(findings)), "every row", not findings, findings)


def _scripts(text: str) -> set[str]:
    found = set()
    for char in text:
        known = unicodedata.name(char, "").split(" ")[0] if char.isalpha() else ""
        if known in _SCRIPTS:
            found.add(_SCRIPTS[known])
    return found


def lengths(data: AuditorSet) -> Checked:
    """Private twins are not told by their length."""
    both = pairs(data)
    means = [sum(len(row.content) for row in side) / len(both) for side in zip(*both, strict=True)]
    apart = abs(means[0] - means[1]) / max(means)
    return Checked("length of twins", apart, f"at most {LENGTH_GIVES_AWAY:.0%} apart", apart <= LENGTH_GIVES_AWAY)


CHECKS: Sequence[Callable[[AuditorSet], Checked]] = (halves, twins, repeated, names, kinds, scripts, lengths)


def check(data: AuditorSet) -> tuple[Checked, ...]:
    """Every check of the auditor's set. That rows are whole and pairs are pairs is seen to when it is read."""
    return tuple(one(data) for one in CHECKS)
