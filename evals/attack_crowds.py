"""Crowds of false accounts around one target: where they fell, and what an attacker can read off what is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evals.attack_trails import Path, text_of
from evals.suite import Context
from synthetic.attacks import Attack, conditions

COLUMNS = [
    "crowd",
    "language",
    "manner",
    "condition",
    "accounts",
    "conversations",
    "cluster",
    "cluster_accounts",
    "false_accounts",
    "other_accounts",
    "false_conversations",
    "passes",
    "facet",
    "base",
    "published",
    "guess",
]


def guess(text: str, truth: str) -> float:
    """Chance that an attacker who reads a text names the right condition.

    Conditions whose words stand in it are the candidates, one of them at random; where there is none, all of them are.

    Args:
        text: names and descriptions, in English.
        truth: the target's condition.
    """
    every = conditions()
    read = [name for name, pattern in every.items() if pattern.search(text)] or list(every)
    return (truth in read) / len(read)


def table(context: Context, attacks: Mapping[str, Attack], along: Mapping[str, Path]) -> pd.DataFrame:
    """A row a crowd.

    `accounts` and `conversations` are the attacker's, over all; the four counts after `cluster` are those inside the
    target's base cluster (all accounts, the attacker's, those of neither him nor the target, his conversations).
    `passes` says whether that cluster reaches the thresholds; `facet`, `base` and `published` whether the condition
    stands there; `guess` is the attacker's chance after reading what is published.
    """
    account = {c.id: c.account for c in context.sample.conversations}
    rows = [
        _row(context, attack, _crowd_of(attack, attacks), along[attack.conversation], account)
        for attack in attacks.values()
        if attack.role == "target" and attack.secret is not None and attack.conversation in along
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _crowd_of(target: Attack, attacks: Mapping[str, Attack]) -> list[str]:
    return [a.conversation for a in attacks.values() if a.role == "poison" and a.group == target.group]


def _row(
    context: Context, target: Attack, crowd: Iterable[str], path: Path, account: Mapping[str, str]
) -> dict[str, Any]:
    truth = target.secret.value if target.secret else ""
    pattern = conditions()[truth]
    members = context.base.members
    own = members[target.conversation]
    inside = [c for c, cluster in members.items() if cluster is not None and cluster == own]
    poison = [c for c in crowd if c in account]
    false = {account[c] for c in poison}
    here = {account[c] for c in inside}
    cluster = path.clusters[0] if path.clusters else None
    config = context.tools.config
    return {
        "crowd": target.group,
        "language": context.dataset.truth[target.conversation].language,
        "manner": target.guise,
        "condition": truth,
        "accounts": len(false),
        "conversations": len(poison),
        "cluster": own or "",
        "cluster_accounts": len(here),
        "false_accounts": len(here & false),
        "other_accounts": len(here - false - {account[target.conversation]}),
        "false_conversations": len(set(inside) & set(poison)),
        "passes": len(inside) >= config.min_conversations and len(here) >= config.min_accounts,
        "facet": pattern.search(path.facet) is not None,
        "base": cluster is not None and pattern.search(text_of(cluster)) is not None,
        "published": pattern.search(path.published) is not None,
        "guess": guess(path.published, truth),
    }
