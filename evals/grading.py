"""A grader reads what single stages made and says whether it is accurate: the prompts `grade_*` and their answers.

Paper C.1 had people do this. The grader is a model in their place; `evals.reviewing` brings people back in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clio_core import replies
from clio_core.door import Call, Door, Reply
from clio_core.prompting import bullets, load, numbered, one_line
from clio_core.transcript import Transcript

_VERDICTS = {"accurate": True, "inaccurate": False}
_NUMBERS = re.compile(r"\d+(?:\s*[,;]\s*\d+)*")
_NONE = "- (there are none)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a grader found: accurate or right, or not, and one sentence that says why."""

    accurate: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ClusterVerdict:
    """What a grader found of a base cluster.

    Attributes:
        accurate: whether its title is.
        strangers: numbers, from 1, of the shown members that clearly do not belong.
        reason: one sentence that says why.
    """

    accurate: bool
    strangers: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """A cluster as the grader sees it."""

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A cluster with the broader one that it was assigned to.

    Attributes:
        cluster, parent: the two.
        siblings: names of the other clusters under the same parent.
        others: names of the broader clusters that it was not assigned to.
    """

    cluster: Named
    parent: Named
    siblings: tuple[str, ...]
    others: tuple[str, ...]


def read_verdict(text: str) -> Verdict | None:
    """A verdict out of <answer>: accurate or inaccurate, or Yes or No."""
    said = (replies.tagged(text, "answer") or "").strip(" .!\"'").casefold()
    accurate = _VERDICTS.get(said, replies.yes_or_no(text))
    return None if accurate is None else Verdict(accurate, _reason(text))


def read_cluster_verdict(text: str) -> ClusterVerdict | None:
    """The verdict on a base cluster; <strangers> holds the word none or whole numbers from 1 on, and nothing else."""
    verdict, said = read_verdict(text), replies.tagged(text, "strangers")
    if verdict is None or said is None:
        return None
    bare = said.strip(" .").casefold()
    if bare != "none" and not _NUMBERS.fullmatch(bare):
        return None
    found = sorted({int(n) for n in re.findall(r"\d+", bare)})
    return None if 0 in found else ClusterVerdict(verdict.accurate, tuple(found), verdict.reason)


def in_range(shown: int) -> Callable[[ClusterVerdict], bool]:
    """Whether a verdict speaks only of members that were shown.

    A number beyond them says that the grader lost count, and then its other numbers mean nothing either.
    """
    return lambda verdict: max(verdict.strangers, default=0) <= shown


def _reason(text: str) -> str:
    return " ".join((replies.tagged(text, "reason") or "").split())


async def grade_summaries(
    summaries: Mapping[str, str], transcripts: Mapping[str, Transcript], door: Door, prompts: Path | None = None
) -> list[Reply[Verdict]]:
    """Whether each summary tells truly what was wanted; one reply a conversation, in the order of `summaries`."""
    prompt = load("grade_summary", prompts)
    calls = [
        Call(
            stage="grade:summary",
            role=prompt.role,
            subject=conversation,
            rendered=prompt.fill(transcript=transcripts[conversation].text, summary=one_line(summary)),
            variables={"summary": summary},
        )
        for conversation, summary in summaries.items()
    ]
    return await door.ask(calls, read_verdict, "answer")


async def grade_base_clusters(
    clusters: Sequence[Named], members: Mapping[str, Sequence[str]], door: Door, prompts: Path | None = None
) -> list[Reply[ClusterVerdict]]:
    """Whether each title is accurate and which members do not belong.

    Args:
        clusters: named base clusters.
        members: summaries shown of each, by its id.
    Returns:
        one reply a cluster, in the given order.
    """
    prompt = load("grade_base_cluster", prompts)
    calls = [
        Call(
            stage="grade:base",
            role=prompt.role,
            subject=c.id,
            rendered=prompt.fill(
                name=one_line(c.name), description=one_line(c.description), members=numbered(members[c.id])
            ),
            variables={"name": c.name, "members": tuple(members[c.id])},
            fits=in_range(len(members[c.id])),
        )
        for c in clusters
    ]
    return await door.ask(calls, read_cluster_verdict, "answer")


async def grade_assignments(placed: Sequence[Placed], door: Door, prompts: Path | None = None) -> list[Reply[Verdict]]:
    """Whether each cluster went to the right broader one; one reply a cluster, in the given order."""
    prompt = load("grade_assignment", prompts)
    calls = [
        Call(
            stage="grade:assignment",
            role=prompt.role,
            subject=p.cluster.id,
            rendered=prompt.fill(
                name=one_line(p.cluster.name),
                description=one_line(p.cluster.description),
                parent=one_line(p.parent.name),
                parent_description=one_line(p.parent.description),
                siblings=bullets(p.siblings) or _NONE,
                others=bullets(p.others) or _NONE,
            ),
            variables={"name": p.cluster.name, "parent": p.parent.name},
        )
        for p in placed
    ]
    return await door.ask(calls, read_verdict, "answer")


async def grade_parents(
    children: Mapping[Named, Sequence[Named]], door: Door, prompts: Path | None = None
) -> list[Reply[Verdict]]:
    """Whether the title of each broader cluster is accurate for its children; one reply a parent."""
    prompt = load("grade_parent", prompts)
    calls = [
        Call(
            stage="grade:parent",
            role=prompt.role,
            subject=parent.id,
            rendered=prompt.fill(
                name=one_line(parent.name),
                description=one_line(parent.description),
                children=bullets([f"{c.name}: {c.description}" if c.description else c.name for c in below]),
            ),
            variables={"name": parent.name, "children": tuple(c.name for c in below)},
        )
        for parent, below in children.items()
    ]
    return await door.ask(calls, read_verdict, "answer")
