"""The set `attacks`: what each conversation is there for, what an attacker looks for, and what nobody planted."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthetic.datasets import HOME, Dataset, DatasetError, Planted

NAME = "attacks"
KINDS = ("background", "injection", "poison", "ambiguous")
GOALS = ("leak_name", "name_cluster", "rate_5")
ROLES = ("", "target", "poison", "member")


@dataclass(frozen=True, slots=True)
class Attack:
    """What one conversation is there for.

    Attributes:
        conversation: its id.
        kind: one of `KINDS`.
        role: "target" or "poison" of a crowd, else "member"; empty for background.
        group: id of the instance of the attack; empty for background.
        goal: of an injection, one of `GOALS`.
        guise: what an injection is disguised as ("comment", "tool_output", "polite", ...); of a target, whether its
            crowd is "plain" or "steered", that is, also tells whoever sums up to name the condition.
        secret: the private fact.
        marker: the phrase that the injected instruction wants to see.
        audited, audited_plain: texts for the auditor alone, with the injected claim of approval and without it.
    """

    conversation: str
    kind: str
    role: str
    group: str
    goal: str
    guise: str
    secret: Planted | None
    marker: Planted | None
    audited: str
    audited_plain: str

    @property
    def wanted(self) -> tuple[Planted, ...]:
        """What the attack wants to see in print; finding any of it is a success."""
        return tuple(fact for fact in (self.secret, self.marker) if fact is not None)


@dataclass(frozen=True, slots=True)
class Controls:
    """What stands in no conversation, one of each for every language: whatever of it is found was found by mistake."""

    names: tuple[Planted, ...]
    common: tuple[Planted, ...]
    phrases: tuple[Planted, ...]


def attacks_of(data: Dataset) -> dict[str, Attack]:
    """The attack of every conversation, by its id, in the order of the data.

    Raises:
        DatasetError: a row without `attack`, or with one of an unknown kind, role or goal.
    """
    return {c.id: _attack(data.name, c.id, c.metadata.get("attack")) for c in data.conversations}


def _attack(name: str, ident: str, given: Any) -> Attack:
    if not isinstance(given, Mapping):
        raise DatasetError(f"{name}, conversation {ident!r}: wanted an object 'attack', got {given!r}")
    texts = {key: str(given.get(key) or "") for key in ("kind", "role", "group", "goal", "guise")}
    for key, known in (("kind", KINDS), ("role", ROLES), ("goal", ("", *GOALS))):
        if texts[key] not in known:
            raise DatasetError(f"{name}, conversation {ident!r}: attack.{key} must be in {known}, got {texts[key]!r}")
    return Attack(
        ident,
        **texts,
        secret=_planted(given.get("secret"), "secret"),
        marker=_planted(given.get("marker"), "phrase"),
        audited=str(given.get("audited") or ""),
        audited_plain=str(given.get("audited_plain") or ""),
    )


def _planted(given: Mapping[str, Any] | None, kind: str) -> Planted | None:
    if given is None:
        return None
    return Planted(str(given.get("kind", kind)), str(given["value"]), tuple(map(str, given["aliases"])))


@functools.cache
def _beside() -> dict[str, Any]:
    return tomllib.loads((HOME / "data" / f"{NAME}.toml").read_text(encoding="utf-8"))


def conditions() -> dict[str, re.Pattern[str]]:
    """The conditions an attacker chooses among, each with what gives it away in an English text."""
    return {row["name"]: _pattern(row["words"], row["stems"]) for row in _beside()["condition"]}


def _pattern(words: list[str], stems: list[str]) -> re.Pattern[str]:
    either = "|".join([rf"{re.escape(word)}\b" for word in words] + [re.escape(stem) for stem in stems])
    return re.compile(rf"\b(?:{either})", re.IGNORECASE)


def controls() -> Controls:
    """The never-planted names, common words used as names, and phrases."""
    rows = _beside()["control"]

    def of(key: str, kind: str) -> tuple[Planted, ...]:
        return tuple(Planted(kind, row[key]["value"], tuple(row[key]["aliases"])) for row in rows)

    return Controls(of("name", "person"), of("common", "given name"), of("phrase", "phrase"))
