"""What is private at each level: by the auditor's ratings, and by facts that were planted. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clio_core.auditor import ACCEPTABLE
from evals import leaks, paper, rates
from evals.auditor_scores import SCALE, Counts
from evals.layers import CLUSTERED, Level
from evals.statistics import MIN_CLUSTERS, cluster_interval
from synthetic.datasets import Control, Dataset

HOW = ("exact", "fuzzy", "token")
_OF_LANGUAGE = ("raw", "facet")  # levels with a text a conversation, where controls meet texts of their own language


@dataclass(frozen=True, slots=True)
class Planting:
    """Facts in a fixed order, with the conversation of each, and the controls.

    Attributes:
        facts: a row a fact: item, conversation, number, kind, language, category.
        searched: the facts themselves, in the same order.
        controls: facts that were never planted.
    """

    facts: pd.DataFrame
    searched: tuple[leaks.Fact, ...]
    controls: tuple[Control, ...]


def planting(dataset: Dataset, conversations: Iterable[str], controls: Sequence[Control]) -> Planting:
    """The facts planted in these conversations of a data set."""
    rows, searched = [], []
    for conversation in conversations:
        known = dataset.truth[conversation]
        for number, fact in enumerate(dataset.planted.get(conversation, ())):
            searched.append(fact)
            rows.append(
                {
                    "item": f"{conversation}:{number}",
                    "conversation": conversation,
                    "kind": fact.kind,
                    "language": known.language,
                    "category": known.category,
                }
            )
    columns = ["item", "conversation", "kind", "language", "category"]
    return Planting(pd.DataFrame(rows, columns=columns), tuple(searched), tuple(controls))


def progression(levels: Sequence[Level], auditor: Counts | None) -> pd.DataFrame:
    """How the ratings move from level to level (Figure 5).

    Args:
        levels: with their ratings.
        auditor: what is known of the auditor's error; None where it was not measured.
    Returns:
        a row a level: level, texts, rated, failed, rated_1 to rated_5, private (rated 1 or 2), value, low, high (its
        share of what was rated, exact interval), corrected, corrected_low, corrected_high (Rogan and Gladen), paper.
    """
    rows = []
    for level in levels:
        given = [rating for rating in level.ratings.values() if rating is not None]
        private = sum(rating < ACCEPTABLE for rating in given)
        low, high = rates.exact_interval(private, len(given)) if given else (None, None)
        rows.append(
            {
                "level": level.name,
                "texts": len(level.texts),
                "rated": len(given),
                "failed": len(level.texts) - len(given),
                **{f"rated_{n}": given.count(n) for n in SCALE},
                "private": private,
                "value": private / len(given) if given else None,
                "low": low,
                "high": high,
                **_corrected(private, len(given), auditor),
                "paper": paper.private_share(level.name),
            }
        )
    return pd.DataFrame(rows)


def _corrected(private: int, rated: int, auditor: Counts | None) -> dict[str, float | None]:
    """The share behind the auditor's, as far as its own error allows to tell."""
    names = ("corrected", "corrected_low", "corrected_high")
    if auditor is None or not rated or not auditor.caught[1] or not auditor.cleared[1]:
        return dict.fromkeys(names)
    low, high = rates.rogan_gladen_interval((private, rated), auditor.caught, auditor.cleared)
    sensitivity, specificity = (hits / tries for hits, tries in (auditor.caught, auditor.cleared))
    useful = sensitivity + specificity > 1
    value = rates.rogan_gladen(private / rated, sensitivity, specificity) if useful else None
    return dict(zip(names, (value, low, high), strict=True))


def found_facts(level: Level, planted: Planting) -> pd.DataFrame:
    """The facts with what the texts of a level give away of them.

    Returns:
        the rows of `planted.facts` with own (how a text that stands for the fact's own conversation gives it away: one
        of `HOW`, "" for not at all), texts (ids of all such texts), and anywhere (as own, for any text of the level).
    """
    ids = list(level.texts)
    place = {ident: i for i, ident in enumerate(ids)}
    homes = [{place[i] for i in level.homes.get(c, ())} for c in planted.facts["conversation"]]
    every = level.name in CLUSTERED
    pairs = [(f, t) for f, own in enumerate(homes) for t in (range(len(ids)) if every else sorted(own))]
    texts = [level.texts[i] for i in ids]
    hits = leaks.search(texts, planted.searched, pairs=pairs, others=planted.controls)
    of_fact: list[list[leaks.Hit]] = [[] for _ in homes]
    for hit in hits:
        of_fact[hit.fact].append(hit)
    at_home = [[hit for hit in found if hit.text in home] for found, home in zip(of_fact, homes, strict=True)]
    giving = pd.Series([tuple(ids[hit.text] for hit in found) for found in at_home], dtype=object)
    return planted.facts.assign(
        own=[_strongest(found) for found in at_home],
        texts=giving,
        anywhere=[_strongest(found) for found in of_fact],
    )


def _strongest(hits: Sequence[leaks.Hit]) -> str:
    return min((hit.how for hit in hits), key=HOW.index, default="")


def false_matches(level: Level, planted: Planting, languages: Mapping[str, str]) -> pd.DataFrame:
    """How often a fact that was planted nowhere is found all the same.

    Args:
        level: its texts.
        planted: its controls are looked for.
        languages: language of each conversation; at levels with a text a conversation controls meet those of their own.
    Returns:
        a row a control: kind, language, compared (texts), matched (texts).
    """
    ids = list(level.texts)
    compared = [
        [t for t, i in enumerate(ids) if level.name not in _OF_LANGUAGE or languages[i] == control.language]
        for control in planted.controls
    ]
    pairs = [(f, t) for f, texts in enumerate(compared) for t in texts]
    texts = [level.texts[i] for i in ids]
    hits = leaks.search(texts, planted.controls, pairs=pairs, others=planted.searched)
    matched = np.bincount([hit.fact for hit in hits], minlength=len(compared))
    return pd.DataFrame(
        {
            "kind": [c.kind for c in planted.controls],
            "language": [c.language for c in planted.controls],
            "compared": [len(texts) for texts in compared],
            "matched": matched[: len(compared)],
        }
    )


def leak_rows(level: str, facts: pd.DataFrame, controls: pd.DataFrame, clumps: Mapping[str, str]) -> pd.DataFrame:
    """Found facts of a level over all, by kind and by language, beside the controls' false matches.

    Args:
        level: its name.
        facts: from `found_facts`.
        controls: from `false_matches`.
        clumps: what a conversation's facts stand or fall with.
    Returns:
        a row a slice: level, by, slice, facts, exact, fuzzy, token, found, value, low, high, clumps, anywhere (facts
        given away by any text), compared, matched, false_rate (matched of compared), note.
    """
    parts: list[tuple[str, str, pd.DataFrame, pd.DataFrame]] = [("all", "all", facts, controls)]
    for by in ("kind", "language"):
        parts += [(by, str(name), part, controls[controls[by] == name]) for name, part in facts.groupby(by, sort=True)]
    return pd.DataFrame([_leak_row(level, *part, clumps) for part in parts])


def _leak_row(
    level: str, by: str, name: str, facts: pd.DataFrame, controls: pd.DataFrame, clumps: Mapping[str, str]
) -> dict[str, Any]:
    hit = (facts["own"] != "").to_numpy(dtype=float)
    compared, matched = int(controls["compared"].sum()), int(controls["matched"].sum())
    return {
        "level": level,
        "by": by,
        "slice": name,
        "facts": len(facts),
        **{how: int((facts["own"] == how).sum()) for how in HOW},
        "found": int(hit.sum()),
        **share_in_clumps(hit, [clumps[c] for c in facts["conversation"]]),
        "anywhere": int((facts["anywhere"] != "").sum()),
        "compared": compared,
        "matched": matched,
        "false_rate": matched / compared if compared else None,
    }


def share_in_clumps(hits: np.ndarray[Any, Any], clumps: Sequence[str]) -> dict[str, Any]:
    """A share of things that stand or fall together, with its interval: value, low, high, clumps, note."""
    count = len(set(clumps))
    note = f"inconclusive: {count} clumps, {MIN_CLUSTERS} wanted" if count < MIN_CLUSTERS else ""
    if count < 2:
        value = float(hits.mean()) if len(hits) else None
        return {"value": value, "low": None, "high": None, "clumps": count, "note": note}
    # Rarity is the point here, so few clumps with a hit are no reason to doubt; few clumps are.
    found = cluster_interval(hits, clumps)
    return {"value": found.value, "low": found.low, "high": found.high, "clumps": count, "note": note}


def bounds(levels: Sequence[Level], facts: Mapping[str, pd.DataFrame], auditor: Counts | None) -> pd.DataFrame:
    """What so few hits really show: the largest rate of private texts that they are still compatible with.

    Args:
        levels: with their ratings.
        facts: `found_facts` by level.
        auditor: its lower sensitivity divides what rests on its word; None where it was not measured.
    Returns:
        a row a level and basis: level, basis ("planted facts" or "auditor"), tries (texts), hits, sensitivity (what the
        bound was divided by), bound (exact, one-sided 95%), note.
    """
    rows = []
    for level in levels:
        told = facts[level.name]
        holding = {i for c in told["conversation"] for i in level.homes.get(c, ())}
        leaking = {i for ids in told["texts"] for i in ids}
        rows.append(_bound(level.name, "planted facts", len(leaking), len(holding), 1.0))
        given = [rating for rating in level.ratings.values() if rating is not None]
        flagged = sum(rating < ACCEPTABLE for rating in given)
        least = rates.exact_interval(*auditor.caught)[0] if auditor is not None and auditor.caught[1] else None
        rows.append(_bound(level.name, "auditor", flagged, len(given), least))
    return pd.DataFrame(rows)


def _bound(level: str, basis: str, hits: int, tries: int, sensitivity: float | None) -> dict[str, Any]:
    row = {"level": level, "basis": basis, "tries": tries, "hits": hits, "sensitivity": sensitivity}
    if not tries:
        return {**row, "bound": None, "note": "there are no texts"}
    bound = rates.upper_bound(hits, tries)
    if sensitivity is None:
        return {**row, "bound": bound, "note": "the auditor's own error was not measured"}
    return {**row, "bound": min(1.0, bound / sensitivity) if sensitivity else 1.0, "note": ""}
