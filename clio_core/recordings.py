"""Recordings: answered calls in a file, and the pending file of those that are still to be answered.

A recording is a JSONL file `answers.jsonl` in a folder of `results/recordings/`, or in any folder by path. Each line
holds `key` (digest of stage, messages and sample index), `stage`, `text` and `stop_reason`.
A pending file holds one request a line in the form of the Anthropic Message Batches API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from clio_core.places import RECORDINGS
from clio_core.records import digest

_ID = re.compile(r"^(?P<stage>[A-Za-z0-9_-]*?)-?(?P<key>[0-9a-f]{32})$")
_STOPS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "max_tokens", "refusal": "content_filter"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded answer."""

    key: str
    stage: str
    text: str
    stop_reason: str = "stop"


class RecordingError(ValueError):
    """A recording or a file of answers that cannot be used."""


def call_key(stage: str, turns: Sequence[tuple[str, str]], sample: int) -> str:
    """Key of a call: the same question in the same stage is the same call, whoever asks."""
    return digest(stage, json.dumps([list(turn) for turn in turns], ensure_ascii=False), str(sample))


def folder(name: str) -> Path:
    """The folder of a recording: a path as it stands, or a name in `results/recordings/`.

    Raises:
        RecordingError: there is no such folder; the message names those that there are.
    """
    if Path(name).is_dir():
        return Path(name)
    if (RECORDINGS / name).is_dir():
        return RECORDINGS / name
    known = sorted(p.name for p in RECORDINGS.glob("*") if p.is_dir())
    raise RecordingError(f"no recording {name!r}: neither a folder of that path nor one of {known}")


def read(path: Path) -> dict[str, Recorded]:
    """All answers of a recording by key. A missing file is an empty recording."""
    if not path.exists():
        return {}
    found: dict[str, Recorded] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                recorded = Recorded(row["key"], row["stage"], row["text"], row.get("stop_reason", "stop"))
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise RecordingError(f"{path}:{number}: not a recorded answer ({error!r})") from error
            found[recorded.key] = recorded
    return found


def write(path: Path, answers: Iterable[Recorded]) -> None:
    """Write a recording, sorted by stage and key so that its diff in version control is readable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sorted(answers, key=lambda a: (a.stage, a.key))
    text = "".join(json.dumps(asdict(a), ensure_ascii=False) + "\n" for a in ordered)
    path.write_text(text, encoding="utf-8")


def custom_id(stage: str, key: str) -> str:
    """Batch id of a call: at most 64 of the characters that the API allows, ending in the key."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', stage)[:31]}-{key}"


def request(stage: str, key: str, turns: Sequence[tuple[str, str]], model: str, max_tokens: int) -> dict[str, object]:
    """One request in the form of the Message Batches API."""
    messages = [{"role": speaker, "content": text} for speaker, text in turns]
    return {
        "custom_id": custom_id(stage, key),
        "params": {"model": model, "max_tokens": max_tokens, "messages": messages},
    }


def lines(path: Path) -> list[str]:
    """Lines of a JSONL file. Not `splitlines`, which also parts at U+2028 and others that JSON leaves in texts."""
    return path.read_text(encoding="utf-8").split("\n")


def read_results(path: Path, stages: dict[str, str] | None = None) -> list[Recorded]:
    """Answers out of a file of batch results, or of plain {"custom_id", "text"} lines.

    Args:
        path: JSONL file.
        stages: stage of each key as far as known (from the pending file); else the id's first part is taken.
    Raises:
        RecordingError: a line has no usable id, or is neither form; failed batch rows are named too.
    """
    found = []
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise RecordingError(f"{path}:{number}: not JSON ({error})") from error
        match = _ID.match(str(row.get("custom_id", "")))
        if match is None:
            raise RecordingError(f"{path}:{number}: custom_id {row.get('custom_id')!r} does not end in a call's key")
        text, stop = _text_of(row, f"{path}:{number}")
        key = match["key"]
        found.append(Recorded(key, (stages or {}).get(key, match["stage"]), text, stop))
    return found


def _text_of(row: dict[str, object], where: str) -> tuple[str, str]:
    if isinstance(row.get("text"), str):
        return str(row["text"]), str(row.get("stop_reason", "stop"))
    result = row.get("result")
    if not isinstance(result, dict):
        raise RecordingError(f"{where}: wanted a batch 'result' or a 'text', got the fields {sorted(row)}")
    if result.get("type") != "succeeded":
        raise RecordingError(f"{where}: the batch reports {result.get('type')!r} for {row['custom_id']}")
    message = result["message"]
    text = "".join(part["text"] for part in message["content"] if part["type"] == "text")
    return text, _STOPS.get(message.get("stop_reason"), "stop")


def pending_stages(path: Path) -> dict[str, str]:
    """Stage by key of the requests in a pending file."""
    stages = {}
    for line in filter(str.strip, lines(path)):
        match = _ID.match(json.loads(line)["custom_id"])
        if match is not None:
            stages[match["key"]] = json.loads(line).get("stage", match["stage"])
    return stages
