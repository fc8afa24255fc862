"""The command line, `clio-evals`. Heavy imports wait until a command needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import terminal

app = typer.Typer(
    name="clio-evals",
    help="How far can a Clio-style clustering of conversations be trusted? Run it where the truth is known, and see.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
answers_app = typer.Typer(no_args_is_help=True, help="Requests that wait for answers, and answers brought back.")
app.add_typer(answers_app, name="answers")
prompts_app = typer.Typer(no_args_is_help=True, help="The prompt files and the lock that holds their digests.")
app.add_typer(prompts_app, name="prompts")

Model = Annotated[str, typer.Option(help="Any Inspect model, `recorded/NAME`, or `local/extractive`.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="Another model for one role: `--role namer=anthropic/claude-sonnet-4-5`. Repeatable."),
]
Out = Annotated[Path | None, typer.Option(help="Folder of the run. The same command in the same folder goes on.")]
K = Annotated[int | None, typer.Option(help="Number of base clusters; by default a rule on the number of rows.")]
Seed = Annotated[int, typer.Option(help="Seed of sampling, clustering and shuffling.")]
Width = Annotated[int, typer.Option(help="Model calls under way at once.")]
Prompts = Annotated[Path | None, typer.Option(help="Folder whose prompt files win over the shipped ones.")]
Flag = Annotated[
    str | None,
    typer.Option(
        help="Metadata column with an external classifier's verdict (0 or 1), held against the concern facet."
    ),
]
Missing = Annotated[
    str | None,
    typer.Option(
        help="What to do with calls that a recording lacks: `stop` and write them down, or let `local` "
        "(local/extractive) answer those about clusters. Default: local for the shipped recording and data, else stop."
    ),
]
Embedder = Annotated[str, typer.Option(help="A sentence-transformers name or folder.")]
Conversations = Annotated[int, typer.Option(help="Fewest conversations of a cluster that is published.")]
Accounts = Annotated[int, typer.Option(help="Fewest unique accounts of a cluster that is published.")]


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
    min_conversations: Conversations = 4,
    min_accounts: Accounts = 3,
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
            return Config(
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
                name_held_back=True,
                quote=d is not None and not d.sensitive,
                missing=showing.missing(missing, model, data),
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
def gate(
    base: Annotated[Path, typer.Argument(help="Folder of the baseline's finished run, or of a session.")],
    candidate: Annotated[Path, typer.Argument(help="Folder of the candidate's.")],
    policy: Annotated[
        str,
        typer.Option(help="`prompt-change`, `model-upgrade`, `privacy-release`, or the path of your own TOML file."),
    ] = "model-upgrade",
    out: Annotated[Path | None, typer.Option(help="Folder for verdict.json; default: the candidate's.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML, a test case a gate.")] = None,
    summary: Annotated[
        Path | None, typer.Option(envvar="GITHUB_STEP_SUMMARY", help="Append a Markdown summary to this file.")
    ] = None,
) -> None:
    """Hold a candidate against a baseline by a policy: PASS, WARN, FAIL or INCONCLUSIVE.

    PASS and FAIL both have to be shown; what shows neither is INCONCLUSIVE and says how many seeds, conversations or
    clusters would settle it. Exit code 0 for PASS and WARN, 100 for FAIL, 101 for INCONCLUSIVE.
    """
    with terminal.plain_errors():
        from evals import judging

        code = judging.gate(base, candidate, policy, out or candidate, junit, summary)
    raise typer.Exit(code)


@app.command()
def power(
    run: Annotated[Path, typer.Option(help="A finished run; one with `--seeds 5` says more.")],
    metric: Annotated[str, typer.Option(help="accuracy, macro_f1 or weighted_f1.")] = "accuracy",
    margin: Annotated[float, typer.Option(help="The difference that should be found; 0.02 is two points.")] = 0.02,
    dataset: Annotated[str | None, typer.Option(help="Which part of a session; default: its first.")] = None,
) -> None:
    """Say what a comparison with this run can show, and what seeds or data a wanted difference needs.

    One-sided 5%, 80% power, from the variance that the run itself shows.
    """
    with terminal.plain_errors():
        from evals import judging

        judging.power(run, metric, margin, dataset)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")]) -> None:
    """Draw the figures and write `report.html` of a finished run again, and print its tables."""
    with terminal.plain_errors():
        from evals import showing

        showing.finish(folder)


@app.command()
def review(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run over one data set.")],
    files: Annotated[list[Path] | None, typer.Argument(help="With --import: files that people saved.")] = None,
    import_: Annotated[bool, typer.Option("--import", help="Bring saved files in instead of making a sheet.")] = False,
    out: Annotated[Path | None, typer.Option(help="The sheet to write; default: RUN/review_SUITE.html.")] = None,
    suite: Annotated[str, typer.Option(help="What to judge: `summaries`, `clusters` or `hierarchy`.")] = "summaries",
    n: Annotated[int, typer.Option(help="How many, drawn at random.")] = 100,
    seed: Seed = 0,
    dataset: Annotated[
        str | None, typer.Option(help="Your own file, where the run was made over one; summaries need it.")
    ] = None,
    allow_sensitive: Annotated[
        bool, typer.Option("--allow-sensitive", help="Make a sheet although the data is declared sensitive.")
    ] = False,
) -> None:
    """Let people judge what a run made: write a sheet, or bring saved sheets in with `--import A.json B.json`.

    A sheet is one HTML file that works without a network. It shows no grader's verdict and no label. Saved sheets give
    accuracy with its interval, Cohen's kappa between people and with the grader, and the grader's rate corrected by
    what people said; all of it lands in the run's report.
    """
    with terminal.plain_errors():
        from evals import showing

        if import_:
            showing.bring_in_reviews(run, files or [])
        else:
            made = out or run / f"review_{suite}.html"
            showing.review_sheet(run, made, suite, files, n=n, seed=seed, source=dataset, allow=allow_sensitive)


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(help="Folder of the finished run that stood before.")],
    candidate: Annotated[Path, typer.Argument(help="Folder of the finished run that is to be judged.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the comparison. Default: results/comparisons/BASE-vs-CANDIDATE.")
    ] = None,
    html: Annotated[bool, typer.Option("--html/--no-html", help="Also draw pictures and write `report.html`.")] = True,
    prices: Annotated[Path | None, typer.Option(help="Your own price file, as evals/prices.toml.")] = None,
) -> None:
    """Hold two finished runs over the same data against each other: what changed, and what came of it.

    Paired differences with intervals for every metric, by language and category; languages that moved otherwise than
    the rest; conversations that changed sides and clusters that came and went; cost and time. It gives no verdict.
    """
    with terminal.plain_errors():
        from evals import compare as comparing
        from evals import costs
        from reports import comparison

        found = comparing.compare(base, candidate, costs.read_prices(prices))
        folder = comparing.write(found, out or comparing.default_folder(base, candidate))
        terminal.out.print(comparison.console(comparison.read(folder)))
        written = comparison.write(folder) if html else folder / "tables"
        terminal.out.print(f"Comparison: {written}", highlight=False, soft_wrap=True)


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


@answers_app.command()
def status(pending: Annotated[Path, typer.Argument(help="A pending file, or the folder of a run.")]) -> None:
    """How many requests wait, by stage."""
    with terminal.plain_errors():
        from evals import showing

        showing.waiting(pending)


@answers_app.command("import")
def import_(
    results: Annotated[list[Path], typer.Argument(help="Batch results, or lines of custom_id and text.", exists=True)],
    into: Annotated[str, typer.Option(help="Recording that takes them, by name or folder.")] = "reference",
    pending: Annotated[Path | None, typer.Option(help="The pending file that they answer.")] = None,
) -> None:
    """Bring answers into a recording. Run the same command again afterwards, and it goes on."""
    with terminal.plain_errors():
        from evals.answers import import_answers

        done = import_answers(results, into, pending)
        terminal.out.print(
            f"{done.new} new, {done.replaced} replaced, {done.same} the same; {done.waiting} still wait."
        )


@answers_app.command()
def vectors(
    folder: Annotated[Path, typer.Argument(help="Folder of a run that used the recording.", exists=True)],
    into: Annotated[str, typer.Option(help="Recording that takes them, by name or folder.")] = "reference",
) -> None:
    """Keep a run's embeddings beside its recording, so that replaying it needs no torch and cannot drift."""
    with terminal.plain_errors():
        from evals.answers import keep_vectors

        terminal.out.print(f"{keep_vectors(folder, into)} vectors kept.")


@prompts_app.command()
def lock() -> None:
    """Write the versions and digests of all prompt files into `prompts/lock.json`; say what changed."""
    with terminal.plain_errors():
        from evals import showing

        showing.lock()


@prompts_app.command("diff")
def diff_prompts(
    prompts: Prompts = None,
    run: Annotated[Path | None, typer.Option(help="A finished run: the prompts that it used.")] = None,
) -> None:
    """Show how your prompt files, or those that a run used, differ from the shipped ones: versions, digests, text.

    Warns where a text changed and its version did not.
    """
    with terminal.plain_errors():
        from evals import showing

        showing.prompt_changes(prompts, run)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="File to write, .jsonl or .parquet; manifest and journal stand beside it.")],
    taxonomy: Annotated[str, typer.Option(help="`regular`, `concerning` or `private`.")] = "regular",
    size: Annotated[
        int, typer.Option(help="Conversations; categories x 15 languages, or a multiple, is balanced.")
    ] = 300,
    model: Model = "recorded/reference",
    language: Annotated[
        list[str] | None, typer.Option(help="Only these languages, by English name. Repeatable.")
    ] = None,
    seed: Seed = 0,
    width: Width = 50,
    max_cost: Annotated[
        float | None, typer.Option(help="Dollars: a plan above it is refused, spending stops there.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own price file, as evals/prices.toml.")] = None,
    rate: Annotated[float, typer.Option(help="Calls a minute, for the estimate of time.")] = 200,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    prompts: Prompts = None,
) -> None:
    """Make synthetic conversations with a known truth: category, subcategory, request, dialogue (paper C.2.1).

    Attributes (length, tone, register, turns, persona) come from a seeded design that is balanced over categories and
    languages; a smaller size is the beginning of a larger one. The same command goes on where it was stopped.
    """
    with terminal.plain_errors():
        from clio_core import overrides
        from clio_core.door import Door
        from evals import costs, generating, showing

        overrides.check(prompts)
        rows, prompt_name = showing.design_of(taxonomy, size, language, seed)
        table = costs.read_prices(prices)
        planned = generating.plan(rows, prompt_name, model, table)
        terminal.out.print(planned.line(model, rate), highlight=False, soft_wrap=True)
        generating.check_cost(planned, max_cost)
        if dry_run:
            return
        with terminal.bars() as bars:
            answering = showing.one_model(model, out.with_suffix(".pending.jsonl"))
            door = Door(
                lambda role: answering,
                generating.journal_for(out),
                width=width,
                progress=bars,
                watch=generating.Purse(table, max_cost),
            )
            made = generating.write(rows, prompt_name, door, out, prompts)
        terminal.out.print(
            f"{len(made.conversations)} conversations in {out}; {len(made.failed)} failed", soft_wrap=True
        )


@app.command("check-data")
def check_data(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Shipped sets or your own files; default: all shipped.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Who reads the conversations, to find their labels and twins in other languages. "
            "Default: the shipped recording for shipped sets; nobody for your files."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="A finished run over the (one) set: its summaries are searched for twins.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables, findings, figures and a page; with --model always one.")
    ] = None,
    width: Width = 50,
    prompts: Prompts = None,
    sensitive: Annotated[bool, typer.Option(help="Your own file: name no words of its texts in findings.")] = True,
) -> None:
    """Check data sets: language, duplicates, leaks, balance, lengths, refusals, planted facts, blind labels, twins.

    Works on the shipped sets and on any file whose rows carry category and language. A failed check names the rows and
    makes the exit code 100. Blind labels come from a model that is shown a conversation and all categories, and never
    the label.
    """
    with terminal.plain_errors():
        from clio_core import overrides
        from evals import checking, showing
        from evals.reading import Readers
        from synthetic.datasets import open_dataset, shipped

        overrides.check(prompts)
        data = [open_dataset(name, sensitive=sensitive) for name in datasets or shipped()]
        folder = out if out is not None or model is None else showing.check_folder(data, model, prompts)
        with terminal.bars() as bars:
            found = checking.run(data, Readers(model, run, width, prompts), folder, bars.of)
        for examined in found:
            checking.show(examined)
        if folder is not None:
            showing.page(folder)
    if any(examined.failed for examined in found):
        raise typer.Exit(terminal.FAILED)


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


def main() -> None:
    """Entry point of `clio-evals`."""
    terminal.main(app)
