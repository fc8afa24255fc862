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


@pytest.mark.parametrize(
    "name", ["languages", "duplicates", "openings", "leaks", "ngrams", "lengths", "length_by_language", "planted"]
)
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
    (finding,) = found.findings
    assert finding.startswith(f"{shipped.truth[one.id].category} in Turkish: 3 conversations, 2 elsewhere (")
    assert "one-too-many" in finding
    assert one.id in finding


def test_equal_openings_are_counted_by_conversation(shipped):
    data = shipped
    for place in range(13):
        one = of(data, "Spanish", place)
        data = having(data, retold(one, f"Pues mira, ayer me pasó algo {place}"))
    found = checks.openings(data)
    assert found.value == pytest.approx(13 / 600)  # over 2%
    assert not found.passed
    assert "pues mira ayer" in found.findings[0]


def test_the_words_of_equal_openings_of_sensitive_data_are_not_told(shipped):
    data = dataclasses.replace(shipped, sensitive=True)
    ids = [of(shipped, "Spanish", place).id for place in range(2)]
    for place, ident in enumerate(ids):
        one = next(c for c in shipped.conversations if c.id == ident)
        data = having(data, retold(one, f"Pues mira, ayer me pasó algo {place}"))
    (finding,) = checks.openings(data).findings
    assert all(ident in finding for ident in ids)
    assert finding.endswith(": all begin alike")


def words_in(language: str, counts: list[int]) -> list[Conversation]:
    """Conversations whose only message has so many words; in Japanese, twice as many characters."""
    text = "漢字" if language == "Japanese" else "word "
    return [
        Conversation(f"{language}-{i}", "a", (Message("user", text * count),), metadata={})
        for i, count in enumerate(counts)
    ]


def of_lengths(shipped: Dataset, **counts: list[int]) -> Dataset:
    talks = [talk for language, given in counts.items() for talk in words_in(language, given)]
    truth = {talk.id: Truth("x", "y", talk.id.split("-")[0]) for talk in talks}
    loaded = dataclasses.replace(shipped.loaded, conversations=tuple(talks))
    return dataclasses.replace(shipped, loaded=loaded, truth=truth, categories=("x",))


def test_lengths_are_told_in_quartiles_by_language_and_in_half_characters_where_there_are_no_spaces(shipped):
    data = of_lengths(shipped, English=[10, 20, 30, 40, 50], Japanese=[10, 20, 30, 40, 50])
    found = {(s.part, s.language): s for s in checks.spreads(data)}
    assert set(found) == {(p, n) for p in ("first message", "conversation") for n in ("all", "English", "Japanese")}
    for language in ("English", "Japanese"):
        spread = found["first message", language]
        assert (spread.n, spread.lower, spread.median, spread.upper, spread.factor) == (5, 20, 30, 40, 1)
    assert found["conversation", "all"].n == 10


def test_a_language_whose_median_length_is_far_from_that_of_all_is_named(shipped):
    # Medians: English 100, French 100, Georgian 49; of all thirty 100. 100 / 49 is just over twice.
    data = of_lengths(shipped, English=[100] * 10, French=[100] * 10, Georgian=[49] * 10)
    found = checks.length_by_language(data)
    assert not found.passed
    assert found.value == pytest.approx(100 / 49)
    assert found.findings == (
        "Georgian, first message: a median of 49 words, 0.49 times that of all languages",
        "Georgian, conversation: a median of 49 words, 0.49 times that of all languages",
    )


def test_a_language_of_few_conversations_is_not_judged_by_its_median_length(shipped):
    found = checks.length_by_language(of_lengths(shipped, English=[100] * 20, Georgian=[10] * 9))
    assert found.passed
    assert found.value == 1


OVERLAPS = {"A": ("B",), "B": (), "C": ()}


def labelled(shipped: Dataset, **answers: list[str | None]) -> tuple[Dataset, dict[str, str | None]]:
    """A data set with a conversation for each answer, labelled with the category that the answers stand under."""
    found = {f"{label}{i}": answer for label, given in answers.items() for i, answer in enumerate(given)}
    talks = tuple(Conversation(ident, "a", (Message("user", "hello"),)) for ident in found)
    truth = {ident: Truth(ident[0], "s", "English") for ident in found}
    loaded = dataclasses.replace(shipped.loaded, conversations=talks)
    return dataclasses.replace(shipped, loaded=loaded, truth=truth, categories=("A", "B", "C")), found


def test_documented_overlaps_of_a_label_agree_with_it_and_not_the_other_way_round(shipped):
    data, found = labelled(shipped, A=["A"] * 9 + ["B"], B=["B"] * 9 + ["A"])
    checked = checks.labels(data, found, OVERLAPS)
    assert checked.value == pytest.approx(19 / 20)
    assert checked.passed
    assert checked.findings == ("B9: called 'B', read as 'A'",)


def test_labels_that_too_few_readers_would_give_fail(shipped):
    # 17 of 19 answered agree: under 90%.
    data, found = labelled(shipped, A=["A"] * 9 + ["C"], B=["B"] * 8 + ["C"])
    checked = checks.labels(data, found, OVERLAPS)
    assert checked.value == pytest.approx(17 / 19)
    assert not checked.passed


def test_one_category_of_doubtful_labels_fails_however_good_the_others_are(shipped):
    data, found = labelled(shipped, A=["A"] * 40, C=["C"] * 6 + ["B"] * 4)
    checked = checks.labels(data, found, OVERLAPS)
    assert checked.value == pytest.approx(46 / 50)
    assert not checked.passed
    assert checked.findings[0] == "C: 6 of 10 agree"
    assert "C9: called 'C', read as 'B'" in checked.findings


def test_conversations_without_an_answer_neither_agree_nor_disagree_but_too_many_of_them_fail(shipped):
    data, found = labelled(shipped, A=["A"] * 19 + [None])
    checked = checks.labels(data, found, OVERLAPS)
    assert (checked.value, checked.passed, checked.findings) == (1, True, ("A19: no usable answer",))
    data, found = labelled(shipped, A=["A"] * 18 + [None] * 2)
    checked = checks.labels(data, found, OVERLAPS)
    assert checked.value == 1
    assert not checked.passed
    assert checked.findings[0] == "10% of the conversations have no usable answer, at most 5% may"


def test_a_check_without_what_it_needs_is_not_run_and_says_why(shipped):
    data, _ = labelled(shipped, A=["A"], B=["B"])
    found = checks.ngrams(data)
    assert (found.ran, found.verdict) == (False, "not run")
    assert "too few" in found.findings[0]


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
