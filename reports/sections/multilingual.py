"""The section of suite "multilingual"."""

from __future__ import annotations

from reports.blocks import Column, Picture, Section, Table, written
from reports.partition_figures import mixture, separation
from reports.sections import Run


def section(run: Run) -> Section | None:
    """Languages by themselves, and whether clusters are languages."""
    languages = run.table("multilingual_languages", ("language",))
    apart = run.table("multilingual_separation", ("level",))
    clusters = run.table("multilingual_clusters", ("cluster",))
    if languages is None or apart is None or clusters is None:
        return None
    numbers = run.metrics("multilingual").query("slice == 'all'").set_index("metric")
    base = apart.iloc[0].to_dict()
    test = numbers.loc["languages_differ_p"]
    differ = (
        f"A test of whether accuracy depends on the language at all gives p = {test['value']:.2f}."
        if test["value"] == test["value"]
        else f"Whether accuracy depends on the language cannot be tested here ({test['note']})."
    )
    doubt = f" ({test['note']})" if test["value"] == test["value"] and test["note"] else ""
    sentences = (
        f"The language of {written(numbers.loc['language_accuracy', 'value'], 'percent')} of conversations was named rightly. "
        + differ.removesuffix(".")
        + f"{doubt}.",
        f"Base clusters share {base['ami_category']:.2f} of adjusted mutual information with the subjects and "
        f"{base['ami_language']:.2f} with the languages. Clusters that were languages would bring the second near 1; "
        "where a design spreads every subject evenly over languages, even clusters by pure subject bring it below 0.",
    )
    blocks = (
        Picture(
            "multilingual_separation",
            "Subjects or languages?",
            "How much the clusters tell about the subject and how much about the language. The grey bars should be near 0.",
            "Bars of adjusted mutual information of clusters with categories and with languages, base and top level.",
            lambda: separation(apart),
        ),
        Table(
            "Languages, supervised and unsupervised",
            languages,
            (
                Column("language", "Language"),
                Column("accuracy", "Accuracy", "percent"),
                Column("language_accuracy", "Language named", "percent", ("language_low", "language_high")),
                Column("ami", "AMI", "number"),
                Column("homogeneity", "Homogeneity", "number"),
                Column("completeness", "Completeness", "number"),
                Column("b3_f1", "B-cubed F1", "number"),
                Column("n", "n", "count"),
                Column("clusters", "Base clusters", "count"),
            ),
            note="AMI and B-cubed are of base clusters against categories within the language.",
        ),
        Picture(
            "multilingual_clusters",
            "Languages in each base cluster",
            "A row is a base cluster. Many pale cells mean that a cluster draws from many languages; one dark cell means that "
            "it is one language.",
            "Heat map of base clusters against languages; the colour is the language's share of the cluster.",
            lambda: mixture(clusters.set_index("cluster").astype(int)),
        ),
    )
    return Section("multilingual", "Every language by itself", sentences, blocks)
