"""Checks of a data set: what could make its truth wrong or a measurement over it too easy. Thresholds stand here."""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clio_core.records import Conversation
from synthetic.datasets import HOME, Dataset, Truth

CODES = {
    "English": "en",
    "Ukrainian": "uk",
    "Spanish": "es",
    "Japanese": "ja",
    "Mandarin Chinese": "zh",
    "French": "fr",
    "Russian": "ru",
    "Hindi": "hi",
    "Portuguese": "pt",
    "Catalan": "ca",
    "Armenian": "hy",
    "Arabic": "ar",
    "Afrikaans": "af",
    "Turkish": "tr",
    "Georgian": "ka",
}
# What a model drifts into, or what is mistaken for one of the fifteen: without Dutch, it passes for Afrikaans.
NEIGHBOURS = ("nl", "de", "gl", "oc", "it", "ro", "be", "bg", "mk", "sr", "az", "fa", "ur", "mr", "ne", "ko")
UNSPACED = ("Japanese", "Mandarin Chinese")  # two characters count as a word

LETTERS_TO_DETECT = 40  # shorter turns are not judged; three-word fragments are guessed wrong one time in ten
WRONG_TURNS = 0.02  # share of judged turns in another language (foreign sentences are quoted where they are discussed)
NEAR_DUPLICATE = 0.6  # cosine of character 5-grams of two conversations of one language
TWIN = 0.93  # cosine of the English summaries of two conversations of different languages
TWINS = 0.02  # share of conversations that may have one
REPEATED_OPENINGS = 0.02  # share of conversations that begin like another one of their language
NGRAM_ACCURACY = 0.5  # a character n-gram classifier must stay below this
UNBALANCED_P = 0.01  # chi-square of every pair of attributes; there are six pairs
LENGTH_BANDS = {"short": (12, 30), "medium": (35, 70), "long": (80, 140)}
LENGTH_SLACK, OFF_LENGTH = 1.35, 0.05  # factor beyond a band, and share of conversations that may lie there
REFUSALS = 0.05  # share of answers in a regular category that decline

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`|https?://\S+", re.S)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Checked:
    """One check's outcome.

    Attributes:
        name: of the check.
        value: what was measured.
        limit: what it is held against, in words.
        passed: whether it is within the limit.
        findings: a line for each row or cell that it is about, naming it.
    """

    name: str
    value: float
    limit: str
    passed: bool
    findings: tuple[str, ...] = ()


def _rows(data: Dataset) -> Iterator[tuple[Conversation, Truth]]:
    return ((c, data.truth[c.id]) for c in data.conversations)


def _first(conversation: Conversation) -> str:
    return next((m.content for m in conversation.messages if m.role == "user"), "")


@functools.cache
def _identifier() -> Callable[[str], str]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE)
    found.set_languages([*CODES.values(), *NEIGHBOURS])
    return lambda text: str(found.classify(text)[0])


def languages(data: Dataset) -> Checked:
    """Every turn in the language that its row names, code and links left out; a whole row in another one fails."""
    findings, wrong, judged = [], 0, 0
    for conversation, truth in _rows(data):
        wanted = CODES.get(truth.language)
        if wanted is None:
            findings.append(f"{conversation.id}: the language {truth.language!r} is none of {list(CODES)}")
            continue
        turns = [_CODE.sub(" ", m.content) for m in conversation.messages]
        whole = _identifier()(" ".join(turns))
        if whole != wanted:
            findings.append(f"{conversation.id}: called {truth.language}, reads like {whole!r}")
        for turn in turns:
            letters = sum(c.isalpha() for c in turn) * (2.5 if truth.language in UNSPACED else 1)
            if letters >= LETTERS_TO_DETECT:
                judged += 1
                wrong += _identifier()(turn) != wanted
    share = wrong / judged if judged else 0.0
    limit = f"no row, and at most {WRONG_TURNS:.0%} of turns"
    return Checked("language", share, limit, not findings and share <= WRONG_TURNS, tuple(findings))


def duplicates(data: Dataset) -> Checked:
    """No two conversations of one language that are the same or nearly so."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    findings, highest = [], 0.0
    for language, group in _by_language(data).items():
        if len(group) < 2:
            continue
        texts = [" ".join(m.content for m in c.messages).casefold() for c in group]
        grams = TfidfVectorizer(analyzer="char", ngram_range=(5, 5), sublinear_tf=True).fit_transform(texts)
        near = (grams @ grams.T).toarray()
        np.fill_diagonal(near, 0.0)
        highest = max(highest, float(near.max()))
        for a, b in zip(*np.nonzero(np.triu(near) >= NEAR_DUPLICATE), strict=True):
            findings.append(f"{group[a].id} and {group[b].id} ({language}): alike to {near[a, b]:.2f}")
    return Checked("duplicates", highest, f"under {NEAR_DUPLICATE}", not findings, tuple(findings))


def _by_language(data: Dataset) -> dict[str, list[Conversation]]:
    groups: dict[str, list[Conversation]] = {}
    for conversation, truth in _rows(data):
        groups.setdefault(truth.language, []).append(conversation)
    return groups


def twins(
    data: Dataset, summaries: Mapping[str, str], embed: Callable[[Sequence[str]], npt.NDArray[np.float32]]
) -> Checked:
    """Few conversations that are another one in translation, by the embeddings of their English summaries.

    Args:
        data: the data set.
        summaries: English summary by conversation id.
        embed: gives unit vectors of texts.
    """
    ids = [c.id for c in data.conversations if c.id in summaries]
    vectors = embed([summaries[i] for i in ids])
    near = vectors @ vectors.T
    spoken = np.array([data.truth[i].language for i in ids])
    near[spoken[:, None] == spoken[None, :]] = 0.0
    pairs = list(zip(*np.nonzero(np.triu(near) >= TWIN), strict=True))
    share = len({i for pair in pairs for i in pair}) / max(1, len(ids))
    findings = tuple(f"{ids[a]} and {ids[b]}: summaries alike to {near[a, b]:.2f}" for a, b in pairs)
    return Checked("twins across languages", share, f"at most {TWINS:.0%}", share <= TWINS, findings)


def openings(data: Dataset) -> Checked:
    """Conversations that begin like another one of their language: three words, or six characters without spaces."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for conversation, truth in _rows(data):
        text = _first(conversation).casefold()
        start = text[:6] if truth.language in UNSPACED else " ".join(_WORD.findall(text)[:3])
        seen.setdefault((truth.language, start), []).append(conversation.id)
    repeated = {key: ids for key, ids in seen.items() if len(ids) > 1}
    share = sum(map(len, repeated.values())) / max(1, len(data.conversations))
    findings = tuple(f"{', '.join(ids)}: all begin {key[1]!r}" for key, ids in repeated.items())
    return Checked("repeated openings", share, f"at most {REPEATED_OPENINGS:.0%}", share <= REPEATED_OPENINGS, findings)


def leaks(data: Dataset) -> Checked:
    """No first message that holds the name of its category or subcategory."""
    findings = []
    for conversation, truth in _rows(data):
        said = _WORD.findall(_first(conversation).casefold())
        for label in (truth.category, truth.subcategory):
            wanted = [w for w in _WORD.findall(label.casefold()) if len(w) > 3]
            if wanted and all(w in said for w in wanted):
                findings.append(f"{conversation.id}: its first message holds the words of {label!r}")
    return Checked("category words", len(findings), "none", not findings, tuple(findings))


def ngrams(data: Dataset) -> Checked:
    """Accuracy of a character n-gram classifier over first messages, five folds; high means that words give it away."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    texts = [_first(c) for c in data.conversations]
    labels = [data.truth[c.id].category for c in data.conversations]
    folds = min(5, min(Counter(labels).values()))
    limit = f"under {NGRAM_ACCURACY:.0%}"
    if folds < 2:
        return Checked("n-gram classifier", float("nan"), limit, True, ("too few of a category to try",))
    model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), RidgeClassifier())
    splits = StratifiedKFold(folds, shuffle=True, random_state=0)
    score = float(cross_val_score(model, texts, labels, cv=splits).mean())
    return Checked("n-gram classifier", score, limit, score < NGRAM_ACCURACY)


def balance(data: Dataset) -> Checked:
    """Even cells of category x language, and no pair of attributes that hang together (chi-square)."""
    from scipy.stats import chi2_contingency

    cells = Counter((t.category, t.language) for _, t in _rows(data))
    spoken = sorted({t.language for t in data.truth.values()})
    counts = {cell: cells[cell] for cell in itertools.product(data.categories, spoken)}
    usual = int(np.median(list(counts.values())))
    findings = [f"{c} in {lang}: {n} conversations, {usual} elsewhere" for (c, lang), n in counts.items() if n != usual]
    columns = {"category": [t.category for _, t in _rows(data)], "language": [t.language for _, t in _rows(data)]}
    columns |= {key: [str(c.metadata.get(key)) for c, _ in _rows(data)] for key in ("length", "tone")}
    lowest = 1.0
    for a, b in itertools.combinations(columns, 2):
        table = Counter(zip(columns[a], columns[b], strict=True))
        rows, across = sorted(set(columns[a])), sorted(set(columns[b]))
        if len(rows) < 2 or len(across) < 2:
            continue
        p = float(chi2_contingency([[table[r, c] for c in across] for r in rows]).pvalue)
        lowest = min(lowest, p)
        if p < UNBALANCED_P:
            findings.append(f"{a} and {b} hang together (p = {p:.3f})")
    return Checked("balance", lowest, f"even cells, p at least {UNBALANCED_P}", not findings, tuple(findings))


def lengths(data: Dataset) -> Checked:
    """First messages of the length that their row names."""
    findings, judged = [], 0
    for conversation, truth in _rows(data):
        band = LENGTH_BANDS.get(str(conversation.metadata.get("length")))
        if band is None:
            continue
        judged += 1
        text = _first(conversation)
        words = len(re.sub(r"\s", "", text)) / 2 if truth.language in UNSPACED else len(text.split())
        if not band[0] / LENGTH_SLACK <= words <= band[1] * LENGTH_SLACK:
            findings.append(f"{conversation.id}: {words:.0f} words, called {conversation.metadata['length']}")
    share = len(findings) / judged if judged else 0.0
    return Checked("length", share, f"at most {OFF_LENGTH:.0%} off", share <= OFF_LENGTH, tuple(findings))


@functools.cache
def _refusals() -> dict[str, list[str]]:
    return tomllib.loads((HOME / "refusals.toml").read_text(encoding="utf-8"))


def refusals(data: Dataset) -> Checked:
    """Share of first answers that decline, the highest of all categories. A limit only where little is concerning."""
    declined: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for conversation, truth in _rows(data):
        answer = next((m.content for m in conversation.messages if m.role == "assistant"), "").casefold()[:300]
        total[truth.category] += 1
        declined[truth.category] += any(phrase in answer for phrase in _refusals().get(truth.language, []))
    rates = {category: declined[category] / n for category, n in total.items()}
    listed = tuple(
        f"{category}: {rate:.0%} of first answers decline" for category, rate in rates.items() if rate > REFUSALS
    )
    concerning = data.name == "concerning"
    highest = max(rates.values(), default=0.0)
    limit = "reported" if concerning else f"at most {REFUSALS:.0%} a category"
    return Checked("refusals", highest, limit, concerning or not listed, listed)


def planted(data: Dataset) -> Checked:
    """Every planted fact in its row's first message, letter for letter."""
    findings = [
        f"{conversation.id}: its first message lacks the {fact.kind} {fact.value!r}"
        for conversation in data.conversations
        for fact in data.planted.get(conversation.id, ())
        if fact.value not in _first(conversation)
    ]
    return Checked("planted facts", len(findings), "none missing", not findings, tuple(findings))


# Checks that do not apply to a shipped set, with the reason.
LEFT_OUT: Mapping[str, Mapping[Callable[[Dataset], Checked], str]] = {
    "attacks": {balance: "written row by row for its attacks; no balanced design", lengths: "names no lengths"},
}


def check(data: Dataset) -> list[Checked]:
    """Every check that needs nothing but the data and applies to it."""
    every = (languages, duplicates, openings, leaks, ngrams, balance, lengths, refusals, planted)
    left_out = LEFT_OUT.get(data.name, {}) if data.shipped else {}
    return [f(data) for f in every if f not in left_out]
