"""Layouts in which conversations are stored, and how a row of each becomes a `Conversation`.

A layout is recognised by its columns. Columns that a layout does not know go to `metadata`, where no prompt and no
embedding ever reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from clio_core.records import Conversation
from clio_core.turns import read_messages
from clio_core.values import FieldError, decoded, described, plain, utc

if TYPE_CHECKING:  # inspect_ai takes over a second to import, and most sources never need it
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import ChatMessage

Layout = Literal["clio", "wildchat", "lmsys"]
Row = Mapping[str, Any]

# Epoch times past this many seconds (year 5138) can only have been meant as milliseconds.
MILLISECONDS_FROM = 1e11


@dataclass(frozen=True, slots=True)
class Adapter:
    """One layout.

    Attributes:
        name: what `layout=` calls it.
        columns: the layout is taken when a source has all of these.
        convert: makes a conversation of a row; adds the turn fields it does not keep to the set it is given.
            Raises FieldError.
        notes: what whoever reads results over such data must know.
    """

    name: Layout
    columns: frozenset[str]
    convert: Callable[[Row, set[str]], Conversation]
    notes: tuple[str, ...] = ()


def own_account(conversation_id: str) -> str:
    """The account of a conversation whose source does not say whose it is."""
    return f"conversation:{conversation_id}"


def from_clio(row: Row, ignored: set[str]) -> Conversation:
    """Our own layout: id, account, time, messages, metadata. Time and metadata may be missing."""
    return Conversation(
        id=_identity(row.get("id"), "id"),
        account=_identity(row.get("account"), "account"),
        messages=read_messages(row.get("messages"), "messages", ignored),
        time=_time(row.get("time"), "time"),
        metadata=_metadata(row, {"id", "account", "time", "messages"}),
    )


def from_wildchat(row: Row, ignored: set[str]) -> Conversation:
    """WildChat-1M and its later editions.

    Their `conversation_hash` is not a key (equal conversations share it), so the id is the hash with the first
    `turn_identifier`, which is one. The hash itself stays in the metadata. Source: the data set's card.
    """
    name = _identity(row.get("conversation_hash"), "conversation_hash")
    messages = read_messages(row.get("conversation"), "conversation", ignored)
    turns = decoded(row["conversation"], "conversation")
    turn = _first(turns, "turn_identifier")
    address = row.get("hashed_ip") or _first(turns, "hashed_ip")
    return Conversation(
        id=name if turn is None else f"{name}-{turn}",
        account=_identity(address, "hashed_ip"),
        messages=messages,
        time=_time(row.get("timestamp"), "timestamp"),
        metadata=_metadata(row, {"conversation", "hashed_ip", "timestamp"}),
    )


def from_lmsys(row: Row, ignored: set[str]) -> Conversation:
    """LMSYS-Chat-1M (and the first WildChat, which has its columns): nothing says who wrote what."""
    name = _identity(row.get("conversation_id"), "conversation_id")
    return Conversation(
        id=name,
        account=own_account(name),
        messages=read_messages(row.get("conversation"), "conversation", ignored),
        time=_time(row.get("timestamp"), "timestamp"),
        metadata=_metadata(row, {"conversation_id", "conversation", "timestamp"}),
    )


def row_of_sample(sample: EvalSample, log: EvalLog) -> dict[str, Any]:
    """A sample of an Inspect log as a row of our own layout.

    The id is the sample's, with "@2" and so on for epochs after the first. The account is `account` of the sample's
    metadata, or the conversation's own. What the log adds (task, model, epoch, target, scores) stands in the metadata
    under "inspect", where it cannot overwrite a truth column of the sample.
    """
    name = str(sample.id) if sample.epoch == 1 else f"{sample.id}@{sample.epoch}"
    metadata = {key: value for key, value in sample.metadata.items() if key != "account"}
    scores = {key: score.value for key, score in (sample.scores or {}).items()}
    metadata["inspect"] = {
        "task": log.eval.task,
        "model": log.eval.model,
        "epoch": sample.epoch,
        "target": sample.target,
        "scores": scores,
    }
    return {
        "id": name,
        "account": sample.metadata.get("account") or own_account(name),
        "time": sample.completed_at,
        "messages": [_turn_of_chat(message) for message in sample.messages],
        "metadata": metadata,
    }


def _turn_of_chat(message: ChatMessage) -> dict[str, Any]:
    turn = message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
    # A tool that failed often has no content at all; then its error is what the model got to read.
    error = getattr(message, "error", None)
    if error is not None and not turn["content"]:
        turn["content"] = error.message
    return turn


ADAPTERS = (
    Adapter("clio", frozenset({"messages"}), from_clio),
    Adapter(
        "wildchat",
        frozenset({"conversation_hash", "conversation"}),
        from_wildchat,
        ("Accounts are hashed network addresses: several people may share one, and one person may have several.",),
    ),
    Adapter("lmsys", frozenset({"conversation_id", "conversation"}), from_lmsys),
)


def adapter_for(columns: Iterable[str], layout: Layout | None) -> Adapter | None:
    """The adapter that was asked for, else the first whose columns are all there, else None.

    Raises:
        ValueError: no layout of that name.
    """
    if layout is not None:
        named = {adapter.name: adapter for adapter in ADAPTERS}
        if layout not in named:
            raise ValueError(f"layout must be one of {', '.join(named)}, got {layout!r}")
        return named[layout]
    present = set(columns)
    return next((adapter for adapter in ADAPTERS if adapter.columns <= present), None)


def _identity(value: object, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise FieldError(name, "text or a whole number", "an empty text" if value == "" else described(value))
    return value


def _first(turns: object, key: str) -> Any:
    """The first value under `key` in turns that were read without error before."""
    values = [turn.get(key) for turn in turns] if isinstance(turns, list | tuple) else []
    return next((value for value in values if value is not None), None)


def _time(value: object, name: str) -> datetime | None:
    wanted = "ISO 8601 text, a time or epoch seconds"
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return utc(datetime.fromisoformat(value))
        if isinstance(value, datetime):
            # Parquet hands out pandas times, whose nanoseconds datetime cannot hold.
            cut = getattr(value, "to_pydatetime", None)
            return utc(cut(warn=False) if cut else value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        # OSError: the platform's clock cannot express it.
        shown = repr(value) if not isinstance(value, str) or len(value) <= 40 else described(value)
        raise FieldError(name, wanted, shown) from error
    raise FieldError(name, wanted, described(value))


def _metadata(row: Row, used: set[str]) -> dict[str, Any]:
    given = decoded(row.get("metadata"), "metadata")
    if isinstance(given, list) and all(isinstance(item, tuple) and len(item) == 2 for item in given):
        given = dict(given)  # how pyarrow hands out a map column
    if given is not None and not isinstance(given, Mapping):
        raise FieldError("metadata", "an object", described(given))
    try:
        metadata: dict[str, Any] = plain(given or {}, "metadata")
        extra = {key: item for key, item in row.items() if key not in used and key != "metadata"}
        for key, item in plain(extra, "row").items():
            if metadata.setdefault(key, item) != item:
                raise FieldError(key, "the value that metadata has under this name", "another one")
    except RecursionError as error:
        raise FieldError("metadata", "values nested less deeply", "more levels than Python can follow") from error
    return metadata
