from __future__ import annotations

import asyncio

import pytest
from scripted import crowd, door, hashing_compute, obey, scripted, talk

from clio_core import embedding, pipeline
from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.facets import compute, extract, load_facet, parse_languages
from clio_core.pipeline import Tools
from clio_core.prompting import PromptError
from clio_core.records import Conversation, Message, Outcome
from clio_core.transcript import render

FILE = """
name = "tone"
version = 1
kind = "choice"
question = "What tone does the user take? Answer Friendly or Curt."
opening = ""
criteria = "The name is a tone."
source = "a test"
options = ["Friendly", "Curt"]
"""


def written(folder, text: str) -> str:
    file = folder / "tone.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def extracted(facet, *answers):
    talks = [talk(f"c{i}", f"words {i}") for i in range(len(answers))]
    way = door(scripted(*answers), attempts=1, width=1)
    values = asyncio.run(extract([facet], talks, {c.id: render(c) for c in talks}, way))
    return [(v.conversation, v.value, v.outcome) for v in values]


@pytest.mark.parametrize(
    ("said", "languages"),
    [
        ("English", "English"),
        ("english.", "English"),
        ("Mandarin Chinese", "Chinese"),
        ("Chinese", "Chinese"),
        ("Simplified Chinese", "Chinese"),
        ("Brazilian Portuguese", "Portuguese"),
        ("Farsi", "Persian"),
        ("Indonesian", "Indonesian"),
        ("Arabic; Indonesian", "Arabic; Indonesian"),
        ("Arabic, Indonesian and Hindi", "Arabic; Indonesian; Hindi"),
        ("Chinese; Mandarin Chinese", "Chinese"),
    ],
)
def test_names_of_one_language_come_out_in_one_form(said, languages):
    assert parse_languages(f"<answer>{said}</answer>") == languages


@pytest.mark.parametrize(
    "said",
    ["Elvish", "Python", "Unknown", "Unknown language", "English; Gibberish", "Multiple languages", ";", ""],
)
def test_an_answer_with_a_name_that_is_no_language_is_malformed(said):
    assert parse_languages(f"<answer>{said}</answer>") is None
    assert extracted(load_facet("language"), f"{said}</answer>") == [("c0", "", Outcome.MALFORMED)]


def test_a_scale_is_kept_as_its_number_and_anything_else_is_malformed():
    found = extracted(load_facet("concerning"), "2</answer>", "9</answer>", "low</answer>")
    assert found == [("c0", "2", Outcome.OK), ("c1", "", Outcome.MALFORMED), ("c2", "", Outcome.MALFORMED)]


def test_a_choice_facet_of_a_users_file_takes_its_options_and_nothing_else(tmp_path):
    facet = load_facet(written(tmp_path, FILE))
    assert facet.options == ("Friendly", "Curt")
    found = extracted(facet, "curt.</answer>", "Rude</answer>")
    assert found == [("c0", "Curt", Outcome.OK), ("c1", "", Outcome.MALFORMED)]


def test_the_options_of_a_choice_are_in_the_question(tmp_path):
    model = scripted("Curt</answer>")
    one = talk("c", "words")
    asyncio.run(extract([load_facet(written(tmp_path, FILE))], [one], {one.id: render(one)}, door(model)))
    assert "What tone does the user take? Answer Friendly or Curt." in model.api.history[0][-1].text


def test_an_open_facet_begins_with_its_opening_and_comes_on_one_line():
    found = extracted(load_facet("request"), " grow\n  tomatoes.</answer>")
    assert found == [("c0", "The user wanted the assistant to grow tomatoes.", Outcome.OK)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("version = 1\n", ""), r"differs in \['version'\]"),
        (("version = 1\n", 'version = 1\ncolour = "red"\n'), r"differs in \['colour'\]"),
        (('kind = "choice"', 'kind = "guess"'), "kind must be one of .* got 'guess'"),
        (('options = ["Friendly", "Curt"]', ""), "lists its options"),
        (('kind = "choice"', 'kind = "open"'), "lists its options"),
        (("Answer Friendly or Curt.", "Answer Friendly."), r"must name every option; it lacks \['Curt'\]"),
        (("version = 1", "version = "), "is not TOML"),
    ],
)
def test_a_wrong_facet_file_is_an_error_that_names_the_field(tmp_path, change, complaint):
    with pytest.raises(PromptError, match=complaint):
        load_facet(written(tmp_path, FILE.replace(*change)))


def test_a_facet_that_does_not_exist_is_an_error_that_names_those_that_do(tmp_path):
    with pytest.raises(
        PromptError, match=r"no facet 'mood'; there are \['concerning', 'language', 'request', 'task'\]"
    ):
        load_facet("mood")
    with pytest.raises(PromptError, match=r"no facet file .*mood\.toml"):
        load_facet(str(tmp_path / "mood.toml"))


def test_a_facet_in_the_users_folder_wins_over_the_shipped_one_of_that_name(tmp_path):
    (tmp_path / "facets").mkdir()
    own = FILE.replace('name = "tone"', 'name = "task"')
    (tmp_path / "facets" / "task.toml").write_text(own, encoding="utf-8")
    assert load_facet("task", tmp_path).options == ("Friendly", "Curt")
    assert load_facet("request", tmp_path).kind == "open"


def test_turns_and_length_count_user_and_assistant_alone():
    roles = ("system", "user", "tool", "assistant", "user")
    one = Conversation("c", "a", tuple(Message(role, "abcd") for role in roles))
    assert compute(one) == {"turns": "3", "length": "12"}


def test_every_facet_and_conversation_has_one_value_whatever_happened():
    talks = crowd(4)
    way = door(scripted(script=lambda m: ValueError("no") if "number 2" in m[0].text else obey(m)))
    facets = [load_facet(name) for name in ("request", "language")]
    values = asyncio.run(extract(facets, talks, {c.id: render(c) for c in talks}, way))
    assert sorted((v.conversation, v.facet) for v in values) == sorted(
        (c.id, f) for c in talks for f in ("request", "language")
    )
    assert sum(v.outcome is Outcome.ERROR for v in values) == 2


def test_a_facet_that_is_given_as_a_path_can_be_clustered(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    own = FILE.replace('"choice"', '"open"').replace('options = ["Friendly", "Curt"]', "")
    path = written(tmp_path, own)
    config = Config(facets=(path,), cluster_facet=path, k=2, min_conversations=1, min_accounts=1, levels=1, project=0)
    result = asyncio.run(pipeline.run(crowd(6), Tools(config, door(scripted(script=obey)), Store())))
    assert len(result.base.ids) == 6
