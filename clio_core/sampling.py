"""Which conversations a run looks at: the paper's two sampling strategies (Tamkin et al. 2024, G.1).

Both depend on the seed and on what the conversations are, not on the order in which they came. The same seed draws the
same conversations under the same numpy release; numpy keeps no promise across releases, so manifests name its version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clio_core.records import Conversation


def sample_conversations(conversations: Iterable[Conversation], n: int, seed: int) -> tuple[Conversation, ...]:
    """Draw conversations, each with the same chance: long and short ones weigh alike.

    Args:
        n: how many; all of them when there are fewer.
        seed: of a numpy Generator.
    Returns:
        whole conversations in id order.
    Raises:
        ValueError: n below 1, or two conversations with one id.
    """
    ordered = _in_id_order(conversations)
    return tuple(ordered[index] for index in _drawn(len(ordered), n, seed))


def sample_completions(conversations: Iterable[Conversation], n: int, seed: int) -> tuple[Conversation, ...]:
    """Draw assistant turns, each with the same chance, then keep the newest drawn one of each conversation.

    Long conversations weigh more than short ones. Each conversation ends with its drawn turn; where that cuts turns
    off, its time is dropped, being the time of a turn that is no longer there. Conversations without an assistant turn
    are never drawn.

    Args:
        n: how many turns to draw; all of them when there are fewer. At most n conversations come of it.
        seed: of a numpy Generator.
    Returns:
        conversations in id order, each once.
    Raises:
        ValueError: n below 1, or two conversations with one id.
    """
    ordered = _in_id_order(conversations)
    turns = [
        (place, index)
        for place, conversation in enumerate(ordered)
        for index, message in enumerate(conversation.messages)
        if message.role == "assistant"
    ]
    # Draws come in rising order, so a later turn of a conversation replaces an earlier one.
    newest = dict(turns[index] for index in _drawn(len(turns), n, seed))
    return tuple(_until(ordered[place], index) for place, index in newest.items())


def _until(conversation: Conversation, last: int) -> Conversation:
    if last == len(conversation.messages) - 1:
        return conversation
    return replace(conversation, messages=conversation.messages[: last + 1], time=None)


def _drawn(total: int, n: int, seed: int) -> NDArray[np.int64]:
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if n >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, size=n, replace=False))


def _in_id_order(conversations: Iterable[Conversation]) -> list[Conversation]:
    ordered = sorted(conversations, key=lambda conversation: conversation.id)
    for one, two in pairwise(ordered):
        if one.id == two.id:
            raise ValueError(f"ids must be unique, got {one.id!r} twice")
    return ordered
