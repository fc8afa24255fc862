"""The records that pass between stages. Frozen, with ids that derive from content and order, never random."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Role = Literal["user", "assistant", "system", "tool"]


class Outcome(StrEnum):
    """How one model call ended. Everything but `OK` is a row in the report, never an exception that loses a run."""

    OK = "ok"
    REFUSED = "refused"  # stop_reason content_filter
    TRUNCATED = "truncated"  # max_tokens reached before the answer was complete
    MALFORMED = "malformed"  # an answer came, but not in the form that was asked for
    ERROR = "error"  # the provider failed for good, after its own retries


@dataclass(frozen=True, slots=True)
class Message:
    """One turn.

    Attributes:
        role: who speaks.
        content: plain text; may be empty when the turn holds only attachments or tool calls.
        tool_calls: names and arguments, already rendered as text, of tools called in this turn.
        attachments: kinds of non-text parts ("image", "audio", "document"); their content is never kept.
    """

    role: Role
    content: str
    tool_calls: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation.

    Attributes:
        id: stable and unique within its data set.
        account: who it belongs to; counted against the unique-account threshold. Reaches no prompt and no embedding.
        time: when its last turn was written, if known.
        messages: the turns, oldest first.
        metadata: whatever else came with the row. Reaches no prompt and no embedding.
    """

    id: str
    account: str
    messages: tuple[Message, ...]
    time: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One facet of one conversation, as extracted.

    Attributes:
        conversation: id of the conversation.
        facet: name of the facet.
        value: the parsed value as text ("" when the outcome is not OK).
        outcome: how the extraction ended.
    """

    conversation: str
    facet: str
    value: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Cluster:
    """A node of the hierarchy. Level 0 is a base cluster.

    Attributes:
        id: "b0007" for base cluster 7, "h1-003" for the third cluster of level 1.
        level: 0 for base clusters, rising towards the top.
        name: imperative title of at most ten words.
        description: two sentences in the past tense.
        parent: id of the cluster one level up, if any.
        conversations: how many conversations it holds.
        accounts: how many unique accounts it holds.
        naming: how its naming ended.
        rating: the auditor's 1-5, if it was audited and the answer could be read.
    """

    id: str
    level: int
    name: str
    description: str
    conversations: int
    accounts: int
    parent: str | None = None
    naming: Outcome = Outcome.OK
    rating: int | None = None


def digest(*parts: str) -> str:
    """Content key of some texts: the first 32 hex digits of SHA-256 over the parts, each with its length."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        h.update(str(len(data)).encode() + b":" + data)
    return h.hexdigest()[:32]
