"""Conversations from files, folders, Inspect logs and Hugging Face data sets, as records.

Nothing is dropped in silence: a row that cannot be read either stops the load with its place and field, or is listed in
`Loaded.skipped`; turn fields and accounts that could not be kept are named in `Loaded.notes`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from clio_core.adapters import ADAPTERS, Adapter, Layout, Row, adapter_for, own_account
from clio_core.records import Conversation
from clio_core.sources import LONE_SURROGATE, LoadError, Source, open_source
from clio_core.values import FieldError, plain, utc

__all__ = ["BadRow", "BadRowError", "LayoutError", "LoadError", "Loaded", "content_hash", "dump_jsonl", "load"]

# Rows whose columns are looked at together, so that one bad row at the top does not decide the layout.
PEEK = 100


class LayoutError(LoadError):
    """The columns of a source fit no layout."""


class BadRowError(LoadError):
    """One row cannot be read. `bad` says which, and why."""

    def __init__(self, bad: BadRow) -> None:
        super().__init__(str(bad))
        self.bad = bad


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read.

    Attributes:
        source: the file, folder or data set.
        row: its number in the source, from 1.
        field: path of the field inside the row; "" when the row as a whole could not be read.
        wanted: what was wanted there.
        got: what came, by kind and size; never what somebody wrote.
        unit: what `row` counts, "line" or "row".
    """

    source: str
    row: int
    field: str
    wanted: str
    got: str
    unit: str = "row"

    def __str__(self) -> str:
        place = f"field {self.field!r}: " if self.field else ""
        return f"{self.source}, {self.unit} {self.row}: {place}wanted {self.wanted}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a source held.

    Attributes:
        conversations: in the order of the source.
        skipped: rows that could not be read; empty unless `skip_bad` was asked for.
        content_hash: of the conversations, see `content_hash()`.
        layout: "clio", "wildchat", "lmsys" or "inspect".
        notes: sentences that belong beside every result over these conversations.
    """

    conversations: tuple[Conversation, ...]
    skipped: tuple[BadRow, ...]
    content_hash: str
    layout: str
    notes: tuple[str, ...] = ()


def load(
    source: str | Path,
    *,
    split: str = "train",
    layout: Layout | None = None,
    skip_bad: bool = False,
    limit: int | None = None,
) -> Loaded:
    """Read conversations.

    Args:
        source: a .jsonl, .jsonl.gz or .parquet file; an Inspect log (.eval or .json), one conversation a sample; a
            folder, written by `save_to_disk` or of files that `datasets` can read; or the name of a Hugging Face data
            set.
        split: for folders and Hugging Face data sets.
        layout: forces a layout where the columns should not decide; Inspect logs have but one.
        skip_bad: collect bad rows in `Loaded.skipped` and go on.
        limit: stop after this many good conversations, in the order of the source.
    Raises:
        BadRowError: a row is wrong, or has the id of an earlier one.
        LayoutError: the columns fit no layout.
        LoadError: the source is missing, empty, damaged or of an unknown kind.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    opened = open_source(source, split, streaming=limit is not None)
    head = list(islice(opened.rows, PEEK))
    adapter = _adapter(opened, head, "clio" if opened.inspect else layout)
    ignored: set[str] = set()
    conversations: list[Conversation] = []
    skipped: list[BadRow] = []
    for number, result in _converted(chain(head, opened.rows), adapter, ignored):
        if isinstance(result, Conversation):
            conversations.append(result)
        elif skip_bad:
            skipped.append(_bad(opened, number, result))
        else:
            raise BadRowError(_bad(opened, number, result)) from result
        if len(conversations) == limit:
            break
    return Loaded(
        tuple(conversations),
        tuple(skipped),
        content_hash(conversations),
        "inspect" if opened.inspect else adapter.name,
        (*adapter.notes, *_notes(conversations, len(skipped), opened.repaired, ignored)),
    )


def content_hash(conversations: Iterable[Conversation]) -> str:
    """SHA-256 over the conversations in id order, as 64 hex digits.

    It covers what the records hold, not the bytes of a file: the same data as JSONL and as Parquet, in any order of
    rows, have the same hash. Times in extra columns are the exception, for JSON has them only as text.
    """
    total = hashlib.sha256()
    for conversation in sorted(conversations, key=lambda item: item.id):
        total.update(hashlib.sha256(_line(conversation)).digest())
    return total.hexdigest()


def dump_jsonl(conversations: Iterable[Conversation], path: str | Path) -> None:
    """Write conversations in our own layout, one a line, for `load` to read back; gzip when the name ends in .gz."""
    target = Path(path)
    with target.open("wb") as raw:
        if target.suffix != ".gz":
            raw.writelines(_line(conversation) for conversation in conversations)
            return
        # No name and no time inside, so that equal conversations give equal files.
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
            packed.writelines(_line(conversation) for conversation in conversations)


def _line(conversation: Conversation) -> bytes:
    row: dict[str, Any] = {
        "id": conversation.id,
        "account": conversation.account,
        "messages": [
            {
                "role": message.role,
                "content": message.content,
                **({"tool_calls": message.tool_calls} if message.tool_calls else {}),
                **({"attachments": message.attachments} if message.attachments else {}),
            }
            for message in conversation.messages
        ],
    }
    if conversation.time is not None:
        row["time"] = utc(conversation.time).isoformat()
    if metadata := plain(conversation.metadata, "metadata"):
        row["metadata"] = metadata
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair has no place in UTF-8
        return LONE_SURROGATE.sub("\ufffd", text).encode("utf-8")


def _adapter(opened: Source, head: list[tuple[int, Row | FieldError]], layout: Layout | None) -> Adapter:
    if not head:
        raise LoadError(f"{opened.name}: wanted at least one row, got none")
    columns = sorted({str(column) for _, row in head if isinstance(row, Mapping) for column in row})
    adapter = adapter_for(columns, layout)
    if adapter is not None:
        return adapter
    number, first = head[0]
    if isinstance(first, FieldError):
        raise BadRowError(_bad(opened, number, first))
    known = "; ".join(f"{known.name} ({', '.join(sorted(known.columns))})" for known in ADAPTERS)
    raise LayoutError(f"{opened.name}: wanted the columns of one of {known}; got {', '.join(columns) or 'none'}")


def _bad(opened: Source, number: int, error: FieldError) -> BadRow:
    return BadRow(opened.name, number, error.field, error.wanted, error.got, opened.unit)


def _converted(
    rows: Iterable[tuple[int, Row | FieldError]], adapter: Adapter, ignored: set[str]
) -> Iterator[tuple[int, Conversation | FieldError]]:
    seen: dict[str, int] = {}
    for number, row in rows:
        if isinstance(row, FieldError):
            yield number, row
            continue
        try:
            conversation = adapter.convert(row, ignored)
        except FieldError as error:
            yield number, error
            continue
        first = seen.setdefault(conversation.id, number)
        if first == number:
            yield number, conversation
        else:
            yield number, FieldError("id", "an id that no earlier row has", f"the one of {first}")


def _notes(conversations: list[Conversation], skipped: int, repaired: list[int], ignored: set[str]) -> Iterator[str]:
    alone = sum(conversation.account == own_account(conversation.id) for conversation in conversations)
    if alone:
        yield (
            f"{alone} of {len(conversations)} conversations came without an account, and each counts as an account of "
            "its own: for them the unique-account threshold protects nothing that the conversation threshold does not."
        )
    if skipped:
        yield f"{skipped} rows could not be read and were skipped."
    if repaired:
        yield f"In {len(repaired)} rows halves of surrogate pairs were replaced by U+FFFD."
    if ignored:
        yield f"Fields of turns that were not kept: {', '.join(sorted(ignored))}."
