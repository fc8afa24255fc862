"""The page of a session: every part's page in one, with links to its sections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clio_core.runfolder import RunFolder
from reports import page, sections

TOGETHER = "All data sets together"


def write(folder: Path, parts: Mapping[str, Path]) -> Path:
    """Write `report.html` of a session whose parts have their own pages already; returns its path."""
    shown = []
    for name, part in parts.items():
        inside, own = page.body(part, f"{name}-")
        shown.append({"name": name, "prefix": f"{name}-", "body": inside, "sections": own})
    if shared := sections.together(folder):
        inside = page.together(folder, shared, "together-")
        shown.insert(0, {"name": TOGETHER, "prefix": "together-", "body": inside, "sections": shared})
    values = {"title": "Clio Evals", "manifest": RunFolder.open(folder).read_manifest(), "parts": shown}
    written = folder / "report.html.part"
    written.write_text(page.whole("overview.html.j2", values), encoding="utf-8")
    return written.replace(folder / "report.html")
