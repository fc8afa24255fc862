"""What the command line shows while it works, and how it ends when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

out = Console()
err = Console(stderr=True)
FAILED = 100  # exit code: the work was done and its verdict is a failure
MISSING_ANSWERS = 3  # exit code: a recording lacks answers; 1 stays for crashes, 2 for usage


class Bars:
    """A progress bar a stage."""

    def __init__(self, progress: Progress, part: str = "") -> None:
        self._progress, self._part = progress, part
        self._tasks: dict[str, TaskID] = {}

    def of(self, part: str) -> Bars:
        """Bars of one part of several, in the same display."""
        return Bars(self._progress, f"{part}: ")

    def start(self, stage: str, total: int) -> None:
        """Show a bar for a stage."""
        self._tasks[stage] = self._progress.add_task(self._part + stage, total=total)

    def advance(self, stage: str) -> None:
        """One call of a stage is done."""
        self._progress.advance(self._tasks[stage])


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on standard error, so that standard output stays clean for pipes."""
    columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        yield Bars(progress)


def shout(lines: Iterable[str]) -> None:
    """Say on standard error, where nobody misses it, what must not be relied on."""
    for line in lines:
        err.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors that a user can mend into one message and an exit code; let real faults through."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("\nStopped. Nothing that was answered is lost: the same command goes on from here.")
        raise typer.Exit(130) from None
    except Exception as error:
        # Looked up only now: a command that goes well need not load what it does not use.
        found = _explained(error)
        if found is None:
            raise
        heading, code = found
        err.print(f"[bold]{heading}:[/] ", end="", highlight=False)
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(code) from None


def _explained(error: Exception) -> tuple[str, int] | None:
    """Heading and exit code of an error that a user can mend; None for a fault of ours."""
    from clio_core.config import ConfigError
    from clio_core.door import UnrecordedError
    from clio_core.embedding import EmbedderError
    from clio_core.pipeline import NothingToClusterError
    from clio_core.prompting import PromptError
    from clio_core.recordings import RecordingError
    from clio_core.runfolder import RunFolderError
    from clio_core.sources import LoadError
    from evals.generating import CostLimitError
    from evals.review_items import ReviewError
    from synthetic.datasets import DatasetError

    if isinstance(error, UnrecordedError):
        return "Answers are missing", MISSING_ANSWERS
    if isinstance(error, NothingToClusterError):
        return "The run came to nothing", 1
    inputs = (ConfigError, DatasetError, EmbedderError, LoadError, PromptError, RecordingError, RunFolderError)
    if isinstance(error, (*inputs, CostLimitError, ReviewError)):
        return type(error).__name__, 2
    return None


def main(app: Callable[[], None]) -> None:
    """Run a command line whose output may hold any script, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    app()
