"""Rows out of files, folders, Inspect logs and Hugging Face data sets. What a row means is not decided here."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from clio_core.adapters import Row, row_of_sample
from clio_core.values import FieldError, described

FILE_KINDS = (".jsonl", ".jsonl.gz", ".parquet", ".eval", ".json")
PARQUET_BATCH = 256
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Everything of a sample that a conversation does not need; most of a log's size.
SAMPLE_FIELDS_UNREAD = {"store", "events", "events_data", "timelines", "attachments"}


class LoadError(ValueError):
    """A source as a whole cannot be read. The message names it, what was wanted and what came."""


@dataclass(frozen=True, slots=True)
class Source:
    """An opened source.

    Attributes:
        name: as it was asked for.
        rows: number (from 1) and row; an error instead of a row that could not even be parsed. Read once.
        unit: what the numbers count, "line" or "row".
        inspect: whether the rows are samples of an Inspect log.
        repaired: numbers of rows in which half surrogate pairs were replaced; fills while rows are read.
    """

    name: str
    rows: Iterator[tuple[int, Row | FieldError]]
    unit: str = "row"
    inspect: bool = False
    repaired: list[int] = field(default_factory=list)


def open_source(source: str | Path, split: str, *, streaming: bool) -> Source:
    """Open a source by what it is and how it is called.

    Args:
        split: for folders and Hugging Face data sets.
        streaming: fetch a Hugging Face data set row by row rather than whole.
    Raises:
        LoadError: it is missing or of a kind that is not read here.
    """
    name, path = str(source), Path(source)
    if path.is_dir():
        return Source(name, _numbered(_folder_rows(path, split)))
    if path.is_file():
        return _open_file(name, path)
    if isinstance(source, Path) or name.endswith(FILE_KINDS) or name.startswith((".", "/", "~")):
        raise LoadError(f"{name}: wanted a file or folder, got a path where nothing is")
    return Source(name, _numbered(_hub_rows(name, split, streaming)))


def _open_file(name: str, path: Path) -> Source:
    if name.endswith((".jsonl", ".jsonl.gz")):
        repaired: list[int] = []
        return Source(name, _json_lines(path, repaired), "line", repaired=repaired)
    if name.endswith(".parquet"):
        return Source(name, _numbered(_parquet_rows(path)))
    if name.endswith((".eval", ".json")):
        return Source(name, _numbered(_sample_rows(path)), inspect=True)
    raise LoadError(f"{name}: wanted a file whose name ends in one of {', '.join(FILE_KINDS)}, got another")


def _numbered(rows: Iterable[Row]) -> Iterator[tuple[int, Row | FieldError]]:
    yield from enumerate(rows, 1)


def _json_lines(path: Path, repaired: list[int]) -> Iterator[tuple[int, Row | FieldError]]:
    # Bytes, so that a line that is not UTF-8 is one bad row and not the end of the file.
    with cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
        try:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield number, _parsed(line, number, repaired)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise LoadError(f"{path}: wanted a whole gzip file, got a damaged one ({error})") from error


def _parsed(line: bytes, number: int, repaired: list[int]) -> Row | FieldError:
    try:
        row = json.loads(line.rstrip(b"\r\n").decode("utf-8"))
        if ESCAPED_SURROGATE.search(line):
            whole = _without_lone_surrogates(row)
            if whole != row:
                repaired.append(number)
                row = whole
    except json.JSONDecodeError as error:
        return FieldError("", "one JSON object", f"broken JSON ({error.msg} at character {error.pos + 1})")
    except UnicodeDecodeError as error:
        return FieldError("", "UTF-8", f"a byte that is none at position {error.start + 1}")
    except (ValueError, RecursionError) as error:  # numbers with thousands of digits; endless nesting
        return FieldError("", "one JSON object", f"one that Python cannot hold ({type(error).__name__})")
    return row if isinstance(row, dict) else FieldError("", "one JSON object", described(row))


def _without_lone_surrogates(value: Any) -> Any:
    # Half of a surrogate pair (a text cut inside an emoji) can be written to no file and sent to no model.
    if isinstance(value, str):
        return LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {LONE_SURROGATE.sub("\ufffd", key): _without_lone_surrogates(item) for key, item in value.items()}
    return value


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PARQUET_BATCH):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise LoadError(f"{path}: wanted a Parquet file, got {error}") from error


def _sample_rows(path: Path) -> Iterator[Row]:
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(path, exclude_fields=SAMPLE_FIELDS_UNREAD)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise LoadError(f"{path}: wanted an Inspect log, got {type(error).__name__}: {error}") from error
    for sample in log.samples or ():
        yield row_of_sample(sample, log)


def _folder_rows(path: Path, split: str) -> Iterator[Row]:
    if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        return _hub_rows(str(path), split, streaming=False)
    from datasets import load_from_disk

    stored = load_from_disk(str(path))
    if isinstance(stored, Mapping):
        if split not in stored:
            raise LoadError(f"{path}: wanted the split {split!r}, got the splits {', '.join(map(str, stored))}")
        stored = stored[split]
    return iter(stored)


def _hub_rows(name: str, split: str, streaming: bool) -> Iterator[Row]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        # Only names of data sets that the caller chose get here, and `datasets` runs no code that they bring along.
        return iter(load_dataset(name, split=split, streaming=streaming))
    except (DatasetsError, OSError, ValueError) as error:
        wanted = f"a data set or folder that `datasets` can read, with the split {split!r}"
        raise LoadError(f"{name}: wanted {wanted}, got {type(error).__name__}: {error}") from error
