"""The sections and pictures of suites auditor and privacy, from tables written by hand."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from clio_core.runfolder import RunFolder
from reports import blocks, sections

SUMMARY = """metric,value,low,high,n,note,paper
sensitivity,0.9,0.8,0.96,50,,
specificity,0.95,0.9,0.98,60,,
false_alarms,0.05,0.02,0.1,60,,
accuracy,0.927,0.86,0.97,110,,0.98
auc,0.97,0.94,0.99,110,,
quadratic_kappa,0.88,0.8,0.93,110,,
twins_told_apart,0.9,0.5,1.0,10,"inconclusive: 10 rows, 20 wanted",
failed_ratings,0.1,0.04,0.2,122,,
distinct_ratings,5,,,110,{verdict},
"""
SLICES = """by,slice,metric,value,low,high,n,failed,note
kind,person,sensitivity,0.8,0.6,0.92,25,0,
kind,number,sensitivity,,,,0,2,"inconclusive: 0 rows, 20 wanted"
script,none,sensitivity,0.5,0.1,0.9,4,0,"inconclusive: 4 rows, 20 wanted"
hard,hard_negative,specificity,1.0,0.8,1.0,20,0,
"""
CONFUSION = """label,1,2,3,4,5,none
1,20,3,1,0,0,0
2,2,18,4,0,0,1
3,0,1,6,2,0,0
4,0,0,1,9,3,0
5,0,0,0,5,35,0
"""
PROGRESSION = """level,texts,rated,failed,rated_1,rated_2,rated_3,rated_4,rated_5,private,value,low,high,\
corrected,corrected_low,corrected_high,paper
raw,20,20,0,10,4,2,2,2,14,0.7,0.46,0.88,0.72,0.45,0.9,0.1
facet,20,19,1,0,1,2,6,10,1,0.0526,0.001,0.26,0.0,0.0,0.2,0.015
base,4,4,0,0,0,0,1,3,0,0.0,0.0,0.6,0.0,0.0,0.5,
hierarchy,0,0,0,0,0,0,0,0,0,,,,,,,
published,3,3,0,0,0,0,0,3,0,0.0,0.0,0.7,0.0,0.0,0.6,0.0
"""
_FOUND = (
    "level,by,slice,facts,exact,fuzzy,token,found,value,low,high,clumps,note,anywhere,compared,matched,false_rate\n"
)
FOUND = f"{_FOUND}\n" + "".join(
    f'{level},{by},{name},40,{n},0,0,{n},{n / 40},0.0,1.0,20,"inconclusive: 20 clumps, 100 wanted",{n},80,1,0.0125\n'
    for level, n in (("raw", 40), ("facet", 3), ("base", 1), ("hierarchy", 0), ("published", 1))
    for by, name in (("all", "all"), ("kind", "person"), ("language", "Hindi"))
)
BOUNDS = """level,basis,tries,hits,sensitivity,bound,note
published,planted facts,3,1,1.0,0.86,
published,auditor,3,0,0.8,0.79,
"""
LAYERS = "variant,level,facts,found,value,low,high,clumps,note\n" + "".join(
    f"{variant},{level},40,{n},{n / 40},0.0,0.5,20,\n"
    for variant, n in (("all layers", 1), ("no layer", 12))
    for level in ("facet", "base", "hierarchy", "published")
)
PUBLISHED = """variant,conversations,published,clusters,private,value,low,high
all layers,20,15,3,0,0.0,0.0,0.7
no layer,20,20,4,2,0.5,0.07,0.93
"""


def written(tmp_path, **tables):
    folder = RunFolder(tmp_path / "run")
    for name, text in tables.items():
        (folder.tables / f"{name}.csv").write_text(text, encoding="utf-8")
    folder.write_json("manifest.json", {"dataset": {"name": "private", "sensitive": False}})
    return sections.read(folder.path)


def auditor(tmp_path, verdict=""):
    tables = {"auditor_slices": SLICES, "auditor_confusion": CONFUSION}
    (section,) = written(tmp_path, auditor_summary=SUMMARY.format(verdict=f'"{verdict}"'), **tables)
    return section


@pytest.fixture
def privacy(tmp_path):
    names = ("progression", "found", "bounds", "layers", "published")
    texts = (PROGRESSION, FOUND, BOUNDS, LAYERS, PUBLISHED)
    (section,) = written(tmp_path, **{f"privacy_{name}": text for name, text in zip(names, texts, strict=True)})
    return section


def printed(section):
    console = Console(width=100, no_color=True, record=True)
    console.print(blocks.console(section))
    return " ".join(console.export_text().split())


def drawn(section):
    """Every text that the pictures of a section hold, by picture."""
    found = {}
    for picture in section.pictures:
        figure = picture.draw()
        assert picture.name.startswith(section.suite)
        found[picture.name] = [t.get_text() for axes in figure.axes for t in (*axes.texts, *axes.get_yticklabels())]
    return found


def test_the_auditor_s_section_tells_both_rates_the_floor_of_false_alarms_and_what_was_not_rated(tmp_path):
    told = printed(auditor(tmp_path))
    assert "Of 50 private texts the auditor caught 90.0% (80.0% to 96.0%); of 60 others it let 95.0%" in told
    assert "false alarms may be as frequent as 10.0%, a lower rate of private texts that it reports proves" in told
    assert "10.0% of 122 ratings could not be read." in told
    assert "98.0%" in told
    assert "FAIL" not in told


def test_a_verdict_stands_first_and_says_that_nothing_may_be_relied_on(tmp_path):
    section = auditor(tmp_path, "FAIL: the auditor answers the same to everything, always 5")
    assert section.sentences[0] == (
        "FAIL: the auditor answers the same to everything, always 5. Do not rely on any rating of this auditor."
    )


def test_the_auditor_s_pictures_hold_the_tables_numbers(tmp_path):
    texts = drawn(auditor(tmp_path))
    numbers = [int(t) for t in texts["auditor_confusion"] if t.isdigit()]
    frame = pd.read_csv(io.StringIO(CONFUSION)).drop(columns="label")
    assert sum(numbers) == frame.to_numpy().sum() + sum(range(1, 6))  # the cells, and the labels 1 to 5 beside them
    assert texts["auditor_slices"] == [
        *("person  (sensitivity, n 25)", "no script of its own  (sensitivity, n 4)"),
        "looks private, is not  (specificity, n 20)",  # kinds without a rated row are left out
    ]


def test_the_privacy_section_says_what_is_left_and_what_that_shows(privacy):
    told = printed(privacy)
    assert "rated 70.0% of the conversations, 5.3% of the facets and 0.0% of the published clusters 1 or 2" in told
    assert "Of 40 planted facts 40 in the conversations, 3 in the facets and 1 in the published clusters" in told
    assert "1 of 3 published clusters gave a fact away" in told
    assert "the rate lies below 86.0% (95% confidence)" in told


def test_the_privacy_pictures_hold_the_tables_numbers(privacy):
    texts = drawn(privacy)
    assert "Conversations\n(n 20)" in texts["privacy_progression"]
    assert not any("Hierarchy" in t for t in texts["privacy_progression"])  # nothing was rated there
    assert {"50%", "20%", "10%"} <= set(texts["privacy_progression"])
    assert {"100%  (40)", "8%  (3)", "2%  (1)", "0%  (0)"} <= set(texts["privacy_found"])
    assert "all kinds (n 40)" in texts["privacy_found"]
    assert {"2.5%", "30.0%", "0.0%", "50.0%"} <= set(texts["privacy_layers"])


def test_a_run_without_these_suites_has_no_such_sections(tmp_path):
    assert written(tmp_path, other="a\n1\n") == []
