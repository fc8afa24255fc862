from __future__ import annotations

import asyncio
import dataclasses

import pytest
from scripted import Said, door, scripted, talk

from clio_core.door import Reply
from clio_core.prompting import load
from clio_core.records import Outcome
from clio_core.transcript import estimate_tokens
from evals import data_tables, relabelling
from synthetic.datasets import Dataset, Truth, descriptions, open_dataset, overlaps, shipped, taxonomy

CATEGORIES = ("Health and fitness", "Cooking and recipes", "Model railways")


def asked(conversations, model, categories=CATEGORIES):
    return asyncio.run(relabelling.relabel(conversations, categories, door(model)))


def shown(messages) -> list[str]:
    """The categories as one call showed them."""
    return messages[-1].text.split("<categories>\n")[1].split("\n</categories>")[0].split("\n")


def test_a_reader_sees_the_transcript_and_every_category_and_nothing_else_of_the_row():
    secret = {"category": "secret-label", "language": "secret-language", "plan": "secret-plan"}
    one = talk("conv-id-7", "How long do lentils keep?", "acct-id-7", metadata=secret)
    model = scripted("Cooking and recipes</answer>")
    (reply,) = asked([one], model)
    assert reply == Reply("conv-id-7", Outcome.OK, "Cooking and recipes", 1)
    (messages,) = model.api.history
    whole = "\n".join(m.text for m in messages)
    assert "How long do lentils keep?" in whole
    assert not [word for word in ("secret", "conv-id", "acct-id") if word in whole]
    known = {str(c["name"]): c for c in taxonomy("regular")}
    assert set(shown(messages)) == {
        f"- Health and fitness: {known['Health and fitness']['description']}",
        f"- Cooking and recipes: {known['Cooking and recipes']['description']}",
        "- Model railways",  # no taxonomy knows it
    }


def test_the_order_of_categories_hangs_on_the_conversation_alone():
    talks = [talk(f"c{i}", f"Question number {i}") for i in range(30)]
    answer = "Model railways</answer>"
    there, back = scripted(*[answer] * 30), scripted(*[answer] * 30)
    asked(talks, there)
    renamed = [dataclasses.replace(c, id=f"other-{c.id}", account="other") for c in reversed(talks)]
    asked(renamed, back, tuple(reversed(CATEGORIES)))
    orders = {m[0].text: shown(m) for m in there.api.history}
    assert {m[0].text: shown(m) for m in back.api.history} == orders
    firsts = [order[0] for order in orders.values()]
    assert {firsts.count(first) for first in firsts} <= set(range(3, 20))
    assert len(set(firsts)) == 3


def test_long_conversations_are_shown_with_both_ends_in_fifteen_hundred_tokens():
    model = scripted("Model railways</answer>")
    asked([talk("c1", f"begin {'word ' * 3000}end")], model)
    text = model.api.history[0][0].text
    transcript = "<conversation>" + text.split("<conversation>")[1].split("</conversation>")[0] + "</conversation>"
    assert 1400 < estimate_tokens(transcript) <= 1500
    assert "begin" in transcript
    assert "end</user>" in transcript
    assert "<cut tokens=" in transcript


def test_refused_and_malformed_answers_are_outcomes_and_no_categories():
    model = scripted(
        Said("", "content_filter"), "Model trains</answer>", "Cooking and recipes or Health</answer>", can_vary=False
    )
    replies = asked([talk(f"c{i}", f"Question {i}") for i in range(3)], model)
    assert [(r.outcome, r.value) for r in replies] == [
        (Outcome.REFUSED, None),
        (Outcome.MALFORMED, None),
        (Outcome.MALFORMED, None),
    ]


def test_the_answer_is_a_name_and_no_reasoning():
    prompt = load("relabel")
    assert prompt.role == "grader"
    assert prompt.prefill.endswith("<answer>")
    assert prompt.max_tokens <= 100


def test_every_shipped_category_has_a_description_and_overlaps_within_its_own_set():
    for name in shipped():
        names = [str(c["name"]) for c in taxonomy(name)]
        assert all(descriptions(names).values())
        assert all(set(others) <= set(names) for others in overlaps(names).values())
    assert overlaps(["Health and fitness", "Cooking and recipes"]) == {
        "Health and fitness": ("Cooking and recipes",),
        "Cooking and recipes": ("Health and fitness",),
    }
    assert overlaps(["Health and fitness", "Model railways"]) == {"Health and fitness": (), "Model railways": ()}


def test_a_name_that_two_taxonomies_share_means_what_the_data_set_means_by_it():
    name = "Job applications and career advice"
    told = {}
    for taxon in ("regular", "private"):
        entries = {str(c["name"]): c for c in taxonomy(taxon)}
        assert descriptions(list(entries))[name] == entries[name]["description"]
        assert list(overlaps(list(entries))[name]) == entries[name]["overlaps"]
        told[taxon] = entries[name]["description"]
    assert told["regular"] != told["private"]


# Labels: health 4, cooking 3, railways 2. Health is read as cooking twice (a documented overlap), once not at all;
# railways once as cooking (no overlap).
READ = [
    ("h1", "English", "Health and fitness", "Health and fitness"),
    ("h2", "English", "Health and fitness", "Cooking and recipes"),
    ("h3", "French", "Health and fitness", "Cooking and recipes"),
    ("h4", "French", "Health and fitness", None),
    ("k1", "English", "Cooking and recipes", "Cooking and recipes"),
    ("k2", "English", "Cooking and recipes", "Cooking and recipes"),
    ("k3", "French", "Cooking and recipes", "Cooking and recipes"),
    ("r1", "English", "Model railways", "Model railways"),
    ("r2", "French", "Model railways", "Cooking and recipes"),
]


@pytest.fixture
def rows():
    talks = tuple(talk(ident, "hello") for ident, *_ in READ)
    loaded = dataclasses.replace(open_dataset("regular").loaded, conversations=talks)
    truth = {ident: Truth(category, "", language) for ident, language, category, _ in READ}
    data = Dataset("own", loaded, truth, CATEGORIES, sensitive=True)
    replies = [Reply(i, Outcome.OK if read else Outcome.REFUSED, read, 1) for i, _, _, read in READ]
    return data_tables.relabelled(data, replies)


def test_every_row_says_what_it_was_read_as_and_whether_that_agrees(rows):
    table = rows.set_index("conversation")
    assert table.loc["h1", ["relabelled", "label_agreement", "lenient"]].tolist() == ["Health and fitness", 1, 1]
    assert table.loc["h2", ["relabelled", "label_agreement", "lenient"]].tolist() == ["Cooking and recipes", 0, 1]
    assert table.loc["r2", ["relabelled", "label_agreement", "lenient"]].tolist() == ["Cooking and recipes", 0, 0]
    assert table.loc["h4", ["relabelled", "outcome"]].tolist() == ["", "refused"]
    assert table.loc["h4", ["label_agreement", "lenient"]].isna().all()


def test_agreement_is_told_over_all_and_by_language_and_category_strict_and_lenient(rows):
    table = data_tables.agreement(rows, CATEGORIES).set_index("slice")
    assert list(table.index) == ["all", "English", "French", *CATEGORIES]
    counts = table[["n", "answered"]].to_numpy().tolist()
    assert counts == [[9, 8], [5, 5], [4, 3], [4, 3], [3, 3], [2, 2]]
    assert table["strict"].tolist() == pytest.approx([5 / 8, 4 / 5, 1 / 3, 1 / 3, 1, 1 / 2])
    assert table["lenient"].tolist() == pytest.approx([7 / 8, 1, 2 / 3, 1, 1, 1 / 2])
    # Wilson for 5 of 8: (.625 + 3.8415 / 16 -+ 1.96 sqrt(.625 * .375 / 8 + 3.8415 / 256)) / (1 + 3.8415 / 8).
    assert table.loc["all", ["strict_low", "strict_high"]].tolist() == pytest.approx([0.30574, 0.86316], abs=2e-5)


def test_the_confusion_counts_every_label_against_every_reading_and_marks_documented_overlaps(rows):
    table = data_tables.confusion(rows, CATEGORIES)
    wide = table.pivot(index="category", columns="relabelled", values="conversations")
    health, cooking, railways = CATEGORIES
    assert wide.loc[health, [health, cooking, railways, "(no answer)"]].tolist() == [1, 2, 0, 1]
    assert wide.loc[railways, [health, cooking, railways, "(no answer)"]].tolist() == [0, 1, 1, 0]
    assert table["conversations"].sum() == 9
    marked = table[table["overlap"] == "yes"]
    assert set(zip(marked["category"], marked["relabelled"], strict=True)) == {(health, cooking), (cooking, health)}
    assert table.loc[1, "share"] == 0.5  # two of four


def test_agreement_becomes_metrics_and_every_row_a_scored_item(rows):
    agreed = data_tables.agreement(rows, CATEGORIES)
    found = {(m["metric"], m["slice"]): m for m in data_tables.metrics([], agreed)}
    assert found["label_agreement", "all"]["value"] == 5 / 8
    assert found["label_agreement_lenient", "category=Health and fitness"]["value"] == 1
    assert found["label_agreement", "language=French"]["n"] == 3
    items = {i["item"]: i for i in data_tables.items(rows)}
    assert (items["h1"]["score"], items["r2"]["score"], items["h4"]["score"]) == (1, 0, None)
    assert (items["r2"]["language"], items["r2"]["category"]) == ("French", "Model railways")
