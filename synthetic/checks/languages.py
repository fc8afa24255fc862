"""Is every row in the language that it is said to be in?"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from synthetic.checks.checked import UNSPACED, Checked, rows
from synthetic.checks.limits import LETTERS_TO_DETECT, WRONG_TURNS
from synthetic.datasets import Dataset

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

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`|https?://\S+", re.S)


@functools.cache
def _identifier() -> Callable[[str], str]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE)
    found.set_languages([*CODES.values(), *NEIGHBOURS])
    return lambda text: str(found.classify(text)[0])


def languages(data: Dataset) -> Checked:
    """Every turn in the language that its row names, code and links left out; a whole row in another one fails."""
    findings, wrong, judged = [], 0, 0
    for conversation, truth in rows(data):
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
