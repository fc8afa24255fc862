"""What would make a category too easy to find: its own words in the message, or templates."""

from __future__ import annotations

from collections import Counter

from synthetic.checks.checked import WORD, Checked, first, not_run, rows
from synthetic.checks.limits import NGRAM_ACCURACY
from synthetic.datasets import Dataset


def leaks(data: Dataset) -> Checked:
    """No first message that holds the name of its category or subcategory."""
    findings = []
    for conversation, truth in rows(data):
        said = WORD.findall(first(conversation).casefold())
        for label in (truth.category, truth.subcategory):
            wanted = [w for w in WORD.findall(label.casefold()) if len(w) > 3]
            if wanted and all(w in said for w in wanted):
                findings.append(f"{conversation.id}: its first message holds the words of {label!r}")
    return Checked("category words", len(findings), "none", not findings, tuple(findings))


def ngrams(data: Dataset) -> Checked:
    """Accuracy of a character n-gram classifier over first messages, five folds; high means that words give it away."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    texts = [first(c) for c in data.conversations]
    labels = [data.truth[c.id].category for c in data.conversations]
    name, limit = "n-gram classifier", f"under {NGRAM_ACCURACY:.0%}"
    folds = min(5, min(Counter(labels).values()))
    if folds < 2 or len(set(labels)) < 2:
        return not_run(name, limit, "too few categories, or too few conversations of one, to try")
    model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), RidgeClassifier())
    splits = StratifiedKFold(folds, shuffle=True, random_state=0)
    score = float(cross_val_score(model, texts, labels, cv=splits).mean())
    return Checked(name, score, limit, score < NGRAM_ACCURACY)
