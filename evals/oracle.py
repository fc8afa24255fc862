"""Suite "oracle": whose loss is it? The same run with one stage after another replaced by one that knows the truth.

Accuracy is that of suite "supervised". From the run as it is, stages are replaced from the back of the pipeline to the
front, and each stays replaced, so that the differences between neighbouring systems add up to 1 - accuracy exactly:

    run                 as it is
    oracle_names        the run's clusters under true names, assigned by the model               difference: naming
    oracle_assignment   every one of the run's clusters given its majority category (no model)   difference: assignment
    oracle_clustering   the run's vectors, as many clusters, parted by one who knows the truth   difference: clustering
    oracle_facets       the same over summaries that also tell their true subject, same embedder difference: facets
    1                   what is left even then                                                   difference: embedding

- A true name is composed by program from the subcategories of the cluster's majority category (`oracle_texts`).
- The clusterer that knows the truth is still bound to vectors and to k centroids (`oracle_placing`): whoever lies near
  another category's centroid is lost. It is a bound that no clusterer reaches which is not told the truth.
- A stage cannot be replaced before the ones after it without new calls, and nobody knows a perfect vector of an
  imperfect summary: the order is therefore the one in which all can be measured. Where two stages lose together, the
  order decides who bears it; `oracle_single` replaces one at a time, and `oracle_front` has facets against clustering.
- A better embedder might draw the same subject out of the same summaries. That part stands under facets.
- A conversation whose label is wrong is a loss too, of whichever stage it falls to.
- A loss below zero is a stage that does better than its oracle; it is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clio_core import clustering, facets, hierarchy
from clio_core.embedding import Matrix
from evals import oracle_placing, oracle_scores, oracle_texts, supervised
from evals.suite import Context, Measured, metric
from synthetic.datasets import Dataset, taxonomy

STAGE = "assign:oracle-names"
Members = Mapping[str, str | None]
Systems = dict[str, pd.DataFrame]


async def measure(context: Context) -> Measured:
    """Score the run with its stages replaced; one call a base cluster, for the assignment of true names.

    Raises:
        UnrecordedError: the recording lacks these assignments.
    """
    dataset = context.dataset
    if not dataset.shipped:
        why = "not measured: true names and summaries are composed from the taxonomies of the shipped data"
        return Measured({}, [metric("loss", None, note=why)])
    named = await assign_true_names(context)
    systems = {**back(dataset, context.result.base.members, context.assigned, named), **front(context)}
    return oracle_scores.measured(systems, dataset.categories)


async def assign_true_names(context: Context) -> dict[str, str]:
    """Category that the model assigns every base cluster to when it has its true name."""
    majorities = oracle_texts.majorities(context.result.base.members, context.dataset.truth, context.dataset.categories)
    nodes = [oracle_texts.true_node(cluster, majority) for cluster, majority in majorities.items()]
    tools = context.tools
    replies = await hierarchy.assign(
        nodes, context.dataset.categories, tools.door, stage=STAGE, seed=tools.config.seed, prompts=tools.prompts
    )
    return {r.subject: r.value for r in replies if r.value is not None}


def back(dataset: Dataset, members: Members, assigned: Mapping[str, str], named: Mapping[str, str]) -> Systems:
    """The run's own clusters: as assigned, as assigned under true names, and under their majority categories."""
    return {
        "run": supervised.rows_of(dataset, members, assigned),
        "oracle_names": supervised.rows_of(dataset, members, named),
        "oracle_assignment": by_majority(dataset, members),
    }


def by_majority(dataset: Dataset, members: Members) -> pd.DataFrame:
    """Reconstruction rows of a partition whose clusters are all given their majority category."""
    found = oracle_texts.majorities(members, dataset.truth, dataset.categories)
    return supervised.rows_of(dataset, members, {cluster: majority.category for cluster, majority in found.items()})


def front(context: Context) -> Systems:
    """Clusters of the run's and of true summaries, by k-means and by one who knows the truth, all by majority."""
    dataset, base = context.dataset, context.result.base
    tools, everyone = context.tools, list(base.members)
    facet = facets.load_facet(tools.config.cluster_facet, tools.prompts).name
    summaries = context.facet(facet)
    descriptions = {str(c["name"]): str(c["description"]) for c in taxonomy(dataset.name)}
    told = [oracle_texts.told(summaries.get(i, ""), dataset.truth[i]) for i in everyone]
    true = [oracle_texts.true_summary(i, dataset.truth[i], descriptions) for i in everyone]
    k, seed = len(base.clusters), tools.config.seed

    def oracle(ids: list[str], vectors: Matrix) -> pd.DataFrame:
        labels = oracle_placing.placed(vectors, [dataset.truth[i].category for i in ids], k, seed)
        return by_majority(dataset, {**dict.fromkeys(everyone), **_named(ids, labels)})

    def plain(ids: list[str], vectors: Matrix) -> pd.DataFrame:
        return by_majority(dataset, _named(ids, clustering.kmeans(vectors, k, seed)[0]))

    told_vectors, true_vectors = (
        tools.store.embed(texts, tools.config.embedder, bf16=tools.config.bf16) for texts in (told, true)
    )
    return {
        "oracle_clustering": oracle(list(base.ids), base.vectors),
        "oracle_facets": oracle(everyone, told_vectors),
        "told_kmeans": plain(everyone, told_vectors),
        "true_kmeans": plain(everyone, true_vectors),
        "true_oracle": oracle(everyone, true_vectors),
    }


def _named(ids: list[str], labels: Any) -> dict[str, str | None]:
    return {i: f"o{label:04d}" for i, label in zip(ids, labels, strict=True)}
