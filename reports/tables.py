"""A finished run's folder as plain frames, and the same on a terminal. No plotting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from clio_core.records import Outcome
from clio_core.runfolder import RunFolder
from reports import published, words
from reports.console import plain_table

FATES = ("published", "held_back", "removed", "failed")
NOT_OK = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.OK)
_COUNTED = ("calls", "asked_again", "reused", "input_tokens", "output_tokens", "cached_tokens", "ok", *NOT_OK)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a page or a terminal shows of a run. Proportions are 0 to 1.

    Attributes:
        manifest: as the run wrote it.
        sensitive: True unless the manifest says in so many words that the data set is not.
        names_withheld: cluster names may be quotations of sensitive records, so ids stand in their place.
        headline: metric, value, low, high, n, method, note, paper; None, like the next four, without the suite.
        languages: language, accuracy, low, high, macro_f1, weighted_f1, samples, clusters, note, paper_accuracy.
        categories: category, truth, reconstructed, correct, precision, recall, f1.
        confusion: counts, true category as index, reconstructed category as columns.
        confusion_shares: `confusion` with each row divided by its sum (0 where the row is empty).
        usage: a row a stage: stage, model, calls, tokens, outcomes, not_ok, estimated.
        totals: one row, the sums of `usage`, `requests` (ok and not), and `estimated` where any stage's is.
        outcomes: stage, model, outcome, calls; only what is not "ok", only where it happened.
        unrecorded: stage, calls that no recording held and that local/extractive answered.
        fates: a row a level, base first: level, label, one column a fate, total; None in a run without that table.
        published: see `published.tree`.
        clusters: published clusters of all levels: cluster, level, parent, name, conversations, accounts, rating.
        points: x, y and root (id of the published top cluster, "" if not published); None without a map.
        unplaced: conversations with a cluster but without a place on the map.
        examples: cluster, name, summary; None for a sensitive data set.
        facts, models, prompts, versions, settings: the manifest as frames.
    """

    manifest: dict[str, Any]
    sensitive: bool
    names_withheld: bool
    headline: pd.DataFrame | None
    languages: pd.DataFrame | None
    categories: pd.DataFrame | None
    confusion: pd.DataFrame | None
    confusion_shares: pd.DataFrame | None
    usage: pd.DataFrame
    totals: pd.DataFrame
    outcomes: pd.DataFrame
    unrecorded: pd.DataFrame
    fates: pd.DataFrame | None
    published: pd.DataFrame
    clusters: pd.DataFrame
    points: pd.DataFrame | None
    unplaced: int
    examples: pd.DataFrame | None
    facts: pd.DataFrame
    models: pd.DataFrame
    prompts: pd.DataFrame
    versions: pd.DataFrame
    settings: pd.DataFrame

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.manifest["dataset"]["name"])

    def metric(self, name: str) -> pd.Series | None:
        """The headline's row of that metric, if there is one."""
        if self.headline is None:
            return None
        rows = self.headline[self.headline["metric"] == name]
        return None if rows.empty else rows.iloc[0]


def has_pipeline(path: Path) -> bool:
    """Whether a run went through the pipeline; a fixed set needs none."""
    return (path / "published.json").exists()


def read_report(path: Path) -> Report:
    """Read the folder of a finished run.

    Raises:
        RunFolderError: there is no run, or it is not finished (no manifest, or no published tree).
    """
    folder = RunFolder.open(path)
    manifest = folder.read_manifest()
    sensitive = manifest["dataset"].get("sensitive") is not False
    unrecorded = _csv(folder, "unrecorded", ("stage",))
    unrecorded = pd.DataFrame({"stage": [], "calls": []}) if unrecorded is None else unrecorded
    withheld = sensitive and published.may_quote(manifest, unrecorded)
    tree = published.tree(folder, withheld=withheld)
    usage = _usage(manifest["usage"])
    points, unplaced = published.points(folder, tree)
    confusion = _csv(folder, "supervised_confusion", ("truth",))
    confusion = None if confusion is None else confusion.set_index("truth").astype(int)
    return Report(
        manifest=manifest,
        sensitive=sensitive,
        names_withheld=withheld,
        headline=_csv(folder, "supervised_summary", ("metric", "method", "note")),
        languages=_csv(folder, "supervised_languages", ("language", "note")),
        categories=_csv(folder, "supervised_categories", ("category",)),
        confusion=confusion,
        confusion_shares=None if confusion is None else _shares(confusion),
        usage=usage,
        totals=_totals(usage),
        outcomes=_outcomes(usage),
        unrecorded=unrecorded[unrecorded["calls"] > 0].reset_index(drop=True),
        fates=_fates(folder),
        published=tree,
        clusters=published.clusters(folder, withheld=withheld),
        points=points,
        unplaced=unplaced,
        examples=None if sensitive else published.examples(folder, manifest),
        **_manifest_frames(manifest),
    )


def _csv(folder: RunFolder, name: str, text: Sequence[str]) -> pd.DataFrame | None:
    """A suite's table; every column but those named in `text` holds numbers."""
    file = folder.tables / f"{name}.csv"
    if not file.exists():
        return None
    # A language or category may be called "NA" or "None"; only numbers can be missing.
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    for column in frame.columns.difference(list(text)):
        frame[column] = pd.to_numeric(frame[column].replace("", None))
    return frame


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    sums = counts.sum(axis=1)
    return counts.div(sums.where(sums > 0, 1), axis=0)


def _usage(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    usage = pd.DataFrame(list(rows)).reindex(columns=["stage", "model", *_COUNTED, "estimated"])
    usage[list(_COUNTED)] = usage[list(_COUNTED)].fillna(0).astype(int)
    usage["not_ok"] = usage[list(NOT_OK)].sum(axis=1)
    return usage


def _totals(usage: pd.DataFrame) -> pd.DataFrame:
    row: dict[str, Any] = {name: int(usage[name].sum()) for name in (*_COUNTED, "not_ok")}
    return pd.DataFrame([{**row, "requests": row["ok"] + row["not_ok"], "estimated": bool(usage["estimated"].any())}])


def _outcomes(usage: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {"stage": row["stage"], "model": row["model"], "outcome": name, "calls": int(row[name])}
        for row in usage.to_dict("records")
        for name in NOT_OK
        if row[name]
    ]
    return pd.DataFrame(rows, columns=["stage", "model", "outcome", "calls"])


def _fates(folder: RunFolder) -> pd.DataFrame | None:
    if not (folder.tables / "fates.parquet").exists():
        return None
    long = folder.read_table("fates")
    wide = long.pivot_table(index="level", columns="fate", values="conversations", aggfunc="sum")
    wide = wide.reindex(columns=list(FATES), fill_value=0).fillna(0).astype(int).reset_index()
    wide.columns.name = None
    wide.insert(1, "label", ["Base clusters" if level == 0 else f"Level {level}" for level in wide["level"]])
    wide["total"] = wide[list(FATES)].sum(axis=1)
    return wide


def _manifest_frames(made: dict[str, Any]) -> dict[str, pd.DataFrame]:
    dataset = made["dataset"]
    facts = [
        ("Data set", dataset["name"]),
        ("Content hash", dataset["hash"]),
        ("Conversations in the data set", words.count(dataset["conversations"])),
        # Only counted: the reason why a row was skipped may quote the row.
        ("Rows skipped on loading", words.count(len(dataset.get("skipped", [])))),
        ("Declared", "not sensitive" if dataset.get("sensitive") is False else "sensitive"),
        ("Seed", made["config"].get("seed")),
        ("Embedder", made["config"].get("embedder")),
        ("Commit", made.get("commit") or words.MISSING),
        ("Began", words.moment(made.get("began"))),
        ("Ended", words.moment(made.get("ended"))),
    ]
    temperature = made.get("temperature_requested", {})
    prompts = [{"prompt": n, **p, "temperature": temperature.get(n)} for n, p in made["prompts"].items()]
    facets = [{"prompt": f"facet {n}", **f, "temperature": None} for n, f in made.get("facets", {}).items()]
    models = [{"role": role, **model} for role, model in made["models"].items()]
    return {
        "facts": pd.DataFrame(facts, columns=["fact", "value"]),
        "models": pd.DataFrame(models, columns=["role", "name", "prefill", "temperature_sent"]),
        "prompts": pd.DataFrame([*prompts, *facets], columns=["prompt", "version", "digest", "temperature"]),
        "versions": pd.DataFrame(list(made["versions"].items()), columns=["package", "version"]),
        "settings": pd.DataFrame(list(made["config"].items()), columns=["setting", "value"]),
    }


def console(report: Report) -> Group:
    """The run for a terminal: headline, languages, fates, and calls that did not end well."""
    parts: list[RenderableType] = []
    if report.headline is not None:
        rows = [
            [r["metric"], words.percent(r["value"]), words.interval(r["low"], r["high"]), words.percent(r["paper"])]
            for r in report.headline.to_dict("records")
        ]
        parts += [plain_table(f"Reconstruction, {report.dataset}", ["metric", "value", "95% interval", "paper"], rows)]
        parts += _noted(report.headline, "metric")
    if report.languages is not None:
        parts += [
            plain_table("By language", _LANGUAGE_HEADS, [_language(r) for r in report.languages.to_dict("records")])
        ]
        parts += [
            # Fifteen languages with a number each are for the page.
            Text(words.printable(note.split(" (")[0]), style="dim")
            for note in words.notes(report.languages, "language")
        ]
    if report.fates is not None:
        rows = [[r["label"], *(words.count(r[f]) for f in (*FATES, "total"))] for r in report.fates.to_dict("records")]
        heads = ["level", *(name.replace("_", " ") for name in FATES), "total"]
        parts.append(plain_table("What became of the conversations", heads, rows))
    if not report.outcomes.empty:
        rows = [[r["stage"], r["outcome"], words.count(r["calls"])] for r in report.outcomes.to_dict("records")]
        parts.append(plain_table("Calls that did not end well", ["stage", "outcome", "calls"], rows))
    if not report.unrecorded.empty:
        calls = words.count(report.unrecorded["calls"].sum())
        parts.append(Text(f"{calls} calls were not in the recording; local/extractive answered them.", style="yellow"))
    return Group(*parts)


_LANGUAGE_HEADS = [
    "language",
    "accuracy",
    "95% interval",
    "macro F1",
    "wtd F1",
    "n",
    "clust.",
    "paper",
]


def _language(row: dict[Any, Any]) -> list[str]:
    return [
        row["language"],
        words.percent(row["accuracy"]),
        words.interval(row["low"], row["high"]).replace("% to ", "–"),
        words.percent(row["macro_f1"]),
        words.percent(row["weighted_f1"]),
        words.count(row["samples"]),
        words.count(row["clusters"]),
        words.percent(row["paper_accuracy"]),
    ]


def _noted(frame: pd.DataFrame, subject: str) -> list[RenderableType]:
    return [Text(words.printable(note), style="dim") for note in words.notes(frame, subject)]
