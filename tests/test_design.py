from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic.datasets import DatasetError, taxonomy
from synthetic.design import LANGUAGES, attributes, plan


@pytest.mark.parametrize(("name", "categories"), [("regular", 20), ("concerning", 18), ("private", 10)])
def test_the_taxonomies_have_their_number_of_categories_and_five_subcategories_each(name, categories):
    listed = taxonomy(name)
    names = [c["name"] for c in listed]
    assert len(names) == len(set(names)) == categories
    assert all(len(set(c["subcategories"])) == len(c["subcategories"]) >= 5 for c in listed)
    assert all(c["description"] for c in listed)


@pytest.mark.parametrize("name", ["regular", "concerning", "private"])
def test_every_overlap_names_another_category_of_the_taxonomy(name):
    names = {c["name"] for c in taxonomy(name)}
    for category in taxonomy(name):
        assert set(category["overlaps"]) <= names - {category["name"]}


def test_the_fifteen_languages_are_the_papers():
    assert len(LANGUAGES) == 15
    assert LANGUAGES[0] == "English"
    assert LANGUAGES[-1] == "Georgian"


def test_two_rounds_hold_every_pair_twice_with_different_subcategories():
    rows = plan("regular", 600)
    assert Counter((r.category, r.language) for r in rows) == {
        (c["name"], lang): 2 for c in taxonomy("regular") for lang in LANGUAGES
    }
    assert len({(r.subcategory, r.language) for r in rows}) == 600


def test_attributes_are_even_over_categories_and_languages():
    rows = plan("regular", 600)
    assert Counter(r.length for r in rows) == dict.fromkeys(attributes()["length"], 200)
    assert set(Counter(r.register for r in rows).values()) == {150}
    assert set(Counter((r.category, r.length) for r in rows).values()) == {10}
    assert set(Counter((r.language, r.register) for r in rows).values()) == {10}
    assert set(Counter((r.category, r.turns) for r in rows).values()) == {6, 12}


@given(st.integers(1, 700), st.integers(1, 700))
def test_a_smaller_size_is_the_beginning_of_a_larger_one(a, b):
    small, large = sorted((a, b))
    assert plan("concerning", large)[:small] == plan("concerning", small)


def test_another_seed_draws_other_accounts_but_keeps_the_cells():
    one, other = plan("regular", 60), plan("regular", 60, seed=1)
    assert [(r.category, r.language, r.subcategory) for r in one] == [
        (r.category, r.language, r.subcategory) for r in other
    ]
    assert [r.account for r in one] != [r.account for r in other]


def test_accounts_keep_to_one_language():
    spoken: dict[str, set[str]] = {}
    for row in plan("regular", 600):
        spoken.setdefault(row.account, set()).add(row.language)
    assert all(len(languages) == 1 for languages in spoken.values())


def test_two_private_categories_belong_to_two_accounts_each_over_all_languages():
    rows = plan("private", 150)
    helped = [r for r in rows if "helper" in r.account]
    assert Counter(r.category for r in helped) == {
        "Residence permits and moving to another country": 15,
        "Pensions and benefits of old people": 15,
    }
    assert {len({r.account for r in helped if r.category == c}) for c in {r.category for r in helped}} == {2}
    assert {r.persona.split(",")[0] for r in helped} == {
        "an adviser in a small office that helps newcomers with their papers",
        "a volunteer who fills in forms and writes letters for old people",
    }
    spoken: dict[str, set[str]] = {}
    for row in rows:
        if row not in helped:
            spoken.setdefault(row.account, set()).add(row.language)
    assert all(len(languages) == 1 for languages in spoken.values())


def test_only_the_private_design_has_facts_to_plant():
    assert [len(r.facts) for r in plan("private", 4)] == [3, 2, 3, 2]
    assert all(r.facts == () for name in ("regular", "concerning") for r in plan(name, 40))


def test_a_size_below_one_is_refused():
    with pytest.raises(DatasetError, match="size=0"):
        plan("regular", 0)
