"""The command line, `clio-evals`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import typer

from evals import cli_data, cli_runs, cli_verdicts, terminal

app = typer.Typer(
    name="clio-evals",
    help="How far can a Clio-style clustering of conversations be trusted? Run it where the truth is known, and see.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (cli_runs, cli_verdicts, cli_data):
    app.add_typer(part.app)


def main() -> None:
    """Entry point of `clio-evals`."""
    terminal.main(app)
