"""Commands about data, prompts and answers: generate, check-data, answers, prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import terminal
from evals.options import Model, Prompts, Seed, Width

app = typer.Typer()
answers_app = typer.Typer(no_args_is_help=True, help="Requests that wait for answers, and answers brought back.")
app.add_typer(answers_app, name="answers")
prompts_app = typer.Typer(no_args_is_help=True, help="The prompt files and the lock that holds their digests.")
app.add_typer(prompts_app, name="prompts")


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
        names = datasets or [*shipped(), "auditor"]
        data = [open_dataset(name, sensitive=sensitive) for name in names if name != "auditor"]
        folder = out if out is not None or model is None else showing.check_folder(data, model, prompts)
        with terminal.bars() as bars:
            found = checking.run(data, Readers(model, run, width, prompts), folder, bars.of)
        for examined in found:
            checking.show(examined)
        failed = any(examined.failed for examined in found)
        if "auditor" in names:
            failed = not all(check.passed for check in checking.cluster_texts(folder if found else None)) or failed
        if folder is not None and found:
            showing.page(folder)
    if failed:
        raise typer.Exit(terminal.FAILED)


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
