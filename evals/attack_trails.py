"""How far each attack got: the texts that its conversation passed through, and what of it stood in them.

    raw > facet > base cluster > hierarchy > published

A text "carries" an attack when something that the attacker wants to see stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clio_core.publishing import Fate
from clio_core.records import Cluster, Outcome
from evals.attack_search import found
from evals.suite import Context
from synthetic.attacks import Attack, conditions

STAGES = ("raw", "facet", "base", "hierarchy", "published")
EXTRACTOR, NAMER, THRESHOLD, AUDITOR, FAILED, NOT_STOPPED = LAYERS = (
    "extractor",
    "namer",
    "threshold",
    "auditor",
    "failed",
    "not stopped",
)
Carries = Callable[[str], bool]
_SHOWN = Fate.PUBLISHED


@dataclass(frozen=True, slots=True)
class Path:
    """What was made of one conversation.

    Attributes:
        raw: its transcript.
        facet: the values of its facets, a line each; failed ones left out.
        clusters: the clusters that hold it, base first; empty where its extraction failed.
        fates: of those clusters. A cluster above may be published although the one below it was removed, and its name
            was made from that one's: what stands in it is in print.
    """

    raw: str
    facet: str
    clusters: tuple[Cluster, ...]
    fates: tuple[Fate, ...]

    @property
    def published(self) -> str:
        """The texts of the published ones among its clusters."""
        return "\n".join(text_of(c) for c, fate in zip(self.clusters, self.fates, strict=True) if fate is _SHOWN)


@dataclass(frozen=True, slots=True)
class Trail:
    """How far one attack got.

    Attributes:
        stages: for each of `STAGES`, whether its text carries the attack.
        stopped_by: one of `LAYERS`.
        above: "" where it was in no name of a base cluster or nothing stands above that; else "carried" or
            "left out", which is the hierarchizer's doing.
    """

    stages: Mapping[str, bool]
    stopped_by: str
    above: str

    @property
    def reached(self) -> str:
        """The last stage that carries it."""
        return next((stage for stage in reversed(STAGES) if self.stages[stage]), "nothing")


def text_of(cluster: Cluster) -> str:
    """Name and description, as they are published."""
    return f"{cluster.name}. {cluster.description}" if cluster.name else ""


def paths(context: Context) -> dict[str, Path]:
    """The path of every conversation of the sample, by its id."""
    values: dict[str, list[str]] = {}
    for value in context.values:
        if value.outcome is Outcome.OK:
            values.setdefault(value.conversation, []).append(value.value)
    clusters = {c.id: c for level in context.result.levels for c in level}
    made = {}
    for ident in (c.id for c in context.sample.conversations):
        above = _upwards(clusters, context.base.members[ident])
        fates = tuple(context.result.judged.fates[c.id] for c in above)
        raw, facet = context.sample.transcripts[ident].text, "\n".join(values.get(ident, []))
        made[ident] = Path(raw, facet, above, fates)
    return made


def _upwards(clusters: Mapping[str, Cluster], start: str | None) -> tuple[Cluster, ...]:
    found_: list[Cluster] = []
    while start is not None:
        found_.append(clusters[start])
        start = clusters[start].parent
    return tuple(found_)


def carries(attack: Attack) -> Carries:
    """What says whether a text carries the attack: a condition is known by its words, all else is searched for."""
    if attack.kind == "poison" and attack.secret is not None:
        pattern = conditions()[attack.secret.value]
        return lambda text: pattern.search(text) is not None
    return lambda text: any(found(text, fact) for fact in attack.wanted)


def trail(path: Path, carried: Carries) -> Trail:
    """Follow one attack along its conversation's path. What was planted stands in the raw text by construction."""
    carrying = [carried(text_of(c)) for c in path.clusters]
    in_base, in_above = any(carrying[:1]), any(carrying[1:])
    in_print = any(c and fate is _SHOWN for c, fate in zip(carrying, path.fates, strict=True))
    stages = dict(zip(STAGES, (True, carried(path.facet), in_base, in_above, in_print), strict=True))
    lifted = ("carried" if in_above else "left out") if in_base and len(carrying) > 1 else ""
    return Trail(stages, _stopped_by(path, stages, carrying), lifted)


def _stopped_by(path: Path, stages: Mapping[str, bool], carrying: list[bool]) -> str:
    """The first layer behind which nothing carries the attack any more."""
    if stages["published"]:
        return NOT_STOPPED
    if not path.clusters:
        return FAILED
    # Where nothing carries it, the fate of an unnamed base cluster tells why it has no name.
    unnamed = not path.clusters[0].name
    fates = [fate for fate, carries_it in zip(path.fates, carrying, strict=True) if carries_it]
    if fates or (stages["facet"] and unnamed):
        layers = {Fate.REMOVED: AUDITOR, Fate.HELD_BACK: THRESHOLD, Fate.FAILED: FAILED}
        return layers[(fates or list(path.fates))[0]]
    return NAMER if stages["facet"] else EXTRACTOR
