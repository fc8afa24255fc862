"""A figure's SVG made fit to stand inside a page: nothing to load, ids of its own, the page's colours."""

from __future__ import annotations

import re

from reports.house import TONES

_PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_NAMESPACE = re.compile(r'\s+xmlns(:\w+)?="[^"]*"')
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(href="#|url\(#)')
_SIZE = re.compile(
    r'(<svg\b[^>]*?)\s+width="[^"]*"([^>]*?)\s+height="[^"]*"|(<svg\b[^>]*?)\s+height="[^"]*"([^>]*?)\s+width="[^"]*"'
)


def inlined(svg: str, name: str) -> str:
    """The `<svg>` element of a matplotlib figure whose text is drawn as paths.

    Namespaces go because HTML knows them; comments go because matplotlib writes every text into one.

    Args:
        svg: the whole file.
        name: prefix of all its ids, unique on the page.
    """
    body = _COMMENT.sub("", svg)
    for pattern in (_PROLOGUE, _METADATA, _NAMESPACE):
        body = pattern.sub("", body)
    body = _ID.sub(rf'id="{name}-\1"', body)
    body = _REFERENCE.sub(rf"\1{name}-", body)
    body = _SIZE.sub(lambda m: "".join(part or "" for part in m.groups()), body, count=1)
    for colour, tone in TONES.items():
        body = re.sub(re.escape(colour), f"var(--{tone})", body, flags=re.IGNORECASE)
    return body.strip()
