from __future__ import annotations

import itertools
import json
from collections import Counter

import datasets
import py3langid
import pytest

from clio_core.places import ROOT
from synthetic.datasets import DatasetError, Planted, open_dataset, taxonomy

DATA = ROOT / "synthetic" / "data"
# Rows of each file, as the data card gives them.
SHIPPED_ROWS = {
    "regular.jsonl": 600,
    "concerning.jsonl": 270,
    "private.jsonl": 150,
    "private.controls.jsonl": 600,
    "attacks.jsonl": 152,
    "auditor.jsonl": 800,
}


# How py3langid names the languages of the data set, Mandarin as plain Chinese, and languages that are easily taken for
# one of them.
CODES = {
    "Afrikaans": "af",
    "Arabic": "ar",
    "Armenian": "hy",
    "Catalan": "ca",
    "English": "en",
    "French": "fr",
    "Georgian": "ka",
    "Hindi": "hi",
    "Japanese": "ja",
    "Mandarin Chinese": "zh",
    "Portuguese": "pt",
    "Russian": "ru",
    "Spanish": "es",
    "Turkish": "tr",
    "Ukrainian": "uk",
}
NEIGHBOURS = ["nl", "de", "gl", "it", "oc", "mr", "ne", "ko", "az", "bg", "be", "fa", "ur"]


@pytest.fixture(scope="module")
def regular():
    return open_dataset("regular")


@pytest.fixture
def classify():
    py3langid.set_languages([*CODES.values(), *NEIGHBOURS])
    yield lambda text: py3langid.classify(text)[0]
    py3langid.set_languages(None)


def test_the_regular_data_set_is_balanced(regular):
    assert len(regular.conversations) == 600
    assert Counter(t.language for t in regular.truth.values()) == dict.fromkeys(CODES, 40)
    categories = Counter(t.category for t in regular.truth.values())
    assert len(categories) == 20
    assert set(categories.values()) == {30}
    # Every category stands twice in every language, so neither can be guessed from the other.
    assert set(Counter((t.category, t.language) for t in regular.truth.values()).values()) == {2}


def test_no_two_conversations_share_an_id_or_a_first_message(regular):
    assert len({c.id for c in regular.conversations}) == 600
    assert len({c.messages[0].content for c in regular.conversations}) == 600
    assert all(c.messages[0].role == "user" for c in regular.conversations)


def test_every_subcategory_belongs_to_its_category(regular):
    below = {c["name"]: set(c["subcategories"]) for c in taxonomy("regular")}
    assert set(regular.categories) <= set(below)
    assert set(regular.categories) == {t.category for t in regular.truth.values()}
    wrong = [ident for ident, t in regular.truth.items() if t.subcategory not in below[t.category]]
    assert wrong == []


def test_every_conversation_is_in_the_language_that_it_claims(regular, classify):
    found = {}
    for c in regular.conversations:
        written = " ".join(m.content for m in c.messages)
        if classify(written) != CODES[regular.truth[c.id].language]:
            found[c.id] = classify(written)
    assert found == {}


def test_the_shipped_data_may_be_shown(regular):
    assert regular.sensitive is False


@pytest.mark.parametrize("n", [20, 40, 60])
def test_a_slice_spreads_over_categories_and_languages(regular, n):
    part = regular.first(n)
    assert len(part.conversations) == len(part.truth) == n
    assert part.categories == regular.categories
    languages = Counter(t.language for t in part.truth.values())
    categories = Counter(t.category for t in part.truth.values())
    assert dict(categories) == dict.fromkeys(regular.categories, n // 20)
    assert len(languages) == 15
    assert max(languages.values()) - min(languages.values()) <= n // 20


def test_a_larger_slice_holds_every_smaller_one(regular):
    slices = [set(regular.first(n).truth) for n in (1, 7, 40, 600, 900)]
    assert [len(s) for s in slices] == [1, 7, 40, 600, 600]
    assert all(small <= large for small, large in itertools.pairwise(slices))


def test_a_slice_keeps_the_order_of_the_file(regular):
    order = [c.id for c in regular.conversations]
    part = [c.id for c in regular.first(20).conversations]
    assert part == sorted(part, key=order.index)


def test_a_slice_of_nothing_is_refused(regular):
    with pytest.raises(DatasetError, match="n=0"):
        regular.first(0)


def own_file(tmp_path, **fields):
    row = {"id": "a", "account": "b", "messages": [{"role": "user", "content": "Hello there"}], **fields}
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "fields", [{}, {"category": "Cooking"}, {"language": "English"}, {"category": "", "language": "English"}]
)
def test_a_file_without_truth_is_refused_and_pointed_to_cluster(tmp_path, fields):
    with pytest.raises(DatasetError, match=r"'category' and 'language'.*clio-evals cluster") as caught:
        open_dataset(str(own_file(tmp_path, **fields)))
    assert "'a'" in str(caught.value)  # the conversation is named


def test_a_file_with_truth_brings_its_own_categories(tmp_path):
    data = open_dataset(str(own_file(tmp_path, category="Cooking", language="English")))
    assert (data.name, data.categories, data.sensitive) == ("mine", ("Cooking",), True)
    assert data.truth["a"].subcategory == ""
    assert open_dataset(str(tmp_path / "mine.jsonl"), sensitive=False).sensitive is False


def test_planted_facts_of_a_file_are_read_and_malformed_ones_named(tmp_path):
    known = {"category": "Cooking", "language": "English"}
    facts = [{"kind": "person", "value": "Ann Ollerton", "aliases": ["Ollerton"]}, {"kind": "handle", "value": "ann7"}]
    data = open_dataset(str(own_file(tmp_path, **known, planted=facts)))
    assert data.planted == {"a": (Planted("person", "Ann Ollerton", ("Ollerton",)), Planted("handle", "ann7"))}
    assert open_dataset(str(own_file(tmp_path, **known))).planted == {}
    with pytest.raises(DatasetError, match=r"conversation 'a': 'planted' must be a list of objects"):
        open_dataset(str(own_file(tmp_path, **known, planted=[{"kind": "person"}])))


def test_an_unknown_data_set_is_refused_with_those_that_there_are():
    with pytest.raises(DatasetError, match="'regular'"):
        open_dataset("irregular")
    with pytest.raises(DatasetError, match="no taxonomy 'irregular'"):
        taxonomy("irregular")


def test_the_truth_reaches_only_the_metadata(regular):
    # What the pipeline shows to models is messages; the truth of a conversation stands beside them.
    lines = (ROOT / "synthetic" / "data" / "regular.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    for row, c in zip(rows, regular.conversations, strict=True):
        assert [m.content for m in c.messages] == [m["content"] for m in row["messages"]]
        assert c.metadata["category"] == row["category"]


def load(file, tmp_path):
    return datasets.load_dataset(
        {".jsonl": "json", ".csv": "csv"}[file.suffix], data_files=str(file), split="train", cache_dir=str(tmp_path)
    )


def without_nulls(value):
    """Loading gives every row the fields of all rows, empty where a row has none."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def test_every_shipped_file_of_rows_is_known_here():
    found = {str(file.relative_to(DATA)) for pattern in ("*.jsonl", "*.csv") for file in DATA.rglob(pattern)}
    assert found == {*SHIPPED_ROWS, "labels/concern.csv"}


@pytest.mark.parametrize(("name", "rows"), SHIPPED_ROWS.items())
def test_every_shipped_set_loads_with_the_datasets_library_and_loses_nothing(tmp_path, name, rows):
    loaded = load(DATA / name, tmp_path)
    assert loaded.num_rows == rows
    written = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]
    for got, want in zip(loaded, written, strict=True):
        if "time" in want:  # read as a timestamp in UTC without saying so
            assert got.pop("time").strftime("%Y-%m-%dT%H:%M:%SZ") == want.pop("time")
        assert without_nulls(got) == without_nulls(want)


def test_the_labels_of_concern_load_with_the_datasets_library(tmp_path):
    loaded = load(DATA / "labels" / "concern.csv", tmp_path)
    assert loaded.num_rows == 270
    assert set(loaded["conversation"]) == {c.id for c in open_dataset("concerning").conversations}
    assert set(loaded["concern"]) <= {1, 2, 3, 4, 5}
