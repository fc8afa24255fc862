"""No number in the README is typed in by hand without somebody holding it against what was measured."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from clio_core.places import ROOT
from evals.suites import SUITES

README = (ROOT / "README.md").read_text(encoding="utf-8")
BASELINE = ROOT / "results" / "baselines" / "all"


@pytest.fixture(scope="module")
def measured():
    frame = pd.read_csv(BASELINE / "metrics.csv", dtype=str, keep_default_na=False)
    return frame.set_index(["suite", "dataset", "metric", "slice"])


def row_of(suite):
    return next(line for line in README.splitlines() if line.startswith(f"| `{suite}` |"))


def test_every_suite_has_a_row_and_no_row_is_of_a_suite_that_is_not_there():
    table = README.split("## What is measured")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(SUITES)


@pytest.mark.parametrize(
    ("place", "column", "form"),
    [
        (("unsupervised", "regular", "ami_base", "all"), "value", "{:.2f}"),
        (("unsupervised", "regular", "ami_top", "all"), "value", "{:.2f}"),
        (("multilingual", "regular", "ami_language_base", "all"), "value", "{:.2f}"),
        (("multilingual", "regular", "languages_differ_p", "all"), "value", "p = {:.2f}"),
        (("multilingual", "regular", "language_accuracy", "all"), "value", "{:.1%}"),
        (("stages", "combined", "summary_accuracy", "all"), "value", "summaries {:.1%}"),
        (("stages", "concerning", "concern_spearman", "all"), "value", "Spearman {:.2f}"),
        (("stages", "combined", "members_not_belonging", "all"), "value", "{:.0%} of members"),
        (("auditor", "auditor", "sensitivity", "all"), "value", "sensitivity {:.1%}"),
        (("auditor", "auditor", "sensitivity", "all"), "low", "({:.1%}"),
        (("auditor", "auditor", "specificity", "all"), "value", "specificity {:.0%}"),
        (("privacy", "private", "found_facet", "layers=extractor untold"), "value", "{:.0%} of facts"),
        (("cost", "regular", "dollars_100k", "all"), "value", "${:.0f} plain"),
        (("cost", "regular", "dollars_100k_batch", "all"), "value", "${:.0f} in batches"),
        (("integrity", "regular", "conservation_violations", "all"), "value", "{:.0f} violations"),
    ],
)
def test_a_number_of_the_table_is_the_one_that_was_measured(measured, place, column, form):
    number = float(measured.loc[place, column])
    written = form.format(number).replace("%", "").strip("(")
    assert written in row_of(place[0]).replace("%", ""), (written, row_of(place[0]))


def test_the_losses_of_the_oracle_are_those_that_were_measured(measured):
    for stage in ("clustering", "facets", "embedding", "naming"):
        lost = float(measured.loc[("oracle", "regular", "loss", f"stage={stage}"), "value"])
        assert f"{stage} {100 * lost:.1f}" in row_of("oracle")


def test_the_headline_is_that_of_the_committed_run():
    manifest = json.loads((BASELINE / "manifest.json").read_text(encoding="utf-8"))
    assert not manifest["commit"].endswith("+changes")
    table = pd.read_csv(BASELINE / "metrics.csv", dtype=str, keep_default_na=False)
    rows = table[(table["suite"] == "supervised") & (table["metric"] == "accuracy") & (table["slice"] == "all")]
    block = README.split("<!-- result -->")[1].split("<!-- end result -->")[0]
    for row in rows.to_dict("records"):
        assert f"{float(row['value']):.1%}  {float(row['low']):.1%} to {float(row['high']):.1%}" in block
