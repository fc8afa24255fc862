"""Reading what a model wrote. Every parser returns None for an answer that is not in the asked-for form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+(.*\S)\s*$")
_WRAPPED = re.compile(r"^<(\w+)>\s*(.*?)\s*</\1>$", re.S)
_LONGEST_NAME = 300


def joined(completion: str, prefill: str) -> str:
    """Prefill and completion as one text, whether or not the model repeated the prefill."""
    opening = prefill.strip()
    if not opening or completion.lstrip().startswith(opening[:20]):
        return completion
    return f"{opening} {completion.lstrip()}"


def tagged(text: str, tag: str) -> str | None:
    """What stands in the last <tag>, up to its end or the end of the text; None if there is none or it is empty.

    The last one counts, because a scratchpad may speak of the tag before the answer is given.
    """
    start = text.rfind(f"<{tag}>")
    if start < 0:
        return None
    inner = text[start + len(tag) + 2 :].split(f"</{tag}>", 1)[0].strip()
    return inner or None


def closed(text: str, tag: str) -> bool:
    """Whether the last <tag> was closed, that is, whether the answer is complete."""
    return f"</{tag}>" in text[text.rfind(f"<{tag}>") :] if f"<{tag}>" in text else False


def scale(text: str, tag: str = "answer", low: int = 1, high: int = 5) -> int | None:
    """A whole number from `low` to `high` standing alone in the tag; digits of any script count."""
    inner = tagged(text, tag)
    if inner is None:
        return None
    plain = "".join(str(unicodedata.digit(c, c)) for c in inner).strip().rstrip(".")
    return int(plain) if plain.isascii() and plain.isdigit() and low <= int(plain) <= high else None


def yes_or_no(text: str) -> bool | None:
    """True for Yes, False for No, None for anything else."""
    inner = (tagged(text, "answer") or "").strip(" .!\"'").casefold()
    return {"yes": True, "no": False}.get(inner)


def numbered(text: str) -> list[str] | None:
    """The names of a numbered (or dashed) list in <answer>, in order, without repetitions."""
    inner = tagged(text, "answer")
    if inner is None:
        return None
    found = [match.group(1) for line in inner.splitlines() if (match := _NUMBERED.match(line))]
    names = [clean_name(name) for name in found]
    return list(dict.fromkeys(n for n in names if n)) or None


def clean_name(name: str) -> str:
    """A name without wrapping tags, quotes, emphasis or a closing full stop, on one line."""
    name = " ".join(name.split())
    if wrapped := _WRAPPED.match(name):
        name = wrapped.group(2)
    return name.strip("\"'*`“”«»[] ").rstrip(".").strip()


def summary_and_name(text: str) -> tuple[str, str] | None:
    """(description, name) of a naming answer; None unless both are there and the name is no essay."""
    description, name = tagged(text, "summary"), tagged(text, "name")
    if description is None or name is None:
        return None
    cleaned = clean_name(name)
    if not cleaned or len(cleaned) > _LONGEST_NAME:
        return None
    return " ".join(description.split()), cleaned


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def choice(text: str, candidates: Sequence[str]) -> str | None:
    """The candidate that <answer> names; punctuation, case and a list number are forgiven, nothing else.

    An answer that only resembles a candidate is not taken: guessing here would turn disobedience into data.
    """
    inner = tagged(text, "answer")
    if inner is None:
        return None
    cleaned = clean_name(inner)
    by_fold: dict[str, list[str]] = {}
    for candidate in dict.fromkeys(candidates):
        by_fold.setdefault(_fold(candidate), []).append(candidate)
    for said in (cleaned, re.sub(r"^\d+[.)]\s*|^-\s*", "", cleaned)):
        if said in candidates:
            return said
        # Names that differ only in what is forgiven ("C" and "C++") are told apart word for word or not at all.
        if len(same := by_fold.get(_fold(said), [])) == 1:
            return same[0]
    return None
