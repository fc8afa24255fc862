"""`clio-evals compare`: two finished runs over the same data, side by side, as a folder of tables.

    comparison.json   what was compared, in words and settings
    prompts.diff      unified diff of every prompt that changed
    tables/           changes, metrics, languages, flips, clusters, usage (CSV)

It describes and gives no verdict. The page and its pictures are made out of this folder by `reports.comparison`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core.runfolder import commit
from evals import compare_changes, compare_flips, compare_usage, compare_values, differences, runs, session
from evals.costs import Prices
from evals.runs import Part

FILE = "comparison.json"
# What stands in the place of a part for numbers over all data sets.
_NO_PART: dict[str, Any] = {
    "dataset": session.COMBINED,
    "headline": None,
    "together": [],
    "unrecorded": [0, 0],
    "suites_left_out": {},
}
_HEADLINE = ("supervised", "accuracy")


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs side by side.

    Attributes:
        about: what `comparison.json` holds.
        tables: by the name of their file; each has a column `dataset`.
    """

    about: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def compare(base: Path, candidate: Path, prices: Prices) -> Compared:
    """Everything that two finished runs differ in.

    Args:
        base: folder of the run that stood before, or of a session of several.
        candidate: folder of the one that is to be judged.
        prices: for the dollars of both.
    Raises:
        RunFolderError: a folder that holds no finished run.
        NotComparableError: the runs share no data set, or were made over different data.
    """
    loaded = (runs.load(base), runs.load(candidate))
    pairs = runs.shared(*loaded)
    found = [_tables(left, right, prices) for left, right in pairs]
    changed = {change.name: change for pair in pairs for change in compare_changes.prompts(*pair)}
    about: dict[str, Any] = {
        "base": {"name": base.resolve().name, "folder": str(base)},
        "candidate": {"name": candidate.resolve().name, "folder": str(candidate)},
        "parts": [_part(*pair, tables) for pair, tables in zip(pairs, found, strict=True)],
        "left_out": {
            "base": [n for n in loaded[0] if n not in loaded[1]],
            "candidate": [n for n in loaded[1] if n not in loaded[0]],
        },
        "prompts": [
            {"name": c.name, "told": c.described, "same_version": c.same_version, "diff": c.diff}
            for c in changed.values()
        ],
        "prices_of": prices.as_of,
        "commit": commit(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    tables = {name: _under_one_another([part[name] for part in found]) for name in found[0]}
    if len(together := _together(base, candidate)):
        tables["metrics"] = _under_one_another([tables["metrics"], together])
        about["parts"].append(_NO_PART)
    tables["changes"] = _once(tables["changes"])
    return Compared(about, tables)


def _tables(base: Part, candidate: Part, prices: Prices) -> dict[str, pd.DataFrame]:
    paired = _with_unpaired(differences.table(base, candidate), differences.unpaired(base, candidate))
    return {
        "changes": compare_changes.table(base, candidate),
        "metrics": _under_one_another([paired, compare_values.table(base, candidate, paired)]),
        "languages": _languages(differences.languages_apart(base, candidate), paired),
        "flips": compare_flips.flips(base, candidate),
        "clusters": compare_flips.clusters(base, candidate),
        "usage": compare_usage.table(base, candidate, prices),
    }


def _together(base: Path, candidate: Path) -> pd.DataFrame:
    """What sessions over the very same data sets say of all of them together; no rows where there is no such thing."""
    held = [session.parts(folder) for folder in (base, candidate)]
    if set(held[0]) != set(held[1]) or len(held[0]) < 2:
        return pd.DataFrame(columns=differences.COLUMNS)
    metrics = [runs.read_metrics(folder / "metrics.csv") for folder in (base, candidate)]
    combined = [frame[frame["dataset"] == session.COMBINED] for frame in metrics]
    return compare_values.plain(combined[0], combined[1])


def _under_one_another(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns as one; those without rows would only muddle the types of the columns."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _once(changes: pd.DataFrame) -> pd.DataFrame:
    """What changed in several data sets alike as one row that names them all."""
    same = [name for name in compare_changes.COLUMNS if name != "dataset"]
    return changes.groupby(same, sort=False)["dataset"].agg(", ".join).reset_index()[compare_changes.COLUMNS]


def _with_unpaired(paired: pd.DataFrame, alone: pd.DataFrame) -> pd.DataFrame:
    """The note of a metric says how many of its scores only one of the runs has."""
    told = {
        (
            row["suite"],
            row["metric"],
        ): f"{row['base_only']} scored by the base run only, {row['candidate_only']} by the candidate only"
        for row in alone.to_dict("records")
        if row["base_only"] or row["candidate_only"]
    }
    notes = [
        "; ".join(
            filter(None, (row["note"], told.get((row["suite"], row["metric"]), "") if row["slice"] == "all" else ""))
        )
        for row in paired.to_dict("records")
    ]
    return paired.assign(note=notes)


def _languages(apart: pd.DataFrame, paired: pd.DataFrame) -> pd.DataFrame:
    """Each language's own difference with its interval, and whether that sets it apart; the worst first."""
    own = paired[paired["slice"].str.startswith("language=")]
    own = own.assign(language=own["slice"].str.removeprefix("language="))
    own = own[["suite", "metric", "language", "base", "candidate", "low", "high", "gained", "lost"]]
    renamed = apart.rename(columns={"low": "apart_low", "high": "apart_high"})
    both = renamed.merge(own, on=["suite", "metric", "language"], how="left")
    both["others"] = both["difference"] - both["apart"]
    order = both.groupby(["suite", "metric"], sort=False).ngroup()
    return both.assign(order=order).sort_values(["order", "difference", "language"]).drop(columns="order")


def _part(base: Part, candidate: Part, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    paired = tables["metrics"].query("slice == 'all'").dropna(subset=["gained"])
    pairs = list(zip(paired["suite"], paired["metric"], strict=True))
    moved = [pair for pair, gained, lost in zip(pairs, paired["gained"], paired["lost"], strict=True) if gained or lost]
    headline = _HEADLINE if _HEADLINE in pairs else next(iter([*moved, *pairs]), None)
    suites = [set(part.metrics["suite"]) for part in (base, candidate)]
    return {
        "dataset": base.name,
        "hash": base.manifest["dataset"]["hash"],
        "conversations": base.manifest["dataset"]["conversations"],
        "sensitive": base.sensitive or candidate.sensitive,
        "headline": None if headline is None else {"suite": headline[0], "metric": headline[1]},
        "together": compare_changes.together(tables["changes"]),
        "unrecorded": [part.manifest.get("unrecorded", 0) for part in (base, candidate)],
        "suites_left_out": {"base": sorted(suites[0] - suites[1]), "candidate": sorted(suites[1] - suites[0])},
        "estimated_tokens": any(row.get("estimated") for p in (base, candidate) for row in p.manifest["usage"]),
    }


def write(compared: Compared, out: Path) -> Path:
    """Write the folder of a comparison; returns it. One that stands there already is replaced file by file."""
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in compared.tables.items():
        table.to_csv(out / "tables" / f"{name}.csv", index=False)
    (out / "prompts.diff").write_text("".join(c["diff"] for c in compared.about["prompts"]), encoding="utf-8")
    (out / FILE).write_text(json.dumps(compared.about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return out


def default_folder(base: Path, candidate: Path) -> Path:
    """Where a comparison goes unless the user says otherwise; named after both runs."""
    return Path("results") / "comparisons" / f"{base.resolve().name}-vs-{candidate.resolve().name}"
