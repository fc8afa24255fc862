"""The journal of a run: every answered model call, appended as it arrives, keyed by what was asked.

A killed run starts again with its journal and pays for nothing twice; an edited prompt has another key and is
asked anew. Lines are written whole and handed to the operating system at once, so that `kill -9` loses at most
calls that were still in flight; a torn last line is dropped on reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered call.

    Attributes:
        key: digest of model, stage, messages, settings and sample index.
        stage: "facet:request", "name", "assign", ...
        text: the completion as it came.
        stop: Inspect's stop reason ("stop", "max_tokens", "content_filter", ...).
        input_tokens: tokens read, cache reads and writes included.
        output_tokens: tokens written.
        cached_tokens: those of the input that were read from a prompt cache.
        seconds: how long the call took.
        estimated: True where the provider reports no usage and the counts are estimates.
        note: the provider's own word on a refusal or fault, if any.
    """

    key: str
    stage: str
    text: str
    stop: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0
    estimated: bool = False
    note: str = ""


class Journal:
    """Append-only store of answers. Without a path it lives in memory alone."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._answers: dict[str, Answer] = {}
        self._lent: dict[str, Answer] = {}
        self.adopted = 0
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._recover(path)
            self._file = path.open("a", encoding="utf-8")

    def _recover(self, path: Path) -> None:
        found, whole = _read(path)
        self._answers.update({answer.key: answer for answer in found})
        with path.open("rb+") as file:
            file.truncate(whole)

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Answer | None:
        """The answer to the call with this key, if it was ever answered, here or in a run that lends its answers."""
        known = self._answers.get(key)
        if known is None and key in self._lent:
            known = self._lent[key]
            self.adopted += 1
            self.put(known)
        return known

    def put(self, answer: Answer) -> None:
        """Keep an answer and hand its line to the operating system."""
        self._answers[answer.key] = answer
        if self._file is not None:
            self._file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
            self._file.flush()

    def adopt(self, answers: Iterable[Answer]) -> None:
        """Lend this journal the answers of another run, for calls that it does not know.

        One is taken over when it is asked for, so that the journal holds what its own run used and nothing else;
        `adopted` counts them.
        """
        self._lent.update({answer.key: answer for answer in answers})

    def all(self) -> list[Answer]:
        """Every answer, oldest first."""
        return list(self._answers.values())

    def close(self) -> None:
        """Close the file; the journal can still be read."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> list[Answer]:
    """Answers of a journal that belongs to another run, oldest first; its file is left as it is.

    Raises:
        ValueError: a line that is no answered call.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[list[Answer], int]:
    """The answers, and how many bytes their lines take; a last line that a kill tore is not among them."""
    found, whole = [], 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break  # its call is simply asked again
            whole += len(line)
            try:
                found.append(Answer(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}:{number}: wanted an answered call, got {error}") from error
    return found, whole
