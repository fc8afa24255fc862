"""Does somebody who does not know a conversation's category find the same one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from synthetic.checks.checked import Checked, rows
from synthetic.checks.limits import LABELS_AGREE, LABELS_AGREE_EACH, LABELS_UNANSWERED
from synthetic.datasets import Dataset

NAME = "blind labels"
LIMIT = f"at least {LABELS_AGREE:.0%}, {LABELS_AGREE_EACH:.0%} a category"

Overlaps = Mapping[str, Sequence[str]]


def agrees(label: str, found: str, overlaps: Overlaps) -> bool:
    """Whether a reader's category is the label, or one of those that the taxonomy lets a careful reader choose too."""
    return found == label or found in overlaps.get(label, ())


def labels(data: Dataset, found: Mapping[str, str | None], overlaps: Overlaps) -> Checked:
    """Agreement of blind relabelling with the labels, documented overlaps allowed.

    Args:
        data: the data set.
        found: category that the reader chose, by conversation id; None where there is no usable answer. A conversation
            without an answer agrees with nothing and contradicts nothing: it is counted apart.
        overlaps: other categories that are allowed for a label.
    """
    findings, asked, agreed = [], Counter[str](), Counter[str]()
    for conversation, truth in rows(data):
        answer = found.get(conversation.id)
        if answer is None:
            findings.append(f"{conversation.id}: no usable answer")
            continue
        asked[truth.category] += 1
        if agrees(truth.category, answer, overlaps):
            agreed[truth.category] += 1
        else:
            findings.append(f"{conversation.id}: called {truth.category!r}, read as {answer!r}")
    low = [
        f"{category}: {agreed[category]} of {asked[category]} agree"
        for category in data.categories
        if asked[category] and agreed[category] / asked[category] < LABELS_AGREE_EACH
    ]
    answered = asked.total()
    share = agreed.total() / answered if answered else 0.0
    silent = (len(data.conversations) - answered) / len(data.conversations)
    if silent > LABELS_UNANSWERED:
        low.insert(0, f"{silent:.0%} of the conversations have no usable answer, at most {LABELS_UNANSWERED:.0%} may")
    passed = share >= LABELS_AGREE and not low
    return Checked(NAME, share, LIMIT, passed, (*low, *findings))
