"""What one turn of a stored conversation says: plain text, tool calls, attachments, tool results.

Chat data is stored in two shapes: content as one string, or as a list of parts (the shape of the Anthropic and
OpenAI message formats and of Inspect logs). Both end as `Message` records. Non-text parts keep only their kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clio_core.records import Message, Role
from clio_core.values import FieldError, decoded, described, plain

ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
# Which key of a part holds its text.
TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
ATTACHMENT_PARTS = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "document": "document",
    "file": "document",
    "input_file": "document",
    "search_result": "document",
    "data": "data",
    # A model's private reasoning was never shown as conversation: that it was there is kept, its text is not.
    "reasoning": "reasoning",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
}
TURN_FIELDS = frozenset({"role", "content", "tool_calls", "attachments"})


@dataclass
class _Parts:
    text: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)


def read_messages(value: object, name: str, ignored: set[str]) -> tuple[Message, ...]:
    """The turns of one row, oldest first.

    A tool result that travels inside a user's turn becomes a `tool` message of its own before that turn, so that no
    one takes it for something the user typed. Each other turn stays one message.

    Args:
        value: a list of objects with role, content and perhaps tool_calls and attachments; or that list as JSON text.
        name: field the value came from, for errors.
        ignored: names of fields of turns that hold something and are not kept are added to it.
    Raises:
        FieldError: naming the first field that is wrong.
    """
    turns = decoded(value, name)
    if not isinstance(turns, list | tuple) or not turns:
        raise FieldError(name, "a list of at least one turn", described(turns))
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        messages += _read_turn(turn, f"{name}[{index}]", ignored)
    return tuple(messages)


def _read_turn(turn: object, name: str, ignored: set[str]) -> list[Message]:
    if not isinstance(turn, Mapping):
        raise FieldError(name, "an object with role and content", described(turn))
    role = _read_role(turn.get("role"), f"{name}.role")
    calls = _read_calls(turn.get("tool_calls"), f"{name}.tool_calls")
    kinds = _read_kinds(turn.get("attachments"), f"{name}.attachments")
    content = turn.get("content")
    parts = _Parts()
    if isinstance(content, str):
        parts.text.append(content)
    elif isinstance(content, list | tuple):
        _read_parts(content, f"{name}.content", parts)
    elif content is not None or not (calls or kinds):
        raise FieldError(f"{name}.content", "text or a list of parts", described(content))
    for key, item in turn.items():
        if item is not None and key not in TURN_FIELDS:
            ignored.add(str(key))
    own = Message(role, "\n".join(parts.text), (*parts.calls, *calls), (*parts.kinds, *kinds))
    if not parts.results:
        return [own]
    if not (own.content or own.tool_calls or own.attachments):
        return parts.results
    # A user's turn answers after the tool has; a model's turn holds the call that the result answers.
    return [own, *parts.results] if role == "assistant" else [*parts.results, own]


def _read_role(value: object, name: str) -> Role:
    role = ROLES.get(value) if isinstance(value, str) else None
    if role is None:
        # A role is short and no one's words; anything longer stands in the wrong column and is not repeated.
        shown = repr(value) if isinstance(value, str) and len(value) <= 20 else described(value)
        raise FieldError(name, f"one of {', '.join(ROLES)}", shown)
    return role


def _read_parts(content: list[Any] | tuple[Any, ...], name: str, into: _Parts) -> None:
    for index, part in enumerate(content):
        place = f"{name}[{index}]"
        if isinstance(part, str):
            into.text.append(part)
            continue
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise FieldError(place, "text or an object with a type", described(part))
        kind = part["type"]
        if kind in TEXT_PARTS:
            into.text.append(_text(part.get(TEXT_PARTS[kind]), f"{place}.{TEXT_PARTS[kind]}"))
        elif kind in ATTACHMENT_PARTS:
            into.kinds.append(ATTACHMENT_PARTS[kind])
        elif kind.endswith("tool_use"):  # also server_tool_use and mcp_tool_use
            into.calls.append(_call(part, place))
            if part.get("result"):  # Inspect keeps what a server-side tool returned in the call itself
                into.results.append(Message("tool", _text(part["result"], f"{place}.result")))
        elif kind.endswith("tool_result"):
            into.results.append(_result(part.get("content"), f"{place}.content"))
        else:
            known = ", ".join([*TEXT_PARTS, *ATTACHMENT_PARTS, "tool_use", "tool_result"])
            raise FieldError(f"{place}.type", f"one of {known}", repr(kind[:40]))


def _result(content: object, name: str) -> Message:
    if content is None or isinstance(content, str):
        return Message("tool", content or "")
    parts = _Parts()
    # Some server tools return one object where others return a list of them.
    items = content if isinstance(content, list | tuple) else [content]
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and item.get("type") not in TEXT_PARTS.keys() | ATTACHMENT_PARTS.keys():
            parts.text.append(_json(item, f"{name}[{index}]"))
        else:
            _read_parts([item], f"{name}[{index}]", parts)
    return Message("tool", "\n".join(parts.text), (), tuple(parts.kinds))


def _read_calls(value: object, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise FieldError(name, "a list of tool calls", described(value))
    return tuple(item if isinstance(item, str) else _call(item, f"{name}[{index}]") for index, item in enumerate(value))


def _call(call: object, name: str) -> str:
    """`name(arguments)` of a call in the shape of Anthropic, OpenAI or Inspect."""
    if not isinstance(call, Mapping):
        raise FieldError(name, "text or an object that describes a call", described(call))
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    label = function if isinstance(function, str) else inner.get("name")
    if not isinstance(label, str) or not label:
        raise FieldError(f"{name}.name", "the name of a tool", described(label))
    arguments = next((inner[key] for key in ("arguments", "input") if inner.get(key) is not None), None)
    if arguments is None or isinstance(arguments, str):
        return f"{label}({arguments or ''})"
    return f"{label}({_json(arguments, f'{name}.arguments')})"


def _json(value: object, name: str) -> str:
    # Sorted, because a Parquet struct does not keep the order in which each row had its keys.
    return json.dumps(plain(value, name), ensure_ascii=False, sort_keys=True)


def _read_kinds(value: object, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(kind, str) for kind in value):
        raise FieldError(name, 'a list of kinds such as "image"', described(value))
    return tuple(value)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise FieldError(name, "text", described(value))
    return value
