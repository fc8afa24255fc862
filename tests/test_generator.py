from __future__ import annotations

import asyncio
import json

import pytest
from scripted import Said, door, scripted

from clio_core.journal import Answer
from clio_core.loaders import load
from clio_core.prompting import PromptError
from clio_core.records import Message, Outcome
from evals import generating
from evals.costs import Prices
from synthetic import checks
from synthetic.datasets import open_dataset
from synthetic.design import plan
from synthetic.generator import form, generate, read_dialogue

PRICES = Prices("2026-01-01", {"tiny": {"input": 1.0, "output": 10.0}})


def answering(messages):
    """Writes a message for a request, and as many turns as the form of a dialogue has."""
    text = messages[-1].text
    if "in this form:\n" not in text:
        return "<message>How do I mend a puncture?</message>"
    wanted = text.split("in this form:\n")[1].split("\n\nBegin")[0]
    return wanted.replace("...", "Well then.")


def test_the_form_of_three_answers_has_two_users_turns_between_them():
    assert form(1) == "<assistant>...</assistant>"
    assert form(3).splitlines() == [
        "<assistant>...</assistant>",
        "<user>...</user>",
        "<assistant>...</assistant>",
        "<user>...</user>",
        "<assistant>...</assistant>",
    ]


def test_a_dialogue_is_read_turn_by_turn():
    text = "<assistant> Yes. </assistant>\n<user>And then?</user>\n<assistant>Wait.</assistant>"
    assert read_dialogue(text, 2) == [
        Message("assistant", "Yes."),
        Message("user", "And then?"),
        Message("assistant", "Wait."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<assistant>Yes.</assistant>",
        "<user>And?</user><assistant>Yes.</assistant><user>So?</user>",
        "<assistant>Yes.</assistant><user></user><assistant>No.</assistant>",
        "plain words",
    ],
)
def test_a_dialogue_with_other_turns_than_asked_for_is_malformed(text):
    assert read_dialogue(text, 2) is None


def test_a_conversation_carries_the_truth_of_its_row():
    rows = plan("regular", 3)
    made = asyncio.run(generate(rows, door(scripted(script=answering))))
    assert made.failed == {}
    assert [c.id for c in made.conversations] == [r.id for r in rows]
    one, row = made.conversations[0], rows[0]
    assert one.account == row.account
    assert one.metadata["category"] == row.category
    assert one.metadata["language"] == row.language
    assert len(one.messages) == 2 * row.turns
    assert one.messages[0] == Message("user", "How do I mend a puncture?")


def test_a_refused_request_and_a_malformed_dialogue_are_counted_and_leave_the_others_alone():
    rows = plan("regular", 4)
    refused = [rows[0].subcategory, "never"]

    def script(messages):
        if refused[0] in messages[0].text and "Write the first message" in messages[0].text:
            return Said("", "content_filter")
        if "in this form" in messages[-1].text and rows[1].language in messages[0].text:
            return "no tags at all"
        return answering(messages)

    way = door(scripted(script=script), attempts=2)
    made = asyncio.run(generate(rows, way))
    assert made.failed == {rows[0].id: "request refused", rows[1].id: "dialogue malformed"}
    assert [c.id for c in made.conversations] == [rows[2].id, rows[3].id]
    assert way.outcomes[("generate:request", Outcome.REFUSED)] == 1


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_written_set_loads_again_with_its_manifest(tmp_path, ending):
    out = tmp_path / f"set{ending}"
    rows = plan("regular", 5)
    way = door(scripted(script=answering), generating.journal_for(out))
    made = generating.write(rows, "generate_request", way, out)
    loaded = load(out)
    assert [c.id for c in loaded.conversations] == [r.id for r in rows]
    assert [c.metadata["category"] for c in loaded.conversations] == [r.category for r in rows]
    manifest = json.loads(out.with_suffix(".manifest.json").read_text())
    assert manifest["conversations"] == len(made.conversations) == 5
    assert manifest["prompts"]["generate_request"]["version"] == 1
    assert sum(manifest["cells"]["language"].values()) == 5


def planting_answers(messages):
    """Writes every particular of a request into its message, as it stands there."""
    text = messages[-1].text
    if "letter for letter" not in text:
        return answering(messages)
    facts = [line.split(": ", 1)[1] for line in text.split("\n\n")[2].split("\n") if line.startswith("- ")]
    return f"<message>Here they are: {'; '.join(facts)}. What now?</message>"


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_private_set_carries_its_facts_beside_its_messages_and_its_controls_beside_it(tmp_path, ending):
    out = tmp_path / f"private{ending}"
    rows = plan("private", 4)
    way = door(scripted(script=planting_answers), generating.journal_for(out))
    generating.write(rows, "generate_request_private", way, out)
    data = open_dataset(str(out))
    assert data.planted == {row.id: tuple(fact.planted for fact in row.facts) for row in rows}
    assert data.first(2).planted.keys() == data.first(2).truth.keys()
    one = data.conversations[0]
    assert one.messages[0].content == (
        "Here they are: 07700 900768; slowcooker76@post.example; 02/08/1974. What now?"  # and not a single alias
    )
    assert checks.planted(data).passed
    lines = out.with_suffix(".controls.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 * 8 * 5  # languages, kinds, five each
    assert sorted(json.loads(lines[0])) == ["aliases", "kind", "language", "value"]


def test_a_set_without_facts_has_no_controls(tmp_path):
    out = tmp_path / "set.jsonl"
    generating.write(
        plan("regular", 1), "generate_request", door(scripted(script=answering), generating.journal_for(out)), out
    )
    assert "planted" not in out.read_text(encoding="utf-8")
    assert not out.with_suffix(".controls.jsonl").exists()


def test_a_set_that_was_begun_goes_on_without_asking_twice(tmp_path):
    out = tmp_path / "set.jsonl"
    first = scripted(script=answering)
    generating.write(plan("regular", 3), "generate_request", door(first, generating.journal_for(out)), out)
    second = scripted(script=answering)
    generating.write(plan("regular", 5), "generate_request", door(second, generating.journal_for(out)), out)
    # Two of the five rows are new. Equal first messages would share a dialogue call; these rows differ in language.
    assert len([m for m in second.api.history if "Write the first message" in m[0].text]) == 2


def test_a_plan_is_one_line_with_calls_tokens_dollars_and_time():
    planned = generating.Plan(10, 20, 1000, 500, 1.5)
    assert planned.line("x/y", 10) == (
        "10 conversations: 20 calls, 1,000 tokens in, 500 out, $1.50 with x/y, about 2 min at 10 calls a minute"
    )
    assert "about 2 h 05 min" in generating.Plan(1, 1250, 1, 1, None).line("x/y", 10)
    assert "x/y has no price" in generating.Plan(1, 2, 1, 1, None).line("x/y", 10)


def test_a_plan_above_the_limit_is_refused_before_anything_is_asked():
    with pytest.raises(generating.CostLimitError, match=r"\$1.50, --max-cost allows \$1.00"):
        generating.check_cost(generating.Plan(10, 20, 1000, 500, 1.5), 1.0)
    with pytest.raises(generating.CostLimitError, match="needs a price"):
        generating.check_cost(generating.Plan(10, 20, 1000, 500, None), 1.0)
    generating.check_cost(generating.Plan(10, 20, 1000, 500, 1.5), None)


def test_the_purse_counts_dollars_and_stops_at_the_limit():
    purse = generating.Purse(PRICES, 0.05)
    one = Answer("k", "s", "text", "stop", input_tokens=10_000, output_tokens=2_000)  # 0.01 + 0.02 dollars
    purse("any/tiny", one)
    assert purse.spent == pytest.approx(0.03)
    with pytest.raises(generating.CostLimitError, match=r"spent \$0.06 of the \$0.05"):
        purse("any/tiny", one)


def test_no_prompt_is_found_for_a_misspelt_name():
    with pytest.raises(PromptError, match=r"no prompt file 'generate_reqest\.txt'"):
        asyncio.run(generate(plan("regular", 1), door(scripted()), prompt_name="generate_reqest"))
