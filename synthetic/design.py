"""The design of a synthetic data set: which conversations to write, with which attributes, before any is written.

Rows come in rounds. Each round visits every (category, language) pair once, in a scattered order, and gives it
another subcategory, length, tone, register and number of turns than the rounds before, so that every attribute is
balanced over categories and languages. A smaller size is the beginning of a larger one.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from synthetic import planting
from synthetic.datasets import HOME, DatasetError, taxonomy
from synthetic.seeding import draw

LANGUAGES = (
    "English",
    "Ukrainian",
    "Spanish",
    "Japanese",
    "Mandarin Chinese",
    "French",
    "Russian",
    "Hindi",
    "Portuguese",
    "Catalan",
    "Armenian",
    "Arabic",
    "Afrikaans",
    "Turkish",
    "Georgian",
)  # the paper's fifteen, in the order of its Table 5
_START = datetime(2026, 10, 5, tzinfo=UTC)
_DAYS = 28
_PER_ACCOUNT = 2.5  # conversations an account, on average


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation to be written."""

    id: str
    account: str
    time: datetime
    category: str
    subcategory: str
    language: str
    length: str
    tone: str
    register: str
    turns: int
    persona: str
    facts: tuple[planting.Fact, ...] = ()


@functools.cache
def attributes() -> dict[str, list[Any]]:
    """The lists of `taxonomy/attributes.toml`."""
    return tomllib.loads((HOME / "taxonomy" / "attributes.toml").read_text(encoding="utf-8"))


def plan(name: str, size: int, *, languages: tuple[str, ...] = LANGUAGES, seed: int = 0) -> list[Row]:
    """The first `size` rows of the design of a taxonomy.

    Args:
        name: taxonomy, "regular", "concerning" or "private"; the rows of the last one have facts to plant.
        size: number of conversations; a multiple of categories x languages is fully balanced.
        languages: which languages, by their English names.
        seed: of everything that is drawn.
    Raises:
        DatasetError: no such taxonomy, or a size below 1.
    """
    if size < 1:
        raise DatasetError(f"a data set needs at least one conversation, got size={size}")
    categories = taxonomy(name)
    cells = [(c, lang) for c in range(len(categories)) for lang in range(len(languages))]
    cells.sort(key=lambda cell: ((cell[1] - cell[0]) % len(languages), cell[0]))
    rows = []
    for index in range(size):
        turn, place = divmod(index, len(cells))
        rows.append(_row(name, categories, languages, cells[place], turn, seed))
    return rows


def _row(
    name: str, categories: list[dict[str, Any]], languages: tuple[str, ...], cell: tuple[int, int], turn: int, seed: int
) -> Row:
    c, lang = cell
    category, language, lists = categories[c], languages[lang], attributes()
    subcategories = category["subcategories"]
    key = (name, category["name"], language, turn)
    slug = language.lower().replace(" ", "-")
    return Row(
        id=f"{name}-{slug}-{c:02d}-{turn}",
        account=_account(name, categories, c, slug, draw(seed, "account", *key)),
        time=_START + timedelta(seconds=draw(seed, "time", *key) % (_DAYS * 86400)),
        category=category["name"],
        subcategory=subcategories[(lang + 2 * c + turn * 2) % len(subcategories)],
        language=language,
        # The steps differ from list to list and share no factor with its length, so no two lists run in step.
        length=lists["length"][(lang + c + turn) % 3],
        tone=lists["tone"][(lang + 5 * c + turn) % 6],
        register=lists["register"][(lang + c + 3 * turn + lang // 4) % 4],
        turns=lists["turns"][(2 * lang + c + 3 * turn) % 5],
        persona=category.get("persona") or lists["persona"][draw(seed, "persona", *key) % len(lists["persona"])],
        facts=planting.facts(language, c, len(categories), turn, seed) if name == "private" else (),
    )


def _account(name: str, categories: list[dict[str, Any]], c: int, slug: str, drawn: int) -> str:
    """Accounts keep to one language, as people mostly do, but where a category belongs to a few of all languages."""
    if few := categories[c].get("accounts"):
        return f"{name}-account-helper-{c:02d}-{drawn % few:02d}"
    return f"{name}-account-{slug}-{drawn % max(1, round(len(categories) * 2 / _PER_ACCOUNT)):02d}"
