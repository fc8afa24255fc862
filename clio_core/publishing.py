"""What may be shown: thresholds (privacy layer 2), the audit's removals (layer 4), and the fate of every conversation.

Conservation: at every level each conversation is counted exactly once, as published, held back by a threshold,
removed by the audit, or failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from clio_core.records import Cluster, Outcome


class Fate(StrEnum):
    """What became of a conversation at one level."""

    PUBLISHED = "published"
    HELD_BACK = "held_back"
    REMOVED = "removed"
    FAILED = "failed"


def passes(cluster: Cluster, min_conversations: int, min_accounts: int) -> bool:
    """Whether a cluster reaches both thresholds."""
    return cluster.conversations >= min_conversations and cluster.accounts >= min_accounts


@dataclass(frozen=True, slots=True)
class Judged:
    """Clusters of all levels with the fate of each, and what follows for conversations.

    Attributes:
        fates: fate by cluster id.
        conversation_fates: by level, then by conversation id.
    """

    fates: dict[str, Fate]
    conversation_fates: tuple[dict[str, Fate], ...]

    def counts(self) -> list[dict[str, Any]]:
        """Rows of level, fate and number of conversations; the numbers of a level add up to the sample."""
        rows = []
        for level, by_conversation in enumerate(self.conversation_fates):
            counted = Counter(by_conversation.values())
            rows += [{"level": level, "fate": fate.value, "conversations": counted[fate]} for fate in Fate]
        return rows


def _own_fate(cluster: Cluster, min_conversations: int, min_accounts: int, audit_below: int) -> Fate:
    if not passes(cluster, min_conversations, min_accounts):
        return Fate.HELD_BACK
    # A cluster without a name or without a readable rating was never cleared, so it cannot be shown.
    if (cluster.level == 0 and cluster.naming is not Outcome.OK) or cluster.rating is None:
        return Fate.FAILED
    return Fate.REMOVED if cluster.rating < audit_below else Fate.PUBLISHED


def judge(
    levels: Sequence[Sequence[Cluster]],
    membership: Mapping[str, str | None],
    *,
    min_conversations: int,
    min_accounts: int,
    audit_below: int,
    accounts: Mapping[str, str],
) -> Judged:
    """Decide what is published.

    A parent counts only the conversations of children that are published; when those no longer reach the thresholds
    it is held back, and when none is left it goes the way of its children.

    Args:
        levels: clusters by level, base first; ratings filled in where they were audited.
        membership: base cluster id of every conversation of the sample, None where extraction failed.
        min_conversations: threshold.
        min_accounts: threshold.
        audit_below: ratings under this are removed.
        accounts: account of every conversation.
    """
    fates: dict[str, Fate] = {}
    place: dict[str, str | None] = dict(membership)
    before: dict[str, Fate] = {}
    by_level: list[dict[str, Fate]] = []
    for level, clusters in enumerate(levels):
        known = {c.id: c for c in clusters}
        shown: dict[str, list[str]] = {}
        for conversation, cluster in place.items():
            if cluster in known and (level == 0 or before[conversation] is Fate.PUBLISHED):
                shown.setdefault(cluster, []).append(conversation)
        for cluster_id, cluster_record in known.items():
            members = shown.get(cluster_id, [])
            now = _recounted(cluster_record, members, accounts)
            fates[cluster_id] = _own_fate(now, min_conversations, min_accounts, audit_below)
        now_fates: dict[str, Fate] = {}
        for conversation, cluster in place.items():
            earlier = before.get(conversation, Fate.PUBLISHED)
            if earlier is not Fate.PUBLISHED:  # what was not shown below is not shown above either
                now_fates[conversation] = earlier
            else:
                now_fates[conversation] = fates[cluster] if cluster in known else Fate.FAILED
        by_level.append(now_fates)
        before = now_fates
        place = {c: known[p].parent if p in known else None for c, p in place.items()}
    return Judged(fates, tuple(by_level))


def _recounted(cluster: Cluster, members: Sequence[str], accounts: Mapping[str, str]) -> Cluster:
    return replace(cluster, conversations=len(members), accounts=len({accounts[m] for m in members}))
