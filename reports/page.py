"""The page of a run: one HTML file that loads nothing. Everything is computed elsewhere; this only lays it out."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from clio_core.runfolder import RunFolder
from reports import verdict, words
from reports.blocks import TEXTS, Diff, Picture, Section, Table
from reports.captions import caption
from reports.figures import NAMES, draw_all, save
from reports.sections import read as read_sections
from reports.svg import inlined
from reports.tables import FATES, Report, has_pipeline, read_report

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
    shown = read_sections(folder)
    drawn = save({picture.name: picture.draw for section in shown for picture in section.pictures}, folder)
    if has_pipeline(folder):
        report = read_report(folder)
        text = render(report, draw_all(report, folder), shown, drawn)
    else:
        text = whole(
            "report.html.j2", {**_head(RunFolder.open(folder).read_manifest()), **_section_values(shown, drawn)}
        )
    part = folder / "report.html.part"
    part.write_text(text, encoding="utf-8")
    return part.replace(folder / "report.html")


def render(
    report: Report,
    pictures: dict[str, Path],
    shown: Sequence[Section] = (),
    drawn: Mapping[str, Path] = MappingProxyType({}),
) -> str:
    """The page as text.

    Args:
        report: the run.
        pictures: SVG file of each figure by name, from `figures.draw_all`.
        shown: sections of further suites.
        drawn: SVG file of each of their pictures by name.
    """
    values = {**_head(report.manifest), **_section_values(shown, drawn), **_part_values(report, pictures)}
    return whole("report.html.j2", values)


def body(folder: Path, prefix: str) -> tuple[Markup, list[Section]]:
    """The inside of a finished run's page, to stand with others on one page.

    Args:
        folder: of the run; its pictures must have been drawn by `write_report`.
        prefix: of every id, unique on that page.
    """
    shown = read_sections(folder)
    home = folder / "figures"
    drawn = {picture.name: home / f"{picture.name}.svg" for section in shown for picture in section.pictures}
    values = _section_values(shown, drawn, prefix)
    if not has_pipeline(folder):
        return Markup(_environment().get_template("sections.html.j2").render(values)), shown  # noqa: S704 - escaped by the template
    report = read_report(folder)
    pictures = {name: home / f"{name}.svg" for name in NAMES if (home / f"{name}.svg").exists()}
    values |= _part_values(report, pictures, prefix)
    return Markup(_environment().get_template("part.html.j2").render(values)), shown  # noqa: S704 - escaped by the template


def together(folder: Path, shown: Sequence[Section], prefix: str) -> Markup:
    """Sections that stand in no run but in a session's folder, where their pictures are drawn now."""
    drawn = save({picture.name: picture.draw for section in shown for picture in section.pictures}, folder)
    return inside(shown, drawn, prefix)


def inside(shown: Sequence[Section], drawn: Mapping[str, Path], prefix: str) -> Markup:
    """Sections alone, to stand on a page of another kind.

    Args:
        shown: the sections.
        drawn: SVG file of each of their pictures by name.
        prefix: of every id, unique on that page.
    """
    values = _section_values(shown, drawn, prefix)
    return Markup(_environment().get_template("sections.html.j2").render(values))  # noqa: S704 - escaped by the template


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=words.percent, count=words.count)
    return environment


def whole(template: str, values: Mapping[str, Any], *, own: str = "report") -> str:
    """A whole page with the style of all pages and one script; its policy lets nothing else run, and nothing load.

    Args:
        template: of the page.
        values: what it shows.
        own: name of the script, and of a style of its own if there is one.
    """
    script = (_TEMPLATES / f"{own}.js").read_text(encoding="utf-8")
    styles = [_TEMPLATES / f"{name}.css" for name in dict.fromkeys(("report", own))]
    style = "\n".join(file.read_text(encoding="utf-8") for file in styles if file.exists())
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            moment=words.moment,
            # Both files are part of this package, never of a run.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _head(manifest: Mapping[str, Any]) -> dict[str, Any]:
    name = str(manifest["dataset"]["name"])
    return {
        "title": f"Clio Evals: {name}",
        "dataset": name,
        "manifest": manifest,
        "sensitive": manifest["dataset"].get("sensitive") is not False,
        "report": None,
    }


def _part_values(report: Report, pictures: Mapping[str, Path], prefix: str = "") -> dict[str, Any]:
    return {
        "report": report,
        "prefix": prefix,
        "sentences": verdict.sentences(report),
        "not_the_paper": verdict.NOT_THE_PAPER,
        "cards": _cards(report),
        "figures": _figures(report, pictures, prefix),
        "tree": _nested(report),
        "language_notes": [] if report.languages is None else words.notes(report.languages, "language"),
        "headline_notes": [] if report.headline is None else words.notes(report.headline, "metric"),
        "examples": _examples(report),
        "fate_names": FATES,
        "command": _command(report),
        "interval": words.interval,
        "rows": _rows,
    }


def _section_values(shown: Sequence[Section], drawn: Mapping[str, Path], prefix: str = "") -> dict[str, Any]:
    """Sections as the template lays them out."""
    return {
        "prefix": prefix,
        "sections": [
            {
                "suite": section.suite,
                "title": section.title,
                "sentences": section.sentences,
                "blocks": [_block(block, drawn, prefix) for block in section.blocks],
            }
            for section in shown
        ],
    }


def _block(block: Table | Picture | Diff, drawn: Mapping[str, Path], prefix: str) -> dict[str, Any]:
    if isinstance(block, Picture):
        # Drawn by our own code with all text as outlines: no text of a record or a model is markup in it.
        svg = Markup(inlined(drawn[block.name].read_text(encoding="utf-8"), prefix + block.name))  # noqa: S704
        return {"name": block.name, "title": block.title, "text": block.text, "alt": block.alternative, "svg": svg}
    if isinstance(block, Diff):
        return {"caption": block.caption, "lines": block.lines()}
    columns = (*block.columns, *block.more)
    rows = []
    for row in block.frame.to_dict("records"):
        cells = [(row.get(column.key), column) for column in columns]
        rows.append(
            [
                {"value": "" if words.absent(value) else value, "text": column.written(row), "kind": column.kind}
                for value, column in cells
            ]
        )
    heads = [{"label": c.label, "kind": "text" if c.kind in TEXTS else "number"} for c in columns]
    return {"caption": block.caption, "heads": heads, "rows": rows, "note": block.note}


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


def _figures(report: Report, pictures: Mapping[str, Path], prefix: str) -> dict[str, dict[str, Any]]:
    made = {}
    for name, file in pictures.items():
        said = caption(name, report)
        # Drawn by our own code with all text as outlines: no text of a record or a model is markup in it.
        svg = Markup(inlined(file.read_text(encoding="utf-8"), prefix + name))  # noqa: S704
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
