"""The page of a run: one HTML file that loads nothing. Everything is computed elsewhere; this only lays it out."""

from __future__ import annotations

import base64
import hashlib
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import verdict, words
from reports.captions import caption
from reports.figures import draw_all
from reports.svg import inlined
from reports.tables import FATES, Report, read_report

_TEMPLATES = Path(__file__).parent / "templates"
_CARDS = {
    "accuracy": "Accuracy",
    "macro F1": "Macro F1",
    "weighted F1": "Weighted F1",
}

_OPTIONS = ("model", "k", "seed", "embedder", "min_conversations", "min_accounts")
_CLUSTER_OPTIONS = ("sample", "strategy", "screen", "cluster_facet", "levels", "top")


def write_report(folder: Path) -> Path:
    """Write `report.html`, and its pictures under `figures/`, into the folder of a finished run.

    Returns:
        the page's path.
    Raises:
        RunFolderError: there is no finished run.
    """
    report = read_report(folder)
    pictures = draw_all(report, folder)
    part = folder / "report.html.part"
    part.write_text(render(report, pictures), encoding="utf-8")
    return part.replace(folder / "report.html")


def render(report: Report, pictures: dict[str, Path]) -> str:
    """The page as text.

    Args:
        report: the run.
        pictures: SVG file of each figure by name, from `figures.draw_all`.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=words.percent, count=words.count)
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        report=report,
        sentences=verdict.sentences(report),
        not_the_paper=verdict.NOT_THE_PAPER,
        cards=_cards(report),
        figures=_figures(report, pictures),
        tree=_nested(report),
        language_notes=[] if report.languages is None else words.notes(report.languages, "language"),
        headline_notes=[] if report.headline is None else words.notes(report.headline, "metric"),
        examples=_examples(report),
        fate_names=FATES,
        command=_command(report),
        interval=words.interval,
        rows=_rows,
        moment=words.moment,
        # Both files are part of this package, never of a run.
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _rows(frame: pd.DataFrame | None) -> list[dict[Any, Any]]:
    return [] if frame is None else frame.to_dict("records")


def _cards(report: Report) -> list[dict[str, str]]:
    cards = []
    for metric, label in _CARDS.items():
        row = report.metric(metric)
        if row is not None:
            known = "" if words.absent(row["paper"]) else f"paper: {words.percent(row['paper'])}"
            between = words.interval(row["low"], row["high"])
            between = "no interval" if between == words.MISSING else f"{between} (95%)"
            cards.append({"label": label, "value": words.percent(row["value"]), "under": between, "more": known})
    if report.fates is not None and not report.fates.empty:
        base = report.fates.iloc[0]
        under = f"of {words.count(base['total'])} conversations"
        cards.append({"label": "Published", "value": words.count(base["published"]), "under": under, "more": ""})
    totals = report.totals.iloc[0]
    tokens = f"{words.count(totals['input_tokens'])} tokens in, {words.count(totals['output_tokens'])} out"
    more = "tokens estimated" if totals["estimated"] else ""
    cards.append({"label": "Model calls", "value": words.count(totals["requests"]), "under": tokens, "more": more})
    return cards


def _figures(report: Report, pictures: dict[str, Path]) -> dict[str, dict[str, Any]]:
    made = {}
    for name, file in pictures.items():
        said = caption(name, report)
        # Drawn by our own code with all text as outlines: no text of a record or a model is markup in it.
        svg = Markup(inlined(file.read_text(encoding="utf-8"), name))  # noqa: S704
        made[name] = {"name": name, "title": said.title, "text": said.text, "alt": said.alternative, "svg": svg}
    return made


def _nested(report: Report) -> list[dict[str, Any]]:
    """The published tree with children inside their parents."""
    roots: list[dict[str, Any]] = []
    nodes: dict[str, dict[str, Any]] = {}
    for row in _rows(report.published):
        node = {**row, "children": []}
        nodes[row["cluster"]] = node
        (nodes[row["parent"]]["children"] if row["parent"] else roots).append(node)
    return roots


def _examples(report: Report) -> list[dict[str, Any]]:
    """Summaries by cluster; none for a sensitive data set, whatever the frame holds."""
    if report.sensitive or report.examples is None:
        return []
    groups = report.examples.groupby("cluster", sort=False)
    return [{"name": part["name"].iloc[0], "summaries": list(part["summary"])} for _, part in groups]


def _command(report: Report) -> str:
    """The command line that makes this run again. `clio-evals` takes these settings as options of the same name."""
    config = report.manifest["config"]
    measured = report.headline is not None
    line = ["clio-evals", "run", "--dataset", report.dataset] if measured else ["clio-evals", "cluster", "SOURCE"]
    for name in _OPTIONS if measured else (*_OPTIONS, *_CLUSTER_OPTIONS):
        if config.get(name) is not None:
            line += [f"--{name.replace('_', '-')}", str(config[name])]
    line += [word for role, model in config.get("models", {}).items() for word in ("--role", f"{role}={model}")]
    if not measured:
        line += [word for facet in config.get("facets", ()) for word in ("--facet", str(facet))]
        line += [] if report.sensitive else ["--no-sensitive"]
    return shlex.join(line)
