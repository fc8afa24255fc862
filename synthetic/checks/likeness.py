"""Conversations that are too much like another one: copies, translations, the same beginning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synthetic.checks.checked import UNSPACED, WORD, Checked, by_language, first, not_run, rows
from synthetic.checks.limits import NEAR_DUPLICATE, REPEATED_OPENINGS, TWIN, TWINS
from synthetic.datasets import Dataset

TWINS_NAME, TWINS_LIMIT = "twins across languages", f"at most {TWINS:.0%}"


def duplicates(data: Dataset) -> Checked:
    """No two conversations of one language that are the same or nearly so."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    findings, highest = [], 0.0
    for language, group in by_language(data).items():
        if len(group) < 2:
            continue
        texts = [" ".join(m.content for m in c.messages).casefold() for c in group]
        grams = TfidfVectorizer(analyzer="char", ngram_range=(5, 5), sublinear_tf=True).fit_transform(texts)
        near = (grams @ grams.T).toarray()
        np.fill_diagonal(near, 0.0)
        highest = max(highest, float(near.max()))
        for a, b in zip(*np.nonzero(np.triu(near) >= NEAR_DUPLICATE), strict=True):
            findings.append(f"{group[a].id} and {group[b].id} ({language}): alike to {near[a, b]:.2f}")
    return Checked("duplicates", highest, f"under {NEAR_DUPLICATE}", not findings, tuple(findings))


def twins(
    data: Dataset, summaries: Mapping[str, str], embed: Callable[[Sequence[str]], npt.NDArray[np.float32]]
) -> Checked:
    """Few conversations that are another one in translation, by the embeddings of their English summaries.

    Args:
        data: the data set.
        summaries: English summary by conversation id.
        embed: gives unit vectors of texts.
    """
    ids = [c.id for c in data.conversations if c.id in summaries]
    if not ids:
        return not_run(TWINS_NAME, TWINS_LIMIT, "no conversation has a summary")
    vectors = embed([summaries[i] for i in ids])
    near = vectors @ vectors.T
    spoken = np.array([data.truth[i].language for i in ids])
    near[spoken[:, None] == spoken[None, :]] = 0.0
    pairs = list(zip(*np.nonzero(np.triu(near) >= TWIN), strict=True))
    share = len({i for pair in pairs for i in pair}) / len(ids)
    findings = tuple(f"{ids[a]} and {ids[b]}: summaries alike to {near[a, b]:.2f}" for a, b in pairs)
    return Checked(TWINS_NAME, share, TWINS_LIMIT, share <= TWINS, findings)


def openings(data: Dataset) -> Checked:
    """Conversations that begin like another one of their language: three words, or six characters without spaces.

    The words themselves are told only where the data set is not sensitive.
    """
    seen: dict[tuple[str, ...], list[str]] = {}
    for conversation, truth in rows(data):
        text = first(conversation).casefold()
        start = text[:6] if truth.language in UNSPACED else " ".join(WORD.findall(text)[:3])
        seen.setdefault((truth.language, start), []).append(conversation.id)
    repeated = {key: ids for key, ids in seen.items() if len(ids) > 1}
    share = sum(map(len, repeated.values())) / max(1, len(data.conversations))
    findings = tuple(
        f"{', '.join(ids)}: all begin " + ("alike" if data.sensitive else repr(start))
        for (_, start), ids in repeated.items()
    )
    return Checked("repeated openings", share, f"at most {REPEATED_OPENINGS:.0%}", share <= REPEATED_OPENINGS, findings)
