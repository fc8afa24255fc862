"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
