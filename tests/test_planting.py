from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import astuple

import phonenumbers
import pytest

from synthetic import datasets, planting
from synthetic.datasets import DatasetError
from synthetic.design import LANGUAGES, plan
from synthetic.makers import Source, particulars
from synthetic.planting import CONTROL, KINDS, PLANTED, one

ROWS = plan("private", 150)
FACTS = {row.id: [fact.planted for fact in row.facts] for row in ROWS}
CONTROLS = planting.controls(LANGUAGES)
LATIN = ("English", "Spanish", "French", "Portuguese", "Catalan", "Afrikaans", "Turkish")
REGIONS = {
    "English": "GB",
    "Ukrainian": "UA",
    "Spanish": "ES",
    "Japanese": "JP",
    "Mandarin Chinese": "CN",
    "French": "FR",
    "Russian": "RU",
    "Hindi": "IN",
    "Portuguese": "BR",
    "Catalan": "ES",
    "Armenian": "AM",
    "Arabic": "EG",
    "Afrikaans": "ZA",
    "Turkish": "TR",
    "Georgian": "GE",
}
# What no issued paper has; the notes at the head of the lists say why.
NO_REAL_PAPER = {
    "English": r"QQ \d\d \d\d \d\d [AC]",
    "Ukrainian": r"99\d{8}",
    "Spanish": r"\d{8}-[UO]",
    "Japanese": r"01\d{10}",
    "Mandarin Chinese": r"99\d{4}19\d\d00\d{6}",
    "French": r"[12] \d\d 17 \d\d \d{3} \d{3} \d\d",
    "Russian": r"00 \d\d \d{6}",
    "Hindi": r"1\d{3} \d{4} \d{4}",
    "Portuguese": r"3\d\d \d{4} \d{4} \d{4}",
    "Catalan": r"\d{8}[UO]",
    "Armenian": r"99\d{8}",
    "Arabic": r"7\d{13}",
    "Afrikaans": r"\d\d19\d\d \d{4} 08 \d",
    "Turkish": r"0\d{10}",
    "Georgian": r"99\d{9}",
}
BOTH_SIDES = [(language, side) for language in LANGUAGES for side in (PLANTED, CONTROL)]


def several(language, kind, side, count=8):
    return [one(language, kind, n, side, 0).planted for n in range(count)]


def latin(text):
    return all("LATIN" in unicodedata.name(c) for c in text if c.isalpha())


def test_the_requests_that_were_answered_hold_these_facts():
    by_id = {row.id: [fact.line for fact in row.facts] for row in ROWS}
    assert by_id["private-english-00-0"] == [
        "- a telephone number: 07700 900768",
        "- an e-mail address: slowcooker76@post.example",
        "- a date of birth: 02/08/1974",
    ]
    assert by_id["private-russian-05-0"] == [
        "- the name of a printing house: Оттиск-Мастер",
        "- a passport's series and number: 00 52 761088",
        "- a person's full name: Ульяна Веселова",
    ]
    assert by_id["private-arabic-08-0"] == ["- a date of birth: ٢/١١/١٩٥٦", "- a person's full name: إيناس القزاز"]


def test_aliases_are_the_forms_an_english_summary_would_use():
    russian, japanese, turkish = (FACTS[f"private-{slug}-0"] for slug in ("russian-05", "japanese-08", "turkish-07"))
    assert russian[0].aliases == ("Ottisk-Master", "Ottisk Master")
    assert russian[2].aliases == (
        "Ulyana Veselova",
        "Uliana Veselova",
        "Veselova Ulyana",
        "Veselova Uliana",
        "Veselova",
    )
    assert japanese[0].value == "沢口修平"
    assert japanese[0].aliases[:4] == ("Shuhei Sawaguchi", "Shūhei Sawaguchi", "Sawaguchi Shuhei", "Sawaguchi Shūhei")
    assert turkish[2].aliases == (
        "Patika Kekliği",
        "Patika Kekligi",
        "Trail Partridge",
        "Patika Kekligi Dagcilik Kulubu",
    )


def test_digits_of_another_script_have_western_aliases():
    address, _, contract = FACTS["private-arabic-09-0"]
    assert (address.value, address.aliases[0]) == ("٧٤ شارع الهدهد، أسيوط", "74 Al-Hudhud Street, Assiut")
    assert (contract.value, contract.aliases) == ("٣٦٤٤/٢٦/ع", ("3644/26/A", "364426A"))
    birth = FACTS["private-hindi-07-0"][1]
    assert birth.value == "१४ जुलाई १९५९"
    assert birth.aliases == ("14 July 1959", "July 14, 1959", "1959-07-14", "14/07/1959", "07/14/1959", "14.07.1959")


@pytest.mark.parametrize("size", [1, 7, 149, 301])
def test_the_facts_of_a_row_do_not_depend_on_the_size(size):
    facts = [row.facts for row in plan("private", size)]
    assert facts[:150] == [row.facts for row in ROWS[:size]]


def test_the_facts_of_a_row_do_not_depend_on_which_other_languages_there_are():
    rows = plan("private", 20, languages=("Georgian", "English"))
    assert {row.id: [fact.planted for fact in row.facts] for row in rows}.items() <= FACTS.items()


def test_another_seed_plants_other_facts():
    other = {row.id: [fact.planted for fact in row.facts] for row in plan("private", 150, seed=1)}
    assert all(other[ident] != facts for ident, facts in FACTS.items())


def test_each_row_has_two_or_three_facts_of_different_kinds():
    assert Counter(map(len, FACTS.values())) == {2: 75, 3: 75}
    assert all(len({fact.kind for fact in facts}) == len(facts) for facts in FACTS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_kind_occurs_three_times_in_a_language_and_one_of_them_four_times(language):
    kinds = Counter(fact.planted.kind for row in ROWS if row.language == language for fact in row.facts)
    assert set(kinds) == set(KINDS)
    assert sorted(kinds.values()) in ([3] * 8, [3] * 7 + [4], [3] * 6 + [4] * 2)


def test_no_fact_is_planted_twice():
    values = [fact.value for facts in FACTS.values() for fact in facts]
    assert len(set(values)) == len(values)


def test_no_control_equals_anything_that_is_planted_not_even_in_an_alias():
    planted = {form.casefold() for facts in FACTS.values() for f in facts for form in (f.value, *f.aliases)}
    controls = {form.casefold() for c in CONTROLS for form in (c.value, *c.aliases)}
    assert planted & controls == set()
    names = {f.value for facts in FACTS.values() for f in facts} | {c.value for c in CONTROLS}
    assert len(names) == sum(map(len, FACTS.values())) + len(CONTROLS)


def test_there_are_five_controls_of_each_kind_and_language():
    assert Counter((c.language, c.kind) for c in CONTROLS) == {
        (language, kind): 5 for language in LANGUAGES for kind in KINDS
    }


def test_the_shipped_controls_are_those_that_the_program_draws():
    assert [astuple(c) for c in datasets.controls("private")] == [astuple(c) for c in CONTROLS]
    assert "private.controls" not in datasets.shipped()
    with pytest.raises(DatasetError, match=r"no regular\.controls\.jsonl"):
        datasets.controls("regular")


@pytest.mark.parametrize(("language", "side"), BOTH_SIDES)
def test_written_forms_survive_normalisation_and_hold_no_apostrophe(language, side):
    for fact in (f for kind in KINDS for f in several(language, kind, side)):
        assert {unicodedata.normalize(form, fact.value) for form in ("NFC", "NFKC")} == {fact.value}
        assert not set("'’\"\n") & set(fact.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alias_is_in_latin_letters_and_western_digits(language):
    for fact in (f for kind in KINDS for f in several(language, kind, PLANTED)):
        assert all(latin(alias) for alias in fact.aliases), fact
        assert all(c in "0123456789" for alias in fact.aliases for c in alias if c.isdigit()), fact
        assert fact.value not in fact.aliases


@pytest.mark.parametrize("kind", ["person", "address", "organisation"])
@pytest.mark.parametrize("language", [name for name in LANGUAGES if name not in LATIN])
def test_what_is_written_in_another_script_has_an_ascii_alias(language, kind):
    for fact in several(language, kind, PLANTED):
        assert any(alias.isascii() for alias in fact.aliases), fact
        assert not latin(fact.value)


@pytest.mark.parametrize(("language", "side"), BOTH_SIDES)
def test_names_are_drawn_from_one_side_alone_and_surnames_agree_with_them(language, side):
    for fact in several(language, "person", side, 30):
        if language == "Russian":
            given_name, family = fact.value.split()
            women = {item[0] for item in particulars("Russian")["women"]}
            assert family.endswith("а") == (given_name in women)
    other = {item[0] for item in particulars(language)["family"][1 - side :: 2]}
    assert not any(fact.value.endswith(name) for fact in several(language, "person", side, 30) for name in other)


@pytest.mark.parametrize(("language", "side"), BOTH_SIDES)
def test_telephone_numbers_belong_to_the_region_and_mailboxes_to_reserved_domains(language, side):
    for fact in several(language, "phone", side):
        number = phonenumbers.parse(fact.value, REGIONS[language])
        assert phonenumbers.is_possible_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == fact.aliases[-1]
    for fact in several(language, "email", side):
        assert re.fullmatch(r"[a-z.]+\d\d@(example\.(com|org|net)|[a-z]+\.example)", fact.value)


@pytest.mark.parametrize(("language", "side"), BOTH_SIDES)
def test_identity_numbers_are_such_as_are_never_issued(language, side):
    western = [f.value if f.value.isascii() else f.aliases[0] for f in several(language, "document", side)[:2]]
    papers = [value for value in western if re.fullmatch(NO_REAL_PAPER[language], value)]
    assert len(papers) == 1, western  # the other one is a number of a contract or an account


def test_no_user_name_or_mailbox_holds_a_name_of_its_own_row():
    for facts in FACTS.values():
        names = [w.casefold() for f in facts if f.kind == "person" for a in (f.value, *f.aliases) for w in a.split()]
        others = [f.value.casefold() for f in facts if f.kind in ("email", "handle")]
        assert not [(n, o) for n in names for o in others if n in o]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_list_has_as_many_items_for_controls_as_for_planting(language):
    lists = particulars(language)
    firsts = {name: [item[0] for item in lists[name]] for name in ("family", "street", "town", "women", "men")}
    firsts |= {name: lists[name] for name in ("mailbox", "handle")}
    firsts["organisation"] = [item[1] for item in lists["organisation"]]
    assert all(len(items) == len(set(items)) for items in firsts.values())
    assert {name: len(items) for name, items in firsts.items()} == {
        "family": 10,
        "street": 10,
        "town": 6,
        "women": 6,
        "men": 4,
        "mailbox": 10,
        "handle": 10,
        "organisation": 10,
    }
    assert all(item.isascii() for item in lists["mailbox"] + lists["handle"])
    assert len(lists["document"]) == 4


@pytest.mark.parametrize(("side", "ending"), [(PLANTED, "02468"), (CONTROL, "13579")])
def test_patterns_of_one_fact_take_the_same_digits_and_end_even_when_planted(side, ending):
    for number in range(20):
        first, second = Source({}, 0, side, (0, number)).fill(["AB-###/26", "X ## #"])
        digits = first[3:6]
        assert second == f"X {digits[:2]} {digits[2]}"
        assert digits[-1] in ending


def test_a_language_without_lists_is_refused_with_those_that_there_are():
    with pytest.raises(DatasetError, match=r"no particulars for the language 'Klingon'; there are \['afrikaans'"):
        one("Klingon", "person", 0, PLANTED, 0)
