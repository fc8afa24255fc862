"""Commands that hold a run against something: compare, gate, power, review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import terminal
from evals.options import Seed

app = typer.Typer()


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
