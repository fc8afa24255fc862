"""A sheet for people who judge: one HTML file that loads nothing and keeps its progress in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from reports.page import whole


def render(sheet: Mapping[str, Any]) -> str:
    """The page as text.

    Args:
        sheet: format, kind, run, seed, guide (sentences) and items: {"id", "question", "blocks"}; a block has a heading
            and a text, a list of texts, or turns {"role", "text"}.
    """
    # Inside a script element only "<" could end it; what is written so is the same text to JSON.
    data = json.dumps(sheet, ensure_ascii=False).replace("<", "\\u003c")
    values = {"title": f"Clio Evals: review of {sheet['kind']}", "sheet": sheet, "data": Markup(data)}  # noqa: S704
    return whole("review.html.j2", values, own="review")
