"""Commands that run the pipeline and its suites: run, suites, cluster, report, models, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import defaults, terminal
from evals.options import Accounts, Conversations, Embedder, Flag, K, Missing, Model, Out, Prompts, Roles, Seed, Width

app = typer.Typer()


@app.command()
def run(
    suites: Annotated[
        list[str] | None, typer.Argument(help="Which suites, or `all`; `clio-evals suites` lists them.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="A shipped data set, or your own file with category and language. Repeatable."),
    ] = None,
    model: Model = "recorded/reference",
    role: Roles = None,
    out: Out = None,
    n: Annotated[int | None, typer.Option(help="Only so many conversations a set, spread over categories.")] = None,
    k: K = None,
    seed: Seed = 0,
    seeds: Annotated[
        int | None, typer.Option(help="Also cluster, name and assign under so many seeds in all (suite `seeds`).")
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="Ask each seed's questions so often, to see the model's own spread.")
    ] = 1,
    min_conversations: Conversations = defaults.MIN_CONVERSATIONS,
    min_accounts: Accounts = defaults.MIN_ACCOUNTS,
    embedder: Embedder = "all-MiniLM-L6-v2",
    width: Width = 50,
    prompts: Prompts = None,
    missing: Missing = None,
    flag: Flag = None,
    sensitive: Annotated[bool, typer.Option(help="Your own file: keep single texts out of the report.")] = True,
    base: Annotated[
        Path | None,
        typer.Option(help="An earlier run: its answers are taken over for every call that has not changed."),
    ] = None,
) -> None:
    """Run Clio on conversations whose truth is known, and measure how far the result can be trusted.

    Without options: supervised reconstruction of the shipped sets `regular` and `concerning` from the shipped
    recording, offline and without a key. `clio-evals run all` measures everything.

    Prints the headline and the per-language tables, and leaves a folder with `report.html`, `metrics.csv`, tables,
    figures and a manifest; several data sets stand in a folder each. Exit code 3 means that a recording lacks
    answers (see `clio-evals answers`), 100 that a suite found something that must not be relied on.
    """
    with terminal.plain_errors():
        from clio_core import overrides
        from clio_core.config import Config
        from evals import session, showing
        from evals import suites as registry
        from synthetic.datasets import Dataset, open_dataset

        overrides.check(prompts, Config().facets)
        wanted = registry.chosen([*(suites or registry.DEFAULT), *(["seeds"] if seeds or repeats > 1 else [])])
        names = dataset or registry.sets_of(wanted)
        data = [open_dataset(name, sensitive=sensitive) for name in names]
        data = data if n is None else [d.first(n) for d in data]

        def settings(d: Dataset | None) -> Config:
            return defaults.config(
                d,
                model=model,
                models=showing.roles(role),
                k=k,
                seed=seed,
                seeds=seeds or registry.SEEDS,
                repeats=repeats,
                flag=flag,
                embedder=embedder,
                width=width,
                min_conversations=min_conversations,
                min_accounts=min_accounts,
                missing=defaults.missing(missing, model, data),
            )

        # Named data sets alone: a fixed set is measured only where it was asked for or everything is run.
        measured = [s for s in wanted if dataset is None or not s.fixed or s.name in (suites or ())]
        parts = session.parts_of(measured, data, settings, named=dataset is not None)
        folder = out or showing.session_folder(parts, n, prompts)
        showing.run(parts, folder, prompts, base)
        showing.finish(folder)
        if failed := showing.failures(folder):
            terminal.shout(failed)
            raise typer.Exit(terminal.FAILED)


@app.command()
def suites() -> None:
    """List the suites: what each measures, and on which shipped data."""
    with terminal.plain_errors():
        from evals import showing

        showing.suites()


@app.command()
def cluster(
    source: Annotated[str, typer.Argument(help="JSONL, Parquet, an Inspect log, or a `datasets` name or folder.")],
    model: Model = "local/extractive",
    role: Roles = None,
    out: Out = None,
    split: Annotated[str, typer.Option(help="Split of a `datasets` source.")] = "train",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count and list bad rows instead of stopping.")] = False,
    sample: Annotated[int | None, typer.Option(help="Draw so many.")] = None,
    strategy: Annotated[
        str, typer.Option(help="`conversations`, or `completions` (then newest per conversation).")
    ] = "conversations",
    screen: Annotated[str | None, typer.Option(help="A yes/no question; only conversations with yes go on.")] = None,
    facet: Annotated[list[str] | None, typer.Option(help="Facets to extract, names or files. Repeatable.")] = None,
    cluster_facet: Annotated[str, typer.Option(help="The facet to cluster.")] = "request",
    k: K = None,
    levels: Annotated[int | None, typer.Option(help="Levels of the hierarchy, base included.")] = None,
    top: Annotated[int | None, typer.Option(help="Clusters wanted at the top.")] = None,
    seed: Seed = 0,
    min_conversations: Conversations = 10,
    min_accounts: Accounts = 5,
    embedder: Embedder = "all-MiniLM-L6-v2",
    width: Width = 50,
    prompts: Prompts = None,
    flag: Flag = None,
    sensitive: Annotated[bool, typer.Option(help="Keep single texts out of the report.")] = True,
) -> None:
    """Run the pipeline over your own conversations; no truth is needed.

    The published tree holds no cluster with fewer conversations or accounts than the thresholds, and none that the
    auditor rated under 3. What is left out is counted.
    """
    with terminal.plain_errors():
        from clio_core.config import Config
        from clio_core.loaders import load
        from evals import execute, showing

        config = Config(
            model=model,
            models=showing.roles(role),
            facets=tuple(facet or Config().facets),
            cluster_facet=cluster_facet,
            sample=sample,
            strategy=showing.strategy(strategy),
            screen=screen,
            k=k,
            levels=levels,
            top=top,
            seed=seed,
            min_conversations=min_conversations,
            min_accounts=min_accounts,
            embedder=embedder,
            width=width,
            quote=not sensitive,
            flag=flag,
        )
        loaded = load(source, split=split, skip_bad=skip_bad)
        for line in (*map(str, loaded.skipped), *loaded.notes):
            terminal.err.print(line, markup=False, highlight=False)
        name = Path(source).stem
        folder = out or showing.default_folder(name, loaded.content_hash, config, None, prompts)
        with terminal.bars() as bars:
            execute.cluster(name, loaded, config, folder, sensitive=sensitive, progress=bars, prompts=prompts)
        showing.finish(folder)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")]) -> None:
    """Draw the figures and write `report.html` of a finished run again, and print its tables."""
    with terminal.plain_errors():
        from evals import showing

        showing.finish(folder)


@app.command()
def models(
    dataset: Annotated[str, typer.Option(help="A shipped data set or your own file.")] = "regular",
    model: Model = "recorded/reference",
    role: Roles = None,
    n: Annotated[int | None, typer.Option(help="Only so many conversations.")] = None,
    k: K = None,
    prices: Annotated[Path | None, typer.Option(help="Your own price file, as evals/prices.toml.")] = None,
) -> None:
    """Show what each role will use, and what a run will cost, before it is started."""
    with terminal.plain_errors():
        from clio_core.config import Config
        from evals import showing
        from synthetic.datasets import open_dataset

        data = open_dataset(dataset)
        config = Config(model=model, models=showing.roles(role), k=k)
        showing.models(data if n is None else data.first(n), config, prices)


@app.command()
def bench(
    n: Annotated[int, typer.Option(help="Conversations; k is a tenth of it.")] = 10_000,
    bf16: Annotated[bool, typer.Option(help="Embed in bfloat16: faster only on processors with AMX.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
) -> None:
    """Measure what the pipeline itself costs: CPU seconds, wall and peak memory a stage, with an instant model."""
    with terminal.plain_errors():
        from evals import benchmark

        benchmark.show(benchmark.measure(n, bf16=bf16), out)
