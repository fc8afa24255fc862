"""Answers without a language model, behind `local/extractive`: extracts, nearest embeddings, exemplars, rules.

What is here is meant to be plain. It is the floor under every model: its embedder and its word lists know English,
and outside English it shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from clio_core.clustering import kmeans
from clio_core.embedding import Matrix, Store

_SENTENCE = re.compile(r"(?<=[.!?。！？։।])\s*")
_CONTACT = re.compile(
    r"https?://\S+|www\.\S+|\S+@\S+\.\S+|@\w{2,}|\+?\d[\d\s()./-]{6,}\d"  # links, e-mail, handles, long numbers
)
_NAME_LIKE = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_HONORIFIC = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof)\.? [A-Z]")
_GROUP = re.compile(r"\b(?:School|University|College|Inc|Ltd|GmbH|LLC|Church|Hospital|Academy|Street|Avenue|Road)\b")
_WORRYING = {
    5: ("bomb", "kill him", "kill her", "kill them", "shoot up", "child porn", "nerve agent", "massacre"),
    4: ("suicide", "kill myself", "self-harm", "poison", "explosive", "stalk", "blackmail", "meth"),
    3: ("weapon", "hack", "steal", "fraud", "forge", "drugs", "extremist", "racist", "launder"),
    2: ("lie to", "cheat", "spy", "revenge", "conspiracy", "overdose", "violent"),
}
_STORE = Store()
_LONGEST = 240
_CANDIDATES = 16  # user sentences that are looked at
_WORD = re.compile(r"[^\W\d_]{4,}")
_FRAME = frozenset({"user", "wanted", "assistant", "task", "hello", "please", "thanks", "omitted"})
_SHARED_BY, _WORDS = 3, 6


def answer(prompt: str, variables: Mapping[str, Any], embedder: str) -> str:
    """Answer a call as its prompt asks, in its form.

    Raises:
        ValueError: a prompt that is none of ours.
    """
    known = {
        "screen": _screen,
        "extract_open": _extract,
        "extract_closed": _extract,
        "name_cluster": _name,
        "rename_cluster": _rename,
        "propose_clusters": _propose,
        "dedupe_clusters": _dedupe,
        "assign_cluster": _assign,
        "audit": _audit,
    }
    if prompt not in known:
        raise ValueError(f"local/extractive knows the prompts {sorted(known)}, got {prompt!r}")
    return known[prompt](variables, embedder)


def _vectors(texts: Sequence[str], embedder: str) -> Matrix:
    return _STORE.embed(texts, embedder)


def _first_words(texts: Sequence[str]) -> str:
    """The first user sentence that says something, without contact details, cut at a word."""
    sentences = [s.strip() for text in texts for s in _SENTENCE.split(text) if s.strip()]
    chosen = next((s for s in sentences[:_CANDIDATES] if len(s) > 25), sentences[0] if sentences else "")
    plain = _CONTACT.sub("(omitted)", " ".join(chosen.split()))
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST].rsplit(" ", 1)[0]


def _extract(variables: Mapping[str, Any], _: str) -> str:
    texts = [str(t) for t in variables["user"]]
    kind = variables["kind"]
    if kind == "language":
        return f"{_language_of(' '.join(texts))}</answer>"
    if kind == "scale":
        return f"{concern(' '.join(texts))}</answer>"
    if kind == "choice":
        found = [o for o in variables["options"] if o.casefold() in " ".join(texts).casefold()]
        return f"{(found or variables['options'])[0]}</answer>"
    return f"{_first_words(texts)}</answer>"


def concern(text: str) -> int:
    """A degree of concern from 1 to 5 by English words alone."""
    lowered = text.casefold()
    return max((n for n, words in _WORRYING.items() if any(w in lowered for w in words)), default=1)


def _language_of(text: str) -> str:
    import langcodes
    import py3langid

    return langcodes.Language.get(py3langid.classify(text)[0]).language_name("en")


def _screen(variables: Mapping[str, Any], _: str) -> str:
    asked = set(re.findall(r"\w{5,}", str(variables["question"]).casefold()))
    said = set(re.findall(r"\w{5,}", " ".join(variables["user"]).casefold()))
    return f"{'Yes' if asked & said else 'No'}</answer>"


def _exemplars(texts: Sequence[str], embedder: str, count: int) -> list[str]:
    """The texts nearest to the middle of all, nearest first, each once."""
    vectors = _vectors(texts, embedder)
    order = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")
    return list(dict.fromkeys(texts[i] for i in order))[:count]


def _shared_words(texts: Sequence[str], against: Sequence[str] = ()) -> list[str]:
    """Words that at least three of the texts share, most telling first.

    A name must not quote a record: with a model in front, the summaries hold no private particulars; here they are
    the users' own words. What only one or two people wrote therefore never becomes part of a name.
    """
    inside, outside = _counts(texts), _counts(against)
    weights = {w: n / len(texts) - outside[w] / max(1, len(against)) for w, n in inside.items() if n >= _SHARED_BY}
    return sorted((w for w, v in weights.items() if v > 0), key=lambda w: (-weights[w], w))[:_WORDS]


def _counts(texts: Sequence[str]) -> Counter[str]:
    """How many of the texts hold each word of four letters and more, common English words left out."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update({w for w in _WORD.findall(text.casefold()) if w not in ENGLISH_STOP_WORDS and w not in _FRAME})
    return found


def _titled(text: str) -> str:
    """At most ten words of a statement, as a name."""
    bare = re.sub(r"^The user wanted the assistant to ", "", text)
    return " ".join(bare.split()[:10]).rstrip(".,;:")


def _name(variables: Mapping[str, Any], embedder: str) -> str:
    """By exemplar where records may be quoted, else by shared words alone."""
    if variables["quote"]:
        best = _exemplars(list(variables["members"]), embedder, 2)
        return f"{' '.join(best)}</summary>\n<name>{_titled(best[0])}</name>"
    words = _shared_words(list(variables["members"]), list(variables["contrast"]))
    if not words:
        return "These statements shared no words that could name them.</summary>\n<name>Various requests</name>"
    return f"These statements shared the words {', '.join(words)}.</summary>\n<name>About {', '.join(words)}</name>"


def _rename(variables: Mapping[str, Any], embedder: str) -> str:
    names = [name for name, _ in variables["children"]]
    best = _exemplars(names, embedder, 2)
    return f"{'. '.join(best)}.</summary>\n<name>{best[0]}</name>"


def _numbered(names: Sequence[str]) -> str:
    listed = "\n".join(f"{i}. {name}" for i, name in enumerate(names, 1))
    return f"By distance of embeddings.</scratchpad>\n<answer>\n{listed}\n</answer>"


def _central(names: Sequence[str], embedder: str, wanted: int) -> list[str]:
    """One name for each of `wanted` groups of names: the one nearest to the middle of its group."""
    vectors = _vectors(names, embedder)
    labels, centroids = kmeans(vectors, max(1, min(wanted, len(names))), seed=0)
    chosen = []
    for group, centroid in enumerate(centroids):
        inside = np.flatnonzero(labels == group)
        chosen.append(names[int(inside[np.argmax(vectors[inside] @ centroid)])])
    return list(dict.fromkeys(chosen))


def _propose(variables: Mapping[str, Any], embedder: str) -> str:
    names = list(dict.fromkeys(str(c).split(": ", 1)[0] for c in variables["clusters"]))
    return _numbered(_central(names, embedder, int(variables["desired"])))


def _dedupe(variables: Mapping[str, Any], embedder: str) -> str:
    return _numbered(_central(list(variables["names"]), embedder, int(variables["desired"])))


def _assign(variables: Mapping[str, Any], embedder: str) -> str:
    candidates = list(variables["candidates"])
    vectors = _vectors([f"{variables['name']}: {variables['description']}", *candidates], embedder)
    best = candidates[int(np.argmax(vectors[1:] @ vectors[0]))]
    return f"By distance of embeddings.</scratchpad>\n<answer>\n{best}\n</answer>"


def _audit(variables: Mapping[str, Any], _: str) -> str:
    """A rule: contact details or titles with a name are 1, organisations 2, capitalised runs inside a sentence 2."""
    text = str(variables["content"])
    if _CONTACT.search(text) or _HONORIFIC.search(text):
        return "Contact details or a titled name.</justification>\n<rating>1</rating>"
    if _GROUP.search(text) or any(" " in m.group() for m in _NAME_LIKE.finditer(text)):
        return "What looks like a name.</justification>\n<rating>2</rating>"
    if _NAME_LIKE.search(text):
        return "A capitalised word inside a sentence.</justification>\n<rating>3</rating>"
    return "No rule applies.</justification>\n<rating>5</rating>"
