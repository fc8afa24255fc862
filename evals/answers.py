"""Pending requests and their answers: what waits, and how answers come into a recording."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clio_core import recordings
from clio_core.embedding import Store
from clio_core.places import RECORDINGS


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: answers that were new, replaced others, or were known already, and how many still wait."""

    new: int
    replaced: int
    same: int
    waiting: int


def waiting(pending: Path) -> Counter[str]:
    """How many requests of each stage a pending file holds."""
    if not pending.exists():
        return Counter()
    return Counter(recordings.pending_stages(pending).values())


def home(name: str) -> Path:
    """Folder of a recording that may not exist yet: a path as it stands, a bare name in `results/recordings/`."""
    return Path(name) if "/" in name or Path(name).is_dir() else RECORDINGS / name


def import_answers(results: Sequence[Path], name: str, pending: Path | None) -> Imported:
    """Bring answers into the recording `name`, and take them off the pending file.

    Args:
        results: files of batch results, or of {"custom_id", "text"} lines.
        name: recording to add to; it is made if it does not exist.
        pending: pending file that the answers belong to; with it, an answer to something that nobody asked is refused.
    Raises:
        RecordingError: a line that is no answer, or answers a question that is not pending and not recorded yet.
    """
    file = home(name) / "answers.jsonl"
    known = recordings.read(file)
    stages = recordings.pending_stages(pending) if pending is not None and pending.exists() else {}
    new = replaced = same = 0
    for path in results:
        for answer in recordings.read_results(path, stages):
            if pending is not None and answer.key not in stages and answer.key not in known:
                raise recordings.RecordingError(f"{path}: {answer.key} answers no request of {pending}")
            before = known.get(answer.key)
            same += before == answer
            replaced += before is not None and before != answer
            new += before is None
            known[answer.key] = answer
    recordings.write(file, known.values())
    left = 0
    if pending is not None and pending.exists():
        rest = [line for line in recordings.lines(pending) if line.strip() and not _answered(line, known)]
        pending.write_text("".join(line + "\n" for line in rest), encoding="utf-8")
        left = len(rest)
    return Imported(new, replaced, same, left)


def _answered(line: str, known: dict[str, recordings.Recorded]) -> bool:
    return str(json.loads(line)["custom_id"])[-32:] in known


def keep_vectors(run: Path, name: str) -> int:
    """Copy the vectors that a run looked up into the recording's `embeddings.npz`; returns how many it then holds."""
    kept = Store(home(name) / "embeddings.npz", shipped=[run / "embeddings.npz"])
    return kept.keep_all()
