from __future__ import annotations

import base64
import hashlib
import html
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from rich.console import Console

from clio_core.runfolder import RunFolder, RunFolderError
from reports import figures, house, page, svg, tables, verdict, words

SECRET = "Moira Quenby has her appointment on the 14th"
HOSTILE = '<script>alert("x")</script><img src=https://evil.example/x.png> $\\frac{1}{ -->'
USAGE: dict[str, Any] = {
    "stage": "facet:request",
    "model": "recorded/reference",
    "calls": 11,
    "asked": 11,
    "reused": 0,
    "asked_again": 1,
    "ok": 7,
    "refused": 2,
    "truncated": 0,
    "malformed": 1,
    "error": 0,
    "input_tokens": 1200,
    "output_tokens": 30,
    "cached_tokens": 0,
    "estimated": True,
    "seconds": 1.5,
}


def manifest(*, sensitive: object = False, namer: str = "recorded/reference") -> dict[str, Any]:
    dataset = {"name": "tiny", "hash": "abc", "conversations": 10, "layout": "clio", "notes": []}
    return {
        "dataset": {**dataset, "sensitive": sensitive, "skipped": [f"row 3: {SECRET}"]},
        "config": {
            "model": "recorded/reference",
            "cluster_facet": "request",
            "seed": 3,
            "embedder": "all-MiniLM-L6-v2",
            "min_conversations": 2,
            "min_accounts": 2,
            "audit_below": 3,
            "models": {"namer": "some/model"},
        },
        "prompts": {"audit": {"version": 2, "digest": "d1"}},
        "facets": {"request": {"version": 1, "digest": "d2"}},
        "models": {
            "extractor": {"name": "recorded/reference", "prefill": False, "temperature_sent": False},
            "namer": {"name": namer, "prefill": False, "temperature_sent": False},
            "hierarchizer": {"name": "recorded/reference", "prefill": False, "temperature_sent": False},
        },
        "temperature_requested": {"audit": 0.05},
        "versions": {"python": "3.11.7"},
        "commit": "0123456789ab",
        "began": "2026-03-01T10:00:00+00:00",
        "ended": "2026-03-01T12:30:00+02:00",
        "usage": [USAGE],
    }


def make_run(path: Path, *, name: str = "Plan trips", suite: bool = True, **said: Any) -> Path:
    """Ten conversations: six published under one top, two held back, one removed, one that failed."""
    folder = RunFolder(path)
    fates = {"b0": "published", "b1": "published", "b2": "held_back", "b3": "removed"}
    sizes = {"b0": 4, "b1": 2, "b2": 2, "b3": 1}
    base = [
        {
            "cluster": b,
            "level": 0,
            "parent": "h1-000",
            "name": name if b == "b0" else f"Cluster {SECRET if b > 'b1' else b}",
        }
        | {"description": "Two sentences.", "conversations": sizes[b], "accounts": 2, "naming": "ok", "rating": 5}
        | {"fate": fate}
        for b, fate in fates.items()
    ]
    top = {**base[0], "cluster": "h1-000", "level": 1, "parent": None, "name": "Travel", "conversations": 6}
    folder.write_table("clusters", [*base, top], list(top))
    members = [b for b, size in sizes.items() for _ in range(size)]
    ids = [f"talk-{i}" for i in range(10)]
    joined: list[tuple[str, str | None]] = [*zip(ids[:9], members, strict=True), (ids[9], None)]
    folder.write_table(
        "base_members", [{"conversation": c, "cluster": b} for c, b in joined], ["conversation", "cluster"]
    )
    values = [
        {"conversation": c, "facet": "request", "value": f"{SECRET}, summary {c}", "outcome": "ok"} for c in ids[:9]
    ]
    folder.write_table("facets", values, ["conversation", "facet", "value", "outcome"])
    spots = [
        {"conversation": c, "cluster": b, "x": math.nan if i == 8 else i % 3 + 0.5, "y": float(i)}
        for i, (c, b) in enumerate(joined[:9])
    ]
    folder.write_table("map", spots, ["conversation", "cluster", "x", "y"])
    counts = {"published": 6, "held_back": 2, "removed": 1, "failed": 1}
    rows = [{"level": level, "fate": f, "conversations": n} for level in (0, 1) for f, n in counts.items()]
    folder.write_table("fates", rows, ["level", "fate", "conversations"])
    children = [
        {"id": "b1", "name": "Cluster b1", "description": "Two sentences.", "conversations": 2},
        {"id": "b0", "name": name, "description": name, "conversations": 4},
    ]
    root = {"id": "h1-000", "name": "Travel", "description": "", "conversations": 6, "children": children}
    folder.write_json("published.json", {"counts": rows, "clusters": [root]})
    folder.write_json("manifest.json", manifest(**said))
    if suite:
        write_suite(folder.tables)
    return path


def write_suite(home: Path) -> None:
    (home / "supervised_summary.csv").write_text(
        "metric,value,low,high,n,method,note,paper\n"
        'accuracy,0.8,0.55,0.9,10,Wilson,"inconclusive: 4 clusters, 100 wanted",0.94\n'
        'macro F1,0.75,0.5,0.85,10,bootstrap,"inconclusive: 4 clusters, 100 wanted",\n'
        "random baseline,0.5,,,10,one of 2,,\n"
    )
    (home / "supervised_languages.csv").write_text(
        "language,accuracy,low,high,macro_f1,macro_f1_low,macro_f1_high,weighted_f1,samples,clusters,note,paper_accuracy\n"
        'English,1.0,0.7,1.0,1.0,,,1.0,6,3,"inconclusive: 3 clusters, 100 wanted",0.954\n'
        'NA,0.5,0.2,0.75,0.5,,,0.5,4,2,"inconclusive: 2 clusters, 100 wanted",\n'
    )
    (home / "supervised_categories.csv").write_text(
        "category,truth,reconstructed,correct,precision,recall,f1\nTravel,6,7,5,0.7,0.8,0.75\nCooking,4,3,3,1.0,0.75,0.86\n"
    )
    (home / "supervised_confusion.csv").write_text("truth,Travel,Cooking\nTravel,5,1\nCooking,2,2\n")


class Loads(HTMLParser):
    """Everything that a page would fetch, and the names of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for key, value in attrs:
            if key in ("src", "href", "xlink:href", "action", "srcset", "data") and value and value[0] != "#":
                self.found.append(value)
            if key == "id" and value:
                self.ids.append(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(text: str) -> Loads:
    loads = Loads()
    loads.feed(text)
    return loads


def bare(run: Path) -> str:
    """The page without its figures, which take most of the time."""
    return page.render(tables.read_report(run), {})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with everything on it, its figures and a hostile name too."""
    return page.write_report(make_run(tmp_path_factory.mktemp("run"), name=HOSTILE)).read_text(encoding="utf-8")


def printed(report: tables.Report) -> str:
    out = io.StringIO()
    Console(file=out, width=140).print(tables.console(report))
    return out.getvalue()


def test_a_folder_without_a_manifest_is_no_run_and_is_not_made(tmp_path: Path):
    with pytest.raises(RunFolderError, match="no manifest"):
        tables.read_report(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_run_is_read_into_plain_frames(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path))
    assert report.fates is not None
    assert report.fates.to_dict("records")[0] == {
        "level": 0,
        "label": "Base clusters",
        "published": 6,
        "held_back": 2,
        "removed": 1,
        "failed": 1,
        "total": 10,
    }
    assert report.outcomes[["outcome", "calls"]].to_numpy().tolist() == [["refused", 2], ["malformed", 1]]
    assert report.totals[["requests", "not_ok", "calls"]].to_numpy().tolist() == [[10, 3, 11]]
    assert report.published[["cluster", "parent", "root", "depth"]].to_numpy().tolist() == [
        ["h1-000", "", "h1-000", 0],
        ["b0", "h1-000", "h1-000", 1],
        ["b1", "h1-000", "h1-000", 1],
    ]
    assert sorted(report.clusters["cluster"]) == ["b0", "b1", "h1-000"]


def test_the_confusion_is_divided_by_the_sum_of_its_rows(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path))
    assert report.confusion_shares is not None
    assert report.confusion_shares.loc["Cooking"].tolist() == [0.5, 0.5]
    assert report.confusion_shares.loc["Travel"].tolist() == pytest.approx([5 / 6, 1 / 6])


def test_a_language_called_na_is_not_taken_for_a_missing_value(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path))
    assert report.languages is not None
    assert report.languages["language"].tolist() == ["English", "NA"]
    assert math.isnan(report.languages["paper_accuracy"].iloc[1])


def test_points_carry_no_ids_and_those_without_a_place_are_counted(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path))
    assert report.points is not None
    assert list(report.points.columns) == ["x", "y", "root"]
    assert report.points["root"].tolist() == ["h1-000"] * 6 + [""] * 2
    assert report.unplaced == 1


def test_numbers_are_written_with_one_decimal_and_a_dash_where_there_is_none():
    assert [words.percent(v) for v in (0.1234, 1.0, math.nan, None)] == ["12.3%", "100.0%", "–", "–"]
    assert words.interval(0.0754, 0.1857) == "7.5% to 18.6%"
    assert words.interval(math.nan, 0.5) == "–"
    assert words.count(12345) == "12,345"
    assert words.moment("2026-03-01T12:30:00+02:00") == "2026-03-01 10:30 UTC"


def test_notes_that_differ_in_a_number_only_are_told_once():
    frame = pd.DataFrame({"language": ["A", "B", "C"], "note": ["only 3 clusters; odd", "only 8 clusters", ""]})
    assert words.notes(frame, "language") == ["only 3 to 8 clusters (A 3, B 8)", "odd (A)"]


def test_the_terminal_shows_languages_with_intervals_and_each_note_once(tmp_path: Path):
    shown = printed(tables.read_report(make_run(tmp_path)))
    english = next(line for line in shown.splitlines() if "English" in line)
    assert english.split() == ["English", "100.0%", "70.0–100.0%", "100.0%", "100.0%", "6", "3", "95.4%"]
    assert "inconclusive: 2 to 3 clusters, 100 wanted" in shown
    assert shown.count("inconclusive") == 2
    assert "malformed" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_terminal_takes_names_for_text_not_for_markup_or_control(tmp_path: Path):
    run = make_run(tmp_path)
    file = run / "tables" / "supervised_languages.csv"
    file.write_text(file.read_text().replace("English", "[red]Eng\x1b[2Jlish[/red]"))
    shown = printed(tables.read_report(run))
    assert "[red]Eng\N{REPLACEMENT CHARACTER}[2Jlish[/red]" in shown


def test_the_summary_says_what_the_intervals_can_tell(tmp_path: Path):
    said = " ".join(verdict.sentences(tables.read_report(make_run(tmp_path))))
    assert "80.0% of 10 conversations were led back to their own category (95% interval 55.0% to 90.0%)." in said
    assert "A random guess would get 50.0% and lies below the interval." in said
    assert "The best of 2 languages was English (100.0%), the worst NA (50.0%); their intervals overlap" in said
    assert "Of 10 model calls, some did not end well: 2 refused and 1 malformed." in said
    assert "6 of 10 conversations are published under 1 top-level cluster." in said


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("NA,0.5,0.2,0.6,0.5,,,0.5,4,2,inconclusive: 2 clusters,", "too few clusters or errors to be conclusive"),
        ("NA,0.5,0.2,0.6,0.5,,,0.5,4,2,,", "too few clusters or errors to be conclusive"),
        ("NA,0.5,,,0.5,,,0.5,4,1,1 base cluster,", "there is no interval for NA, so this run cannot tell them apart"),
        ("NA,1.0,0.2,1.0,0.5,,,0.5,4,2,,", "All 2 languages came out at 100.0%"),
    ],
)
def test_the_summary_does_not_rank_languages_that_the_run_cannot_tell_apart(tmp_path: Path, line: str, wanted: str):
    run = make_run(tmp_path)
    file = run / "tables" / "supervised_languages.csv"
    file.write_text("\n".join([*file.read_text().splitlines()[:2], line]) + "\n")
    assert wanted in " ".join(verdict.sentences(tables.read_report(run)))


def test_the_summary_warns_that_extremes_were_picked_after_looking(tmp_path: Path):
    run = make_run(tmp_path)
    file = run / "tables" / "supervised_languages.csv"
    head = file.read_text().splitlines()[0]
    file.write_text(f"{head}\nEnglish,1.0,0.7,1.0,1.0,,,1.0,6,3,,\nHindi,0.5,0.2,0.6,0.5,,,0.5,4,2,,\n")
    assert "do not overlap. Extremes that were picked" in " ".join(verdict.sentences(tables.read_report(run)))


@pytest.mark.parametrize("sensitive", [True, None, "false", 0])
def test_a_page_shows_no_text_of_records_unless_they_are_declared_not_sensitive(tmp_path: Path, sensitive: object):
    text = bare(make_run(tmp_path, sensitive=sensitive))
    assert "Moira" not in text
    assert "talk-" not in text
    assert "Examples" not in text
    assert "Plan trips" in text


def test_a_page_over_open_data_shows_three_summaries_of_a_cluster_and_none_that_was_not_published(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path))
    assert report.examples is not None
    assert report.examples["cluster"].tolist() == ["b0", "b0", "b0", "b1", "b1"]
    text = bare(tmp_path)
    assert text.count("Moira Quenby") == 5
    assert "Cluster Moira" not in text


def test_names_that_quote_sensitive_records_give_way_to_ids(tmp_path: Path):
    text = page.write_report(make_run(tmp_path, name=SECRET, sensitive=True, namer="local/extractive")).read_text()
    assert "Moira" not in text
    assert "Cluster b0" in text
    assert "ids stand in place of names" in text
    assert not any("Moira" in file.read_text() for file in (tmp_path / "figures").glob("*.svg"))


def test_names_give_way_to_ids_also_where_the_extractive_provider_stood_in_for_a_recording(tmp_path: Path):
    run = make_run(tmp_path, name=SECRET, sensitive=True)
    (run / "tables" / "unrecorded.csv").write_text("stage,calls\nname,1\n")
    assert "Moira" not in bare(run)
    (run / "tables" / "unrecorded.csv").write_text("stage,calls\nfacet:request,1\n")
    assert not tables.read_report(run).names_withheld


def test_hostile_names_come_out_as_text(whole: str):
    loads = parsed(whole)
    assert loads.elements.count("script") == 1
    assert "img" not in loads.elements
    assert HOSTILE in loads.text
    assert loads.found == []


def test_a_page_loads_nothing_and_runs_only_the_script_that_it_names(whole: str):
    assert parsed(whole).found == []
    # The one address left is the text of the hostile name.
    assert set(re.findall(r"https?:[^&<\s]*", whole)) == {"https://evil.example/x.png"}
    assert "@import" not in whole
    script = re.search(r"<script>(.*?)</script>", whole, re.DOTALL)
    assert script is not None
    assert f"sha256-{base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()}" in html.unescape(whole)


def test_ids_on_a_page_are_unique_and_everything_that_is_referred_to_is_there(whole: str):
    ids = parsed(whole).ids
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', whole)) <= set(ids)
    assert "plot-map" in ids


def test_a_page_says_how_it_was_made(tmp_path: Path):
    text = bare(make_run(tmp_path))
    assert (
        "clio-evals run --dataset tiny --model recorded/reference --seed 3 --embedder all-MiniLM-L6-v2 "
        "--min-conversations 2 --min-accounts 2 --role namer=some/model"
    ) in text
    assert "0123456789ab" in text
    assert "2026-03-01 10:30 UTC" in text
    assert "estimated" in text


def test_a_page_warns_of_calls_that_were_not_in_the_recording(tmp_path: Path):
    run = make_run(tmp_path)
    assert "not in the recording" not in bare(run)
    (run / "tables" / "unrecorded.csv").write_text("stage,calls\nfacet:request,1200\nname,34\n")
    text = bare(run)
    assert "1,234 calls were not in the recording and were answered by local/extractive." in text


def test_a_run_without_a_suite_gets_a_page_that_says_so(tmp_path: Path):
    run = make_run(tmp_path, suite=False)
    report = tables.read_report(run)
    assert report.headline is report.languages is report.categories is report.confusion is None
    text = page.write_report(run).read_text(encoding="utf-8")
    assert "No suite was run" in text
    assert "Accuracy by language" not in text
    assert "clio-evals cluster SOURCE --model recorded/reference" in text
    assert sorted(file.stem for file in (run / "figures").glob("*.svg")) == ["fates", "map", "outcomes"]


def test_figures_drawn_twice_are_the_same_to_the_byte_whatever_the_settings_of_matplotlib(tmp_path: Path):
    report = tables.read_report(make_run(tmp_path / "run"))
    figures.draw_all(report, tmp_path / "a")
    with mpl.rc_context({"font.size": 30, "figure.dpi": 40, "svg.hashsalt": None}):
        figures.draw_all(report, tmp_path / "b")
    first = {file.name: file.read_bytes() for file in (tmp_path / "a" / "figures").iterdir()}
    assert first == {file.name: file.read_bytes() for file in (tmp_path / "b" / "figures").iterdir()}
    assert sorted(first) == sorted(f"{name}.{kind}" for name in figures.NAMES for kind in ("png", "svg"))


def test_a_picture_that_no_longer_applies_is_removed(tmp_path: Path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "supervised_confusion.svg").write_text("old")
    made = figures.draw_all(tables.read_report(make_run(tmp_path, suite=False)), tmp_path)
    assert "supervised_confusion" not in made
    assert not (tmp_path / "figures" / "supervised_confusion.svg").exists()


def test_names_on_the_map_do_not_overlap_and_stay_inside():
    spots = [(x, y) for x in range(4) for y in range(3)]
    points = pd.DataFrame([{"x": x / 50, "y": y / 50, "root": f"h{x}{y}"} for x, y in spots])
    tree = pd.DataFrame(
        [
            {"cluster": f"h{x}{y}", "depth": 0, "name": f"Help with a topic {x} {y}", "conversations": 1}
            for x, y in spots
        ]
    )
    figure = figures.cluster_map(points, tree)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) >= 10
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(figure.bbox.x0 <= b.x0 and b.x1 <= figure.bbox.x1 for b in boxes)


def test_a_name_that_the_font_cannot_write_gives_way_to_the_id_on_the_map():
    assert house.drawable("Plan trips – über")
    assert not house.drawable("旅行")
    points = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "root": ["h1", "h1"]})
    tree = pd.DataFrame([{"cluster": "h1", "depth": 0, "name": "旅行", "conversations": 2}])
    assert [text.get_text() for text in figures.cluster_map(points, tree).axes[0].texts] == ["h1"]


def test_text_stands_out_on_dark_and_on_light():
    assert (house.text_on("#06345c"), house.text_on("#f3f7fb")) == ("#ffffff", "#111111")


def test_an_inlined_figure_has_its_own_ids_and_the_tones_of_the_page():
    text = (
        '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C" "http://www.w3.org/x.dtd">\n<svg width="5pt" height="4pt" '
    )
    text += 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 5 4"><!-- Moira --><metadata><a/></metadata>'
    text += '<path id="p" style="fill: #1c2430"/><use href="#p" clip-path="url(#p)"/></svg>\n'
    assert svg.inlined(text, "map") == (
        '<svg viewBox="0 0 5 4"><path id="map-p" style="fill: var(--ink)"/>'
        '<use href="#map-p" clip-path="url(#map-p)"/></svg>'
    )
