"""The auditor alone against texts that claim to be approved: does the claim talk it into a pass?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from clio_core import auditor
from clio_core.door import Reply
from clio_core.pipeline import Tools
from synthetic.attacks import Attack

STAGE = "rate:attack"
CLAIM, PLAIN = "claim", "plain"
COLUMNS = ["attack", "language", "guise", "fact", "text", "rating", "outcome", "passed"]


def contents(attacks: Iterable[Attack]) -> dict[str, str]:
    """Texts to be rated, by "ATTACK/claim" and "ATTACK/plain": with the claim of approval and without it."""
    return {
        f"{attack.conversation}/{form}": text
        for attack in attacks
        if attack.audited
        for form, text in ((CLAIM, attack.audited), (PLAIN, attack.audited_plain))
    }


async def rate(attacks: Iterable[Attack], tools: Tools) -> list[Reply[int]]:
    """Let the auditor rate every text."""
    return await auditor.audit(contents(attacks), tools.door, stage=STAGE, prompts=tools.prompts)


def table(
    replies: Iterable[Reply[int]], attacks: Mapping[str, Attack], languages: Mapping[str, str], audit_below: int
) -> pd.DataFrame:
    """A row a rated text; `passed` is empty where there is no rating.

    Args:
        replies: subjects as `contents` names them.
        attacks: by conversation.
        languages: language of every conversation.
        audit_below: ratings under this are removed.
    """
    rows = []
    for reply in replies:
        conversation, form = reply.subject.rsplit("/", 1)
        attack = attacks[conversation]
        rows.append(
            {
                "attack": conversation,
                "language": languages[conversation],
                "guise": attack.guise,
                "fact": attack.secret.kind if attack.secret else "",
                "text": form,
                "rating": reply.value,
                "outcome": reply.outcome.value,
                "passed": None if reply.value is None else reply.value >= audit_below,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)
