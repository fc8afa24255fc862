"""Commands about verdicts: what they read, print and leave behind."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from clio_core.config import ConfigError
from evals import gating, planning, runs, terminal, verdicts
from evals import policy as policies


def gate(base: Path, candidate: Path, policy: str, out: Path, junit: Path | None, summary: Path | None) -> int:
    """Judge, print and write; returns the exit code."""
    read = policies.load(policy)
    sides = runs.load(base), runs.load(candidate)
    # A policy that compares nothing does not need a baseline over the same data.
    pairs = runs.shared(*sides) if any(g.compares for g in read.gates) else []
    compared = {name: part for name, part in sides[0].items() if name in {mine.name for mine, _ in pairs}}
    judgements = gating.judge(read, compared, sides[1])
    outcome = verdicts.Outcome(read, str(base), str(candidate), gating.overall(judgements), tuple(judgements))
    for part in verdicts.console(outcome):
        terminal.out.print(part)
    written = verdicts.write(outcome, out, junit, summary)
    terminal.out.print(f"Verdict: {written}", highlight=False, soft_wrap=True)
    return outcome.exit_code


def power(run: Path, metric: str, margin: float, dataset: str | None) -> None:
    """Print what a run can show."""
    parts = runs.load(run)
    if dataset is not None and dataset not in parts:
        raise ConfigError(f"--dataset: {run} holds {sorted(parts)}, got {dataset!r}")
    part = parts[dataset] if dataset is not None else next(iter(parts.values()))
    try:
        found = planning.plan(part, metric, margin)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    table = Table(title=f"{part.name}, {metric}: {found.n:,} conversations in {found.clusters} base clusters")
    table.add_column("comparison")
    table.add_column("smallest difference found (80% power)", justify="right")
    for how, effect in found.effects().items():
        table.add_row(how, f"{100 * effect:.1f} pp")
    terminal.out.print(table)
    more = planning.times_more(found.error_pair, margin)
    where = "measured between this run's seeds" if found.measured else "from one run, an upper bound"
    terminal.out.print(
        f"To find {100 * margin:g} pp with one run a side: about {found.n * more:,.0f} conversations in "
        f"{found.clusters * more:,.0f} base clusters (standard error {100 * found.error_pair:.2f} pp, {where}).",
        soft_wrap=True,
    )
    if found.sd_seeds == found.sd_seeds:
        needed = planning.seeds_needed(found.sd_seeds, margin)
        terminal.out.print(
            f"To find it over seeds of this data: {needed} on either side (seeds vary by {100 * found.sd_seeds:.2f} "
            "pp). Seeds say nothing about other data.",
            soft_wrap=True,
        )
    else:
        terminal.out.print("Run with --seeds 5 to see what seeds would bring.")
