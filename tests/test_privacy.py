from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scripted import door, hashing_compute, obedient, scripted, stage_of

from clio_core import embedding, pipeline
from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.loaders import Loaded, content_hash
from clio_core.pipeline import Tools
from clio_core.records import Conversation, Message, Outcome
from evals import layers, privacy, privacy_scores, supervised
from evals.ablation import VARIANTS, Runner, Variant
from evals.auditor_scores import Counts
from evals.layers import Level
from evals.privacy_scores import Planting
from evals.suite import Context
from synthetic import auditor_set
from synthetic.auditor_set import AuditorSet, Judged
from synthetic.datasets import Control, Dataset, Planted, Truth

TOPICS = ("tomatoes", "spreadsheets", "bicycles", "poems")
FAMILIES = (  # so unlike each other that none is found for another
    *("Brindlehurst", "Copperstock", "Emberlands", "Fennimore", "Galloway", "Hathersage"),
    *("Inglethorpe", "Jessamyne", "Kilbracken", "Lonsdale", "Marwood", "Netherby"),
    *("Oxspring", "Pellinore", "Quarrington", "Ravenscar", "Sallowfield", "Tindall"),
    *("Ullswater", "Vexworthy", "Wolstanton", "Yarborough", "Zennorman", "Aldgrave"),
)
# A quarter of the conversations is about each topic; all about poems come from one account.
TALKS = tuple(
    Conversation(
        f"t{i:02d}",
        "helper" if i % 4 == 3 else f"account-{i}",
        (
            Message("user", f"topic: {TOPICS[i % 4]}. Question number {i}, if you please. I am Ida {FAMILIES[i]}."),
            Message("assistant", "Certainly."),
        ),
    )
    for i in range(24)
)
CONTROLS = (
    Control("English", "person", "Mona Quillington", ("Quillington",)),
    Control("French", "person", "Solène Tissandier", ("Tissandier",)),
)
SET = AuditorSet(
    tuple(
        Judged(
            f"{side}{i}",
            f"Text {i}",
            f"Of {side}.",
            side == "Wexhorn",
            1 if side == "Wexhorn" else 5,
            kind,
            "latin",
            "",
            "",
            "",
        )
        for i in range(20)
        for side, kind in (("Wexhorn", "person"), ("nobody", ""))
    ),
    "hash",
)
CONFIG = Config(facets=("request",), k=4, min_conversations=4, min_accounts=3, name_held_back=True, top=2, project=0)


def dataset():
    truth = {c.id: Truth(TOPICS[i % 4], "", "English" if i % 2 else "French") for i, c in enumerate(TALKS)}
    planted = {c.id: (Planted("person", f"Ida {FAMILIES[i]}", (FAMILIES[i],)),) for i, c in enumerate(TALKS)}
    return Dataset("private", Loaded(TALKS, (), content_hash(TALKS), "native"), truth, TOPICS, False, True, planted)


def leaky(turns):
    """Does as it is told, and gives names away wherever it is not told to leave them out."""
    text = "\n".join(body for _, body in turns)
    names = re.findall(r"Ida \w+|(?<=Wex)horn", text)
    stage = stage_of(turns)
    if stage == "audit":
        content = re.findall(r"<content>\n(.*?)\n</content>", text, re.S)[-1]
        private = re.search("Ida|Wexhorn", content)
        return f"So.</justification><rating>{1 if private else 5}</rating>"
    plain = obedient(turns)
    if stage == "extract_open" and "Leave out whatever could point to somebody" not in text:
        return plain.replace(".</answer>", f" for {names[0]}.</answer>")
    if stage in ("name_cluster", "rename_cluster") and names and "Neither may contain names" not in text:
        return plain.replace("</summary>", f" {names[0]} was one of them.</summary>")
    return plain


def model(script=leaky):
    return scripted(script=lambda messages: script([(m.role, m.text) for m in messages]))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    monkeypatch.setattr(auditor_set, "read", lambda: SET)
    monkeypatch.setattr("synthetic.datasets.controls", lambda name: CONTROLS)


async def finished(tools, data):
    sample, values, base = await pipeline.begin(data.conversations, tools)
    result = await pipeline.complete(sample, values, base, tools)
    assigned = await supervised.assign_categories(base, data.categories, tools)
    return Context(data, tools, sample, values, base, result, assigned)


def measure(config=CONFIG, script=leaky):
    tools = Tools(config, door(model(script)), Store())
    data = dataset()

    async def both():
        context = await finished(tools, data)
        before = len(tools.door.journal)
        return context, before, await privacy.measure(context)

    return asyncio.run(both())


@pytest.fixture(scope="module")
def run():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "compute", hashing_compute)
        patch.setattr(auditor_set, "read", lambda: SET)
        patch.setattr("synthetic.datasets.controls", lambda name: CONTROLS)
        yield measure()


def layered(found, variant, level):
    table = found.tables["privacy_layers"].set_index(["variant", "level"])
    return table.loc[(variant, level), "found"]


def test_a_private_share_falls_from_the_conversations_to_what_is_published(run):
    _, _, found = run
    table = found.tables["privacy_progression"].set_index("level")
    assert list(table.index) == list(layers.LEVELS)
    # Every conversation names somebody; the scripted extractor and namer do as they are told.
    assert table.loc["raw", ["texts", "rated_1", "private", "value"]].tolist() == [24, 24, 24, 1.0]
    assert table.loc["facet", ["rated_5", "private", "value"]].tolist() == [24, 0, 0.0]
    assert table.loc["base", ["texts", "failed", "private"]].tolist() == [4, 0, 0]
    assert table.loc["raw", "low"] == pytest.approx(0.025 ** (1 / 24))
    assert table["paper"].fillna(-1).tolist() == [0.1, 0.015, -1, -1, 0.0]
    # A faultless auditor on 20 + 20 texts: what it says is what is.
    assert table.loc["raw", "corrected"] == 1.0
    assert table.loc["raw", "corrected_low"] < 1.0


def test_planted_facts_are_found_raw_and_nowhere_else_and_controls_nowhere(run):
    _, _, found = run
    table = found.tables["privacy_found"].set_index(["level", "by", "slice"])
    assert table.loc[("raw", "all", "all"), ["facts", "exact", "fuzzy", "token", "found"]].tolist() == [
        24,
        24,
        0,
        0,
        24,
    ]
    assert [table.loc[(level, "all", "all"), "found"] for level in layers.LEVELS[1:]] == [0, 0, 0, 0]
    assert table.loc[("raw", "language", "English"), "facts"] == 12
    # Each control meets the 12 transcripts of its language, but all 4 base clusters.
    assert table.loc[("raw", "all", "all"), ["compared", "matched"]].tolist() == [24, 0]
    assert table.loc[("base", "all", "all"), ["compared", "matched"]].tolist() == [8, 0]


def test_without_its_privacy_instruction_the_extractor_gives_names_away(run):
    _, _, found = run
    assert layered(found, "all layers", "facet") == 0
    assert layered(found, "extractor untold", "facet") == 24
    assert layered(found, "namer untold", "facet") == 0
    assert layered(found, "no layer", "facet") == 24


def test_names_reach_clusters_only_where_neither_extractor_nor_namer_are_told_to_leave_them_out(run):
    _, _, found = run
    # Told namers keep what untold extractors let through; untold namers of clean facets know no names.
    assert [layered(found, v, "base") for v in ("all layers", "extractor untold", "namer untold")] == [0, 0, 0]
    # Each of the four base clusters names one of its six members.
    assert layered(found, "no layer", "base") == 4
    assert layered(found, "no layer", "published") == 4


def test_without_the_auditor_what_it_would_remove_is_published():
    # Namers that always leak, whatever they are told: only the auditor stands between them and the reader.
    def script(turns):
        if stage_of(turns) == "name_cluster":
            return obedient(turns).replace("</summary>", f" Ida {FAMILIES[0]} was one.</summary>")
        return leaky(turns)

    _, _, found = measure(script=script)
    table = found.tables["privacy_published"].set_index("variant")
    assert table.loc["all layers", ["published", "clusters", "private"]].tolist() == [0, 0, 0]
    # Three of the four base clusters have enough accounts, six conversations each; two clean ones stand above them.
    assert table.loc["no audit", ["published", "clusters", "private", "value"]].tolist() == [18, 5, 3, 0.6]
    assert layered(found, "no audit", "published") == layered(found, "no audit", "base") == 1
    assert layered(found, "all layers", "published") == 0


def test_thresholds_hold_back_the_cluster_of_one_account(run):
    _, _, found = run
    table = found.tables["privacy_published"].set_index("variant")
    assert table.loc["all layers", ["conversations", "published"]].tolist() == [24, 18]
    assert table.loc["no thresholds", ["conversations", "published"]].tolist() == [24, 24]


def test_an_ablation_asks_anew_only_what_differs(run):
    context, before, _ = run
    stages = [answer.stage for answer in context.tools.door.journal.all()[before:]]
    asked = {stage: stages.count(stage) for stage in set(stages)}
    assert asked["facet:request"] == 24  # once without the instruction, whatever the number of variants
    assert asked["name"] == 12  # facets with names, clean facets for an untold namer, and both at once: 3 x 4 clusters
    assert (asked["rate:raw"], asked["rate:facet"], asked["rate:set"]) == (24, 24, 40)
    assert asked["rate:cluster"] == 1  # the one below the thresholds; the run audited the others itself


def test_what_a_run_cannot_do_yet_is_asked_ahead_and_each_lack_told_once():
    answers = {"facet:request"}

    def script(messages):
        raise AssertionError("nothing may be asked")

    lacking = scripted(script=script, name="recorded")
    data = dataset()
    tools = Tools(CONFIG, door(lacking), Store())

    async def settle(call, read, tag, missing):
        if call.stage in answers and "Leave out whatever" in call.rendered.turns[-1][1]:
            topic = re.search(r"topic: (\w+)\. Question number (\d+)", call.rendered.turns[0][1])
            value = read(f"<answer>help with {topic[1]} in case {topic[2]}.</answer>")
            return SimpleNamespace(subject=call.subject, outcome=Outcome.OK, value=value, attempts=1)
        missing.append("pending.jsonl")
        tools.door.stage_models[call.stage] = "recorded/thin"
        return SimpleNamespace(subject=call.subject, outcome=Outcome.OK, value=None, attempts=1)

    tools.door._settle = settle
    found = asyncio.run(privacy.ahead(data, tools))
    told = sorted((error.stage, error.missing) for error in found)
    # The run's own names are its own affair; the untold namer's are not. Facets of the untold extractor are one error
    # although two variants wait for them.
    assert told == [("facet:request", 24), ("name", 4), ("rate:facet", 24), ("rate:raw", 24), ("rate:set", 40)]


def test_a_user_s_own_prompts_stay_where_a_layer_is_switched_off(tmp_path):
    (tmp_path / "audit.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "extract_open.txt").write_text("mine too", encoding="utf-8")
    tools = Tools(CONFIG, door(model()), Store(), None, tmp_path)
    with Runner(SimpleNamespace(), tools) as runner:
        assert runner._tools(Variant("x")).prompts == tmp_path
        untold = runner._tools(Variant("x", extractor=False)).prompts
        assert (untold / "audit.txt").read_text(encoding="utf-8") == "mine"
        assert "Here is the answer" in (untold / "extract_open.txt").read_text(encoding="utf-8")
        assert not (untold / "name_cluster.txt").exists()
        both = runner._tools(VARIANTS[-1])
        assert sorted(p.name for p in both.prompts.iterdir()) == [
            *("audit.txt", "extract_open.txt", "name_cluster.txt", "rename_cluster.txt")
        ]
        assert (both.config.min_conversations, both.config.min_accounts, both.config.audit_below) == (1, 1, 1)
    assert not untold.exists()


def test_items_are_the_single_scores_behind_the_metrics(run):
    _, _, found = run
    rows = pd.DataFrame(found.items)
    values = {(m["metric"], m["slice"]): m["value"] for m in found.metrics}
    for name, part in rows.groupby("metric"):
        assert values[name, "all"] == pytest.approx(part["score"].mean())
    raw = rows[rows["metric"] == "found_raw"]
    assert len(raw) == 24
    assert set(raw["group"]) == {"kind=person"}
    assert raw["cluster"].nunique() == 24
    assert rows[rows["metric"] == "found_base"]["cluster"].nunique() == 4


def test_no_table_holds_a_planted_value_or_a_text(run):
    _, _, found = run
    written = "".join(table.to_csv() for table in found.tables.values()) + repr(found.metrics) + repr(found.items)
    assert not any(name in written for name in (*FAMILIES, "Quillington", "Question number", "Help with"))


# Five texts by hand: a cluster that holds a and b gives b's fact away, one that holds c gives a's away.
PLANTED = Planting(
    pd.DataFrame(
        [
            *[["a:0", "a", "person", "English", "x"], ["a:1", "a", "phone", "English", "x"]],
            *[["b:0", "b", "person", "English", "x"], ["c:0", "c", "person", "Hindi", "x"]],
        ],
        columns=["item", "conversation", "kind", "language", "category"],
    ),
    (
        Planted("person", "Ida Brindlehurst", ()),
        Planted("phone", "0301 5566778", ()),
        Planted("person", "Jon Copperstock", ()),
        Planted("person", "Uma Emberlands", ()),
    ),
    (Control("Hindi", "person", "Mona Quillington", ()),),
)
BASE = Level(
    "base",
    {
        "b0": "Letters: They wrote to Jon Copperstock.",
        "b1": "Calls: Ida Brindlehurst was called.",
        "b2": "Plain: Nothing.",
    },
    {"a": ("b0",), "b": ("b0",), "c": ("b1",)},
    {"b0": 1, "b1": 2, "b2": 5},
)


def test_a_fact_counts_where_its_own_cluster_gives_it_away_and_apart_from_that_anywhere():
    facts = privacy_scores.found_facts(BASE, PLANTED)
    assert facts["own"].tolist() == ["", "", "exact", ""]
    assert facts["anywhere"].tolist() == ["exact", "", "exact", ""]
    rows = privacy_scores.leak_rows(
        "base", facts, privacy_scores.false_matches(BASE, PLANTED, {}), {"a": "b0", "b": "b0", "c": "b1"}
    ).set_index(["by", "slice"])
    assert rows.loc[("all", "all"), ["facts", "found", "value", "anywhere", "clumps"]].tolist() == [4, 1, 0.25, 2, 2]
    assert rows.loc[("kind", "person"), ["facts", "found"]].tolist() == [3, 1]
    assert rows.loc[("all", "all"), ["compared", "matched", "false_rate"]].tolist() == [3, 0, 0.0]


def test_the_bound_rests_on_texts_and_is_divided_by_the_auditor_s_lower_sensitivity():
    facts = {"base": privacy_scores.found_facts(BASE, PLANTED)}
    found = privacy_scores.bounds([BASE], facts, Counts((10, 10), (10, 10))).set_index("basis")
    # Two clusters hold conversations with facts, one of them leaks: upper end for 1 of 2 is sqrt(0.95).
    assert found.loc["planted facts", ["tries", "hits"]].tolist() == [2, 1]
    assert found.loc["planted facts", "bound"] == pytest.approx(0.95**0.5, abs=1e-6)
    # Two of three are rated 1 or 2: the bound alone is the cube root of 0.95; divided by 0.025^(1/10) it passes 1.
    assert found.loc["auditor", ["tries", "hits", "bound"]].tolist() == [3, 2, 1.0]
    clean = replace(BASE, ratings=dict.fromkeys(BASE.texts, 5), texts=dict.fromkeys(BASE.texts, "Plain."))
    facts = {"base": privacy_scores.found_facts(clean, PLANTED)}
    found = privacy_scores.bounds([clean], facts, Counts((10, 10), (10, 10))).set_index("basis")
    assert found.loc["planted facts", "bound"] == pytest.approx(1 - 0.05**0.5)
    assert found.loc["auditor", "bound"] == pytest.approx((1 - 0.05 ** (1 / 3)) / 0.025**0.1)
    unmeasured = privacy_scores.bounds([clean], facts, None).set_index("basis")
    assert unmeasured.loc["auditor", "bound"] == pytest.approx(1 - 0.05 ** (1 / 3))
    assert unmeasured.loc["auditor", "note"] == "the auditor's own error was not measured"


def test_an_imperfect_auditor_s_false_alarms_are_taken_off_the_share_that_it_reports():
    level = Level(
        "facet",
        {str(i): "x" for i in range(10)},
        {},
        {str(i): 1 if i < 2 else None if i == 9 else 5 for i in range(10)},
    )
    # Sensitivity 8/10, specificity 9/10, flagged 2 of 9: (2/9 - 1/10) / (7/10) = 11/63.
    row = privacy_scores.progression([level], Counts((8, 10), (9, 10))).iloc[0]
    assert row[["texts", "rated", "failed", "rated_1", "rated_5", "private"]].tolist() == [10, 9, 1, 2, 7, 2]
    assert row["corrected"] == pytest.approx(11 / 63)
    assert row["corrected_low"] < 11 / 63 < row["corrected_high"]
    assert pd.isna(privacy_scores.progression([level], None).iloc[0]["corrected"])
    assert pd.isna(privacy_scores.progression([level], Counts((1, 2), (1, 2))).iloc[0]["corrected"])
    assert privacy_scores.progression([replace(level, ratings={})], None).iloc[0]["rated"] == 0


def test_a_share_in_few_clumps_says_so_and_one_in_a_single_clump_has_no_interval():
    found = privacy_scores.share_in_clumps(np.array([1.0, 0.0]), ["a", "a"])
    assert (found["value"], found["low"], found["clumps"]) == (0.5, None, 1)
    assert found["note"] == "inconclusive: 1 clumps, 100 wanted"
    wide = privacy_scores.share_in_clumps(np.zeros(100), [str(i) for i in range(100)])
    assert (wide["value"], wide["low"], wide["note"]) == (0.0, 0.0, "")
    assert wide["high"] > 0.03  # Wilson with 100 tries: about 3.8%
