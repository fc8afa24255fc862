"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from reports import words


def plain_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for a terminal, plain and narrow, so that a table of languages fits into 80 columns."""
    # Cells are `Text`: a plain string would be read as markup.
    table = Table(
        title=Text(words.printable(title)),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i == 0 else "right", no_wrap=i > 0)
    for row in rows:
        table.add_row(*(Text(words.printable(cell)) for cell in row))
    return table
