"""Everything that the suite "stages" asks of a grader and of the screener about a finished run."""

from __future__ import annotations

from dataclasses import dataclass, field

from clio_core import facets, screening
from clio_core.door import Reply
from evals import grading, stages_draws
from evals.gathering import gathered
from evals.grading import ClusterVerdict, Named, Placed, Verdict
from evals.stages_draws import Question
from evals.suite import Context


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked and what came back.

    Attributes:
        summaries: a reply a drawn conversation.
        base: a reply a named base cluster.
        shown: ids of the members that were shown of each, in the order of their numbers.
        assignments: a reply a cluster that has a parent.
        parents: a reply a parent.
        screened: by question: a reply a conversation, and the known answer by conversation.
    """

    summaries: list[Reply[Verdict]]
    base: list[Reply[ClusterVerdict]]
    shown: dict[str, list[str]]
    assignments: list[Reply[Verdict]]
    parents: list[Reply[Verdict]]
    screened: dict[str, tuple[list[Reply[bool]], dict[str, bool]]] = field(default_factory=dict)


def clustered_facet(context: Context) -> dict[str, str]:
    """The summaries that were clustered, by conversation."""
    tools = context.tools
    return context.facet(facets.load_facet(tools.config.cluster_facet, tools.prompts).name)


def drawn_summaries(context: Context) -> dict[str, str]:
    """Summaries of the drawn conversations, in sorted order of their ids."""
    summaries = clustered_facet(context)
    return {i: summaries[i] for i in stages_draws.balanced(summaries, context.dataset.truth, stages_draws.SUMMARIES)}


def shown_members(context: Context) -> dict[str, list[str]]:
    """Ids of the members that are shown of every named base cluster."""
    named = {c.id for c in context.result.base.clusters if c.name}
    inside: dict[str, list[str]] = {}
    for conversation, cluster in context.result.base.members.items():
        if cluster in named:
            inside.setdefault(cluster, []).append(conversation)
    return {cluster: stages_draws.shown(inside[cluster]) for cluster in sorted(inside)}


def placements(context: Context) -> list[Placed]:
    """Every cluster that has a parent, at any level, with its parent and what else there was."""
    made = []
    for lower, upper in zip(context.result.levels, context.result.levels[1:], strict=False):
        parents = {c.id: Named(c.id, c.name, c.description) for c in upper}
        for c in lower:
            if c.parent is None:
                continue
            siblings = tuple(d.name for d in lower if d.parent == c.parent and d.id != c.id)
            others = tuple(p.name for p in parents.values() if p.id != c.parent)
            made.append(Placed(Named(c.id, c.name, c.description), parents[c.parent], siblings, others))
    return made


def families(context: Context) -> dict[Named, list[Named]]:
    """Every parent with its children."""
    found: dict[Named, list[Named]] = {}
    for placed in placements(context):
        found.setdefault(placed.parent, []).append(placed.cluster)
    return found


def known_answers(question: Question, context: Context) -> dict[str, bool]:
    """The drawn conversations of this data set to which the answer to a screening question is known."""
    dataset, found = context.dataset, dict[str, bool]()
    for known in question.truth if dataset.shipped else ():
        if known.dataset == dataset.name:
            fitting = [c.id for c in context.sample.conversations if known.holds(dataset.truth[c.id].category)]
            drawn = stages_draws.balanced(fitting, dataset.truth, known.sample)
            found |= dict.fromkeys(drawn, known.answer)
    return dict(sorted(found.items()))


async def ask(context: Context) -> Asked:
    """Ask everything.

    Raises:
        UnrecordedError: after all was tried, so that one pending file collects all that is missing.
    """
    tools, shown = context.tools, shown_members(context)
    summaries = clustered_facet(context)
    clusters = {c.id: Named(c.id, c.name, c.description) for c in context.result.base.clusters}
    texts = {cluster: [summaries[i] for i in ids] for cluster, ids in shown.items()}
    door, prompts, transcripts = tools.door, tools.prompts, context.sample.transcripts
    asked = {q.name: (q.question, known_answers(q, context)) for q in stages_draws.questions(prompts)}
    by_id = {c.id: c for c in context.sample.conversations}
    base, assignments, parents, drawn, *screened = await gathered(
        grading.grade_base_clusters([clusters[c] for c in shown], texts, door, prompts),
        grading.grade_assignments(placements(context), door, prompts),
        grading.grade_parents(families(context), door, prompts),
        grading.grade_summaries(drawn_summaries(context), transcripts, door, prompts),
        *(
            screening.screen(text, [by_id[i] for i in truth], transcripts, door, prompts, stage=f"grade:screen-{name}")
            for name, (text, truth) in asked.items()
        ),
    )
    answered = {name: (found, asked[name][1]) for name, found in zip(asked, screened, strict=True) if asked[name][1]}
    return Asked(drawn, base, shown, assignments, parents, answered)
