from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clio_core.records import Conversation, Message
from synthetic import checks
from synthetic.datasets import Dataset, Planted, Truth, open_dataset


@pytest.fixture(scope="module")
def shipped() -> Dataset:
    return open_dataset("regular")


def having(data: Dataset, conversation: Conversation, truth: Truth | None = None) -> Dataset:
    """The data set with one conversation put in the place of the one with its id, or added."""
    kept = [c for c in data.conversations if c.id != conversation.id]
    loaded = dataclasses.replace(data.loaded, conversations=(*kept, conversation))
    known = truth or data.truth[conversation.id]
    return dataclasses.replace(data, loaded=loaded, truth={**data.truth, conversation.id: known})


def retold(conversation: Conversation, first: str) -> Conversation:
    return dataclasses.replace(conversation, messages=(Message("user", first), *conversation.messages[1:]))


def of(data: Dataset, language: str, place: int = 0) -> Conversation:
    return [c for c in data.conversations if data.truth[c.id].language == language][place]


@pytest.mark.parametrize("name", ["languages", "duplicates", "openings", "leaks", "ngrams", "lengths", "planted"])
def test_the_shipped_set_passes(shipped, name):
    found = getattr(checks, name)(shipped)
    assert found.passed, found


def test_a_dutch_row_called_afrikaans_is_named(shipped):
    one = of(shipped, "Afrikaans")
    dutch = (
        "Mijn fiets maakt een raar geluid zodra ik harder trap, en ik weet niet of het aan de ketting of aan de "
        "trappers ligt. Wat moet ik het eerst nakijken voordat ik ermee naar de fietsenmaker ga?"
    )
    reply = "Kijk eerst of de ketting droog is en of de bouten van de trappers nog goed vastzitten; dat is het meestal."
    planted = dataclasses.replace(one, messages=(Message("user", dutch), Message("assistant", reply)))
    found = checks.languages(having(shipped, planted))
    assert not found.passed
    assert found.findings == (f"{one.id}: called Afrikaans, reads like 'nl'",)


def test_code_and_links_say_nothing_about_the_language():
    code = "```python\nfor item in the_list_of_all_things:\n    print(item)\n```"
    talk = Conversation(
        "c1",
        "a",
        (
            Message(
                "user", f"Warum bricht das Programm in der dritten Zeile immer ab? {code} https://example.org/the/page"
            ),
        ),
    )
    data = Dataset("d", open_dataset("regular").loaded, {}, (), False)
    loaded = dataclasses.replace(data.loaded, conversations=(talk,))
    german = dataclasses.replace(data, loaded=loaded, truth={"c1": Truth("x", "y", "English")})
    assert checks.languages(german).findings == ("c1: called English, reads like 'de'",)


def test_a_planted_duplicate_is_named_with_its_twin(shipped):
    one = of(shipped, "French")
    copy = dataclasses.replace(one, id="copy-of-it")
    found = checks.duplicates(having(shipped, copy, shipped.truth[one.id]))
    assert not found.passed
    assert len(found.findings) == 1
    assert one.id in found.findings[0]
    assert "copy-of-it" in found.findings[0]


def test_a_leaked_category_word_is_named(shipped):
    one = of(shipped, "English")
    category = shipped.truth[one.id].category
    found = checks.leaks(having(shipped, retold(one, f"This is about {category.lower()}: what now?")))
    assert not found.passed
    assert found.findings == (f"{one.id}: its first message holds the words of {category!r}",)


def test_an_unbalanced_cell_is_named(shipped):
    one = of(shipped, "Turkish")
    extra = dataclasses.replace(one, id="one-too-many")
    found = checks.balance(having(shipped, extra, shipped.truth[one.id]))
    assert not found.passed
    assert f"{shipped.truth[one.id].category} in Turkish: 3 conversations, 2 elsewhere" in found.findings


def test_equal_openings_are_counted_by_conversation(shipped):
    data = shipped
    for place in range(13):
        one = of(data, "Spanish", place)
        data = having(data, retold(one, f"Pues mira, ayer me pasó algo {place}"))
    found = checks.openings(data)
    assert found.value == pytest.approx(13 / 600)  # over 2%
    assert not found.passed
    assert "pues mira ayer" in found.findings[0]


def test_a_message_far_from_its_named_length_is_a_finding(shipped):
    one = next(
        c for c in shipped.conversations if c.metadata["length"] == "long" and shipped.truth[c.id].language == "English"
    )
    found = checks.lengths(having(shipped, retold(one, "Three words only")))
    assert f"{one.id}: 3 words, called long" in found.findings


def test_twins_are_pairs_of_different_languages_with_nearly_the_same_summary(shipped):
    english, french, other = of(shipped, "English"), of(shipped, "French"), of(shipped, "English", 1)
    summaries = {english.id: "a", french.id: "b", other.id: "c"}
    # Unit vectors: a and b are 0.96 alike, a and c the same but of one language.
    vectors = {"a": [1.0, 0.0], "b": [0.96, 0.28], "c": [1.0, 0.0]}
    found = checks.twins(shipped, summaries, lambda texts: np.array([vectors[t] for t in texts], dtype=np.float32))
    assert {frozenset(f.split(":")[0].split(" and ")) for f in found.findings} == {
        frozenset({english.id, french.id}),
        frozenset({other.id, french.id}),
    }
    assert not found.passed


def test_a_classifier_of_letters_finds_what_templates_give_away(shipped):
    data = shipped
    for conversation in shipped.conversations:
        marked = f"zq{shipped.categories.index(shipped.truth[conversation.id].category)}x " * 20
        data = having(data, retold(conversation, marked))
    found = checks.ngrams(data)
    assert found.value > 0.9
    assert not found.passed


def test_refusals_are_reported_and_not_held_against_a_concerning_set(shipped):
    data = shipped
    for conversation in shipped.conversations:
        if shipped.truth[conversation.id].language == "English":
            turns = (conversation.messages[0], Message("assistant", "I can't help with that."))
            data = having(data, dataclasses.replace(conversation, messages=turns))
    assert not checks.refusals(data).passed
    concerning = checks.refusals(dataclasses.replace(data, name="concerning"))
    assert concerning.passed
    assert concerning.value >= 2 / 30


def test_a_planted_fact_that_its_message_lacks_is_named_with_its_row(shipped):
    one, other = of(shipped, "Japanese"), of(shipped, "Russian")
    data = having(shipped, retold(one, "宮下美咲です。電話は090-1234-5684です。"))
    facts = {
        one.id: (Planted("person", "宮下美咲", ("Misaki Miyashita",)), Planted("phone", "090-1234-5682")),
        other.id: (),
    }
    found = checks.planted(dataclasses.replace(data, planted=facts))
    assert not found.passed
    assert found.findings == (f"{one.id}: its first message lacks the phone '090-1234-5682'",)


def test_a_planted_fact_in_a_later_message_alone_is_missing(shipped):
    one = of(shipped, "English")
    turns = (Message("user", "Who am I?"), Message("assistant", "Ann Ollerton."))
    data = having(shipped, dataclasses.replace(one, messages=turns))
    found = checks.planted(dataclasses.replace(data, planted={one.id: (Planted("person", "Ann Ollerton"),)}))
    assert found.value == 1
