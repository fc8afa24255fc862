"""What commands print, and the small conversions between a command line and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from rich.table import Table

from clio_core import overrides, prompting
from clio_core.config import Config, ConfigError
from clio_core.places import PROMPTS, ROOT
from clio_core.records import digest
from clio_core.runfolder import RunFolder, RunFolderError
from evals import answers, costs, prompt_diffs, session, terminal
from evals.session import Part
from synthetic import design, generator
from synthetic.datasets import Dataset, DatasetError
from synthetic.design import Row

if TYPE_CHECKING:
    from inspect_ai.model import Model


def roles(given: list[str] | None) -> dict[str, str]:
    """`["namer=some/model"]` as a dictionary.

    Raises:
        ConfigError: an entry without "=".
    """
    pairs = [entry.partition("=") for entry in given or []]
    if wrong := [role for role, equals, name in pairs if not (role and equals and name)]:
        raise ConfigError(f"--role wants ROLE=MODEL, got {wrong}")
    return {role: name for role, _, name in pairs}


def strategy(given: str) -> Literal["conversations", "completions"]:
    """Check the name of a sampling strategy."""
    if given not in ("conversations", "completions"):
        raise ConfigError(f"--strategy must be 'conversations' or 'completions', got {given!r}")
    return cast(Literal["conversations", "completions"], given)


def design_of(taxonomy: str, size: int, languages: list[str] | None, seed: int) -> tuple[list[Row], str]:
    """The design of a data set and the name of the prompt that its first messages come from.

    Raises:
        DatasetError: a taxonomy that no request prompt is made for, or a language that is none of the fifteen.
    """
    if taxonomy not in generator.REQUEST_PROMPTS:
        raise DatasetError(f"--taxonomy must be one of {sorted(generator.REQUEST_PROMPTS)}, got {taxonomy!r}")
    if unknown := sorted(set(languages or []) - set(design.LANGUAGES)):
        raise DatasetError(f"--language must be among {list(design.LANGUAGES)}, got {unknown}")
    rows = design.plan(taxonomy, size, languages=tuple(languages or design.LANGUAGES), seed=seed)
    return rows, generator.REQUEST_PROMPTS[taxonomy]


def one_model(name: str, pending: Path) -> Model:
    """A model by name; a recording gets a pending file of its own."""
    from inspect_ai.model import get_model

    return get_model(name, pending=str(pending), memoize=False) if name.startswith("recorded/") else get_model(name)


def default_folder(name: str, content_hash: str, config: Config, n: int | None, prompts: Path | None) -> Path:
    """A folder that belongs to this data, these settings and these prompts, so that a repeated command finds its run.

    It goes by what the prompt files say, not by where they are: an edited prompt is another run, to be held against
    the one before.
    """
    said = "None" if prompts is None else json.dumps(overrides.own(prompts))
    own = digest(content_hash, repr(config), str(n), said)[:8]
    model = config.model.replace("/", "-")
    return Path("results") / "runs" / f"{name}-{model}-{own}"


def session_folder(parts: Sequence[Part], n: int | None, prompts: Path | None) -> Path:
    """The default folder of a session: a single run's own, else one named after all that it holds."""
    hashes = [p.dataset.loaded.content_hash if p.dataset else p.name for p in parts]
    names = sorted({suite.name for part in parts for suite in part.suites})
    title = parts[0].name if len(parts) == 1 else "all" if len(parts) > 2 else "-".join(p.name for p in parts)
    return default_folder(title, " ".join((*hashes, *names)), parts[0].config, n, prompts)


def check_folder(data: Sequence[Dataset], model: str, prompts: Path | None) -> Path:
    """The default folder of checks that a model reads for, so that no answered call is paid for twice."""
    name = "check-" + "-".join(d.name for d in data)
    hashes = " ".join(d.loaded.content_hash for d in data)
    return default_folder(name, hashes, Config(model=model), None, prompts)


def run(parts: Sequence[Part], folder: Path, prompts: Path | None, base: Path | None = None) -> None:
    """Run the parts, with a bar a stage. One run over one data set stands in `folder` itself.

    Args:
        parts: what to run.
        folder: where it goes.
        prompts: folder whose prompt files win over the shipped ones.
        base: earlier run whose answers are taken over for every call that has not changed.
    """
    from evals import execute, session

    if prompts is not None and base is None:
        line = "Every call is made anew. --base RUN takes over the answers of an earlier run to what has not changed."
        terminal.err.print(line, highlight=False, soft_wrap=True)
    data = parts[0].dataset
    with terminal.bars() as bars:
        if len(parts) == 1 and data is not None:
            part = parts[0]
            execute.run(data, part.config, folder, suites=part.suites, progress=bars, prompts=prompts, base=base)
        else:
            session.run(parts, folder, progress=bars.of, prompts=prompts, base=base)
    if base is not None:
        taken = [RunFolder(part).read_manifest()["adopted"] for part in session.parts(folder).values()]
        line = f"{sum(taken):,} answers were taken over from {base}; nothing was asked again for them."
        terminal.err.print(line, markup=False, highlight=False, soft_wrap=True)


def suites() -> None:
    """Print the suites."""
    from evals.suites import SUITES

    table = Table("suite", "what it measures", "shipped data")
    for suite in SUITES.values():
        table.add_row(suite.name, suite.about, "its own" if suite.fixed else ", ".join(suite.sets))
    terminal.out.print(table)


def finish(folder: Path) -> None:
    """Print a run's tables, draw its figures, and write its page; a session's for each of its parts."""
    from reports import blocks, sections, tables, verdict

    found = session.parts(folder)
    for name, part in found.items():
        if len(found) > 1:
            terminal.out.rule(name)
        if tables.has_pipeline(part):
            terminal.out.print(tables.console(tables.read_report(part)))
        for section in sections.read(part):
            terminal.out.print(blocks.console(section))
    if folder not in found.values():
        for section in sections.together(folder):
            terminal.out.print(blocks.console(section))
    if any((part / "tables" / "supervised_summary.csv").exists() for part in found.values()):
        terminal.out.print(verdict.NOT_THE_PAPER, style="dim", highlight=False)
    page(folder)


def page(folder: Path) -> None:
    """Draw a run's figures and write its page, or a session's for each of its parts; say where it stands."""
    from reports import overview
    from reports import page as pages

    found = session.parts(folder)
    for part in found.values():
        pages.write_report(part)
    written = overview.write(folder, found) if folder not in found.values() else folder / "report.html"
    terminal.out.print(f"Report: {written}", highlight=False, soft_wrap=True)


def review_sheet(  # noqa: PLR0913 - options of one command
    run: Path,
    out: Path,
    kind: str,
    stray: list[Path] | None,
    *,
    n: int,
    seed: int,
    source: str | None,
    allow: bool,
) -> None:
    """Write a sheet for people, and say where it is.

    Raises:
        ReviewError: see `reviewing.write_sheet`; or files were given, which only --import takes.
    """
    from evals import reviewing
    from evals.review_items import ReviewError

    if stray:
        raise ReviewError(f"to bring in {[str(file) for file in stray]}, say --import")
    count = reviewing.write_sheet(run, out, kind, n=n, seed=seed, source=source, allow_sensitive=allow)
    terminal.out.print(f"{count} to judge in {out}", highlight=False, soft_wrap=True)


def bring_in_reviews(run: Path, files: list[Path]) -> None:
    """Bring saved sheets into a run, print what comes of them, and write its page again.

    Raises:
        ReviewError: see `reviewing.bring_in`; or there are no files.
    """
    from clio_core.runfolder import RunFolder
    from evals import reviewing
    from evals.review_items import ReviewError
    from reports import blocks, page
    from reports.sections import Run
    from reports.sections.reviews import review_tables

    if not files:
        raise ReviewError("--import wants the files that people saved")
    reviewing.bring_in(run, files)
    folder = RunFolder.open(run)
    for table in review_tables(Run(folder, folder.read_manifest())):
        terminal.out.print(blocks.console_table(table))
    terminal.out.print(f"Report: {page.write_report(run)}", highlight=False, soft_wrap=True)


def failures(folder: Path) -> list[str]:
    """What a finished run says must not be relied on: its metrics whose note begins with "FAIL"."""
    import pandas as pd

    frame = pd.read_csv(folder / "metrics.csv", keep_default_na=False, dtype=str)
    failed = frame[frame["note"].str.startswith("FAIL")]
    return list(dict.fromkeys(f"{suite}: {note}" for suite, note in zip(failed["suite"], failed["note"], strict=True)))


def models(data: Dataset, config: Config, own_prices: Path | None) -> None:
    """Print each role's model and the estimate of a run."""
    prices = costs.read_prices(own_prices)
    rows = costs.estimate(data.conversations, config, prices, categories=len(data.categories))
    table = Table(title=f"{data.name}, {len(data.conversations)} conversations; estimates before the run")
    for column in ("stage", "role", "model"):
        table.add_column(column)
    for column in ("calls", "input tokens", "output tokens", "dollars"):
        table.add_column(column, justify="right")
    for r in rows:
        dollars = "no price" if r.dollars is None else f"{r.dollars:.2f}"
        numbers = (f"{r.calls:,}", f"{r.input_tokens:,}", f"{r.output_tokens:,}", dollars)
        table.add_row(r.stage, r.role, r.model, *numbers)
    known = sum(r.dollars for r in rows if r.dollars is not None)
    total = f"{known:.2f}" + (" and more" if any(r.dollars is None for r in rows) else "")
    sums = [sum(r.calls for r in rows), sum(r.input_tokens for r in rows), sum(r.output_tokens for r in rows)]
    table.add_section()
    table.add_row("all", "", "", *(f"{s:,}" for s in sums), total)
    terminal.out.print(table)
    terminal.out.print(f"Tokens are bytes over four; prices of {prices.as_of}; message batches cost half.")


def waiting(path: Path) -> None:
    """Print how many requests wait."""
    file = path / "pending.jsonl" if path.is_dir() else path
    counted = answers.waiting(file)
    if not counted:
        terminal.out.print(f"Nothing waits in {file}.", soft_wrap=True)
        return
    table = Table("stage", "requests", title=str(file))
    for stage, count in sorted(counted.items()):
        table.add_row(stage, str(count))
    terminal.out.print(table)


def locked() -> dict[str, dict[str, object]]:
    """Version and digest of every prompt file as it stands."""
    import tomllib

    found: dict[str, dict[str, object]] = {}
    for name in prompting.names():
        prompt = prompting.load(name)
        found[f"{name}.txt"] = {"version": prompt.version, "digest": prompt.digest}
    for file in sorted(PROMPTS.glob("*/*.toml")):
        text = file.read_text(encoding="utf-8")
        found[file.relative_to(PROMPTS).as_posix()] = {
            "version": tomllib.loads(text)["version"],
            "digest": digest(text),
        }
    return found


def lock() -> None:
    """Write `prompts/lock.json`.

    Raises:
        PromptError: a file changed while its version stayed.
    """
    file = PROMPTS / "lock.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    now = locked()
    changed = [name for name in sorted({*now, *before}) if before.get(name) != now.get(name)]
    stale = [n for n in changed if n in before and n in now and before[n]["version"] == now[n]["version"]]
    if stale:
        raise prompting.PromptError(f"{stale} changed under the same version; raise `version` in each and lock again")
    file.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    terminal.out.print(f"{file.relative_to(ROOT)}: " + (f"changed {changed}" if changed else "nothing changed"))


def prompt_changes(own: Path | None, run: Path | None) -> None:
    """Print how a user's prompt files, or those that a run used, differ from the shipped ones.

    Raises:
        ConfigError: neither was given, or both.
        PromptError: a file that nothing would read, or that cannot do its work.
        RunFolderError: no finished run, or one that kept no prompts.
    """
    if (own is None) == (run is None):
        raise ConfigError("prompts diff wants either --prompts DIR or --run RUN")
    if own is not None:
        overrides.check(own)
        mine, called = overrides.own(own), str(own)
    else:
        mine, called = _prompts_of(cast(Path, run)), "run"
    shipped = prompting.texts()
    found = prompt_diffs.changed({n: t for n, t in shipped.items() if n in mine}, mine, ("shipped", called))
    for change in found:
        terminal.out.print(prompt_diffs.heading(change), soft_wrap=True)
        terminal.out.print(prompt_diffs.coloured(change), soft_wrap=True)
    same = len(mine) - len(found)
    terminal.out.print(f"{len(found)} of {len(mine)} prompt files differ from the shipped ones, {same} are the same.")
    if silent := [change.name for change in found if change.same_version]:
        terminal.out.print(
            f"[bold yellow]Warning:[/] {silent} changed under the same version. Raise `version` in each: two texts of "
            "one version cannot be told apart in a manifest.",
            highlight=False,
            soft_wrap=True,
        )


def _prompts_of(run: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for part in session.parts(run).values():
        file = part / "prompts.json"
        if not file.exists():
            raise RunFolderError(f"{part} was made by an older version, which kept no texts of prompts")
        texts |= json.loads(file.read_text(encoding="utf-8"))
    return texts
