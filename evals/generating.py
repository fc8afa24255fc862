"""`clio-evals generate`: plan a data set in one line, write it through a model, keep a manifest beside it."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clio_core import prompting, runfolder
from clio_core.config import ConfigError
from clio_core.door import Door
from clio_core.journal import Answer, Journal
from clio_core.loaders import content_hash
from clio_core.records import Conversation
from clio_core.transcript import estimate_tokens
from evals.costs import Prices
from synthetic import design, generator, planting

# Tokens of an answer, as seen in the recording that ships with the project; scripts differ up to threefold.
_REQUEST_TOKENS, _ANSWER_TOKENS = 90, 330


class CostLimitError(RuntimeError):
    """The dollars that were allowed are spent, or would be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data set will take. `dollars` is None where the model has no price."""

    conversations: int
    calls: int
    input_tokens: int
    output_tokens: int
    dollars: float | None

    def line(self, model: str, per_minute: float) -> str:
        """The plan in one line."""
        cost = f"{model} has no price" if self.dollars is None else f"${self.dollars:,.2f} with {model}"
        minutes = math.ceil(self.calls / per_minute)
        took = f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
        return (
            f"{self.conversations:,} conversations: {self.calls:,} calls, {self.input_tokens:,} tokens in, "
            f"{self.output_tokens:,} out, {cost}, about {took} at {per_minute:g} calls a minute"
        )


def plan(rows: Sequence[design.Row], prompt_name: str, model: str, prices: Prices) -> Plan:
    """Calls, tokens and dollars of a design: two calls a conversation, each made once."""
    fixed = sum(estimate_tokens(text) for name in (prompt_name, "generate_dialogue") for _, text in _turns(name))
    answers = sum(2 * row.turns - 1 for row in rows)
    read = len(rows) * (fixed + 60 + _REQUEST_TOKENS)
    written = len(rows) * _REQUEST_TOKENS + answers * _ANSWER_TOKENS // 2
    return Plan(len(rows), 2 * len(rows), read, written, prices.dollars(model, read, written))


def _turns(name: str) -> tuple[tuple[prompting.Speaker, str], ...]:
    return prompting.load(name).turns


class Purse:
    """Counts what new answers cost and stops at the limit; a door's `watch`. Calls then in flight still come in."""

    def __init__(self, prices: Prices, limit: float | None) -> None:
        self.prices, self.limit, self.spent = prices, limit, 0.0

    def __call__(self, model: str, answer: Answer) -> None:
        """Count an answer; raises CostLimitError once the limit is reached."""
        self.spent += self.prices.dollars(model, answer.input_tokens, answer.output_tokens) or 0.0
        if self.limit is not None and self.spent >= self.limit:
            raise CostLimitError(
                f"spent ${self.spent:.2f} of the ${self.limit:.2f} that --max-cost allows; "
                "what was answered is kept, and the same command with more goes on"
            )


def check_cost(planned: Plan, limit: float | None) -> None:
    """Refuse to start what would cost more than is allowed.

    Raises:
        CostLimitError: the estimate passes the limit, or there is a limit and no price to hold it against.
    """
    if limit is None:
        return
    if planned.dollars is None:
        raise CostLimitError("--max-cost needs a price for the model; give one in a file with --prices")
    if planned.dollars > limit:
        raise CostLimitError(f"the plan comes to ${planned.dollars:.2f}, --max-cost allows ${limit:.2f}")


def journal_for(out: Path) -> Journal:
    """The journal beside an output file.

    Raises:
        ConfigError: another ending than .jsonl or .parquet.
    """
    if out.suffix not in (".jsonl", ".parquet"):
        raise ConfigError(f"--out must end in .jsonl or .parquet, got {out.name!r}")
    return Journal(out.with_suffix(".calls.jsonl"))


def write(
    rows: Sequence[design.Row], prompt_name: str, door: Door, out: Path, prompts: Path | None = None
) -> generator.Made:
    """Write the conversations of a design to `out` (.jsonl or .parquet), and a manifest beside it.

    Raises:
        CostLimitError: the limit was reached; the journal keeps every answer.
        UnrecordedError: a recording lacks answers.
    """
    began = datetime.now(UTC)
    try:
        made = asyncio.run(generator.generate(rows, door, prompt_name=prompt_name, prompts=prompts))
    finally:
        door.journal.close()
    save(made.conversations, out)
    if any(row.facts for row in rows):
        save_controls(rows, out)
    used = [prompting.load(name, prompts) for name in (prompt_name, "generate_dialogue")]
    manifest = {
        "conversations": len(made.conversations),
        "hash": content_hash(made.conversations),
        "failed": made.failed,
        "prompts": {p.name: {"version": p.version, "digest": p.digest} for p in used},
        "usage": runfolder.usage_rows(door.used, door),
        "commit": runfolder.commit(),
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "cells": balance(made.rows),
    }
    out.with_suffix(".manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return made


def balance(rows: Sequence[design.Row]) -> dict[str, dict[str, int]]:
    """How many conversations each value of category, language, length, tone and turns has."""
    fields = ("category", "language", "length", "tone", "turns")
    return {f: dict(sorted(Counter(str(asdict(row)[f]) for row in rows).items())) for f in fields}


def save(conversations: Sequence[Conversation], out: Path) -> None:
    """Write conversations as JSONL or Parquet, with a column for each field of the truth."""
    rows = [_flat(c) for c in conversations]
    if out.suffix == ".jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        out.write_text(text, encoding="utf-8", newline="\n")
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), out)


def save_controls(rows: Sequence[design.Row], out: Path) -> None:
    """Write the facts that are planted nowhere, of every kind and language of a design, beside the set."""
    languages = sorted({row.language for row in rows}, key=design.LANGUAGES.index)
    lines = [json.dumps(asdict(control), ensure_ascii=False) + "\n" for control in planting.controls(languages)]
    out.with_suffix(".controls.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


def _flat(c: Conversation) -> dict[str, Any]:
    messages = [{"role": m.role, "content": m.content} for m in c.messages]
    time = c.time.isoformat().replace("+00:00", "Z") if c.time else None
    return {"id": c.id, "account": c.account, "time": time, **c.metadata, "messages": messages}
