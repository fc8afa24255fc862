"""What the command line shows while it works, and how it ends when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

out = Console()
err = Console(stderr=True)
MISSING_ANSWERS = 3  # exit code: a recording lacks answers; 1 stays for crashes, 2 for usage


class Bars:
    """A progress bar a stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def start(self, stage: str, total: int) -> None:
        """Show a bar for a stage."""
        self._tasks[stage] = self._progress.add_task(stage, total=total)

    def advance(self, stage: str) -> None:
        """One call of a stage is done."""
        self._progress.advance(self._tasks[stage])


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on standard error, so that standard output stays clean for pipes."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        yield Bars(progress)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors that a user can mend into one message and an exit code; let real faults through."""
    from clio_core.config import ConfigError
    from clio_core.door import UnrecordedError
    from clio_core.embedding import EmbedderError
    from clio_core.prompting import PromptError
    from clio_core.recordings import RecordingError
    from clio_core.runfolder import RunFolderError
    from clio_core.sources import LoadError
    from evals.generating import CostLimitError
    from synthetic.datasets import DatasetError

    mendable = (
        ConfigError,
        CostLimitError,
        DatasetError,
        EmbedderError,
        LoadError,
        PromptError,
        RecordingError,
        RunFolderError,
    )
    try:
        yield
    except UnrecordedError as error:
        err.print(f"[bold]Answers are missing.[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(MISSING_ANSWERS) from None
    except mendable as error:
        err.print(f"[bold red]{type(error).__name__}:[/] ", end="", highlight=False)
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        err.print("\nStopped. Nothing that was answered is lost: the same command goes on from here.")
        raise typer.Exit(130) from None


def main(app: Callable[[], None]) -> None:
    """Run a command line whose output may hold any script, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    app()
