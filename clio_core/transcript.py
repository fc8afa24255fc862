"""A conversation as the text that a model gets to read (Tamkin et al. 2024, G.2: XML, special care for internal data).

```
<conversation>
<system_prompt>...</system_prompt>
<user>...<attachment kind="image"/></user>
<assistant>...<tool_call>...</tool_call></assistant>
<tool_result>...</tool_result>
</conversation>
```
What somebody wrote is escaped, so no text can close an element or pretend to be another turn. Account, id, time and
metadata have no place in it. Whatever is left out stands as `<cut tokens="N"/>`, and the N add up to `dropped_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from clio_core.records import Conversation, Message

# Tokenizers differ, so this is a rule of thumb: 4 characters of English a token, 2 of Cyrillic or Arabic, 4 thirds of
# Chinese, Thai or Hindi. Characters over 4 would let scripts that pay more tokens a character overrun the budget.
BYTES_PER_TOKEN = 4
# System prompts and tool results were written by no user and can dwarf everything that was; so can a call's arguments.
ASIDE_TOKENS = 500
# Below this the frame and the marks would leave no room for words.
SMALLEST_BUDGET = 100

TAGS = {"user": "user", "assistant": "assistant", "system": "system_prompt", "tool": "tool_result"}
LINE_END = re.compile("\r\n?")
# All that XML 1.0 leaves out (https://www.w3.org/TR/xml/#charsets): most control characters, half surrogate pairs.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
KIND = re.compile("[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Transcript:
    """A rendered conversation.

    Attributes:
        text: well-formed XML.
        turns: turns of user and assistant in the conversation, those that were cut included.
        tokens: estimate for `text`; never above the budget.
        cut: whether anything was left out.
        dropped_tokens: estimate for what was left out.
    """

    text: str
    turns: int
    tokens: int
    cut: bool
    dropped_tokens: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text, one tag of an element, or a whole empty element. Only text may be split.

    Attributes:
        element: place of the element that a tag opens or closes, such as (3,) for turn 3 and (3, 0) for its first call.
        partner: the tag at the element's other end.
        dropped: tokens that are missing here, for a cut mark.
    """

    kind: Literal["open", "close", "text", "empty"]
    text: str
    element: tuple[int, ...] = ()
    partner: str = ""
    dropped: int = 0


def estimate_tokens(text: str) -> int:
    """How many tokens a text may be: its UTF-8 bytes over four, rounded up. An estimate; no tokenizer is asked."""
    return _tokens(_size(text))


def render(conversation: Conversation, *, budget: int = 8000) -> Transcript:
    """The transcript of a conversation, both ends of it where the whole does not fit.

    Args:
        budget: most tokens that the text may have by `estimate_tokens`, at least 100. When it is exceeded, beginning
            and end get half each.
    Raises:
        ValueError: the budget is below 100.
    """
    if budget < SMALLEST_BUDGET:
        raise ValueError(f"budget must be at least {SMALLEST_BUDGET} tokens, got {budget}")
    # In a small budget an aside must not crowd out the conversation.
    aside = min(ASIDE_TOKENS, budget // 8)
    pieces = [piece for number, message in enumerate(conversation.messages) for piece in _turn(number, message, aside)]
    room = budget * BYTES_PER_TOKEN - len("<conversation>\n</conversation>")
    if _total(pieces) > room:
        pieces = _both_ends(pieces, room)
    text = f"<conversation>\n{''.join(piece.text for piece in pieces)}</conversation>"
    dropped = sum(piece.dropped for piece in pieces)
    turns = sum(message.role in ("user", "assistant") for message in conversation.messages)
    return Transcript(text, turns, estimate_tokens(text), dropped > 0, dropped)


def _turn(number: int, message: Message, aside: int) -> Iterator[_Piece]:
    inside: list[_Piece] = []
    if message.role in ("system", "tool"):
        inside += _capped(message.content, aside)
    elif message.content:
        inside.append(_escaped(message.content))
    for kind in message.attachments:
        # Kinds come with the data: whatever is not a plain word could carry somebody's text.
        inside.append(_Piece("empty", f'<attachment kind="{kind if KIND.fullmatch(kind) else "other"}"/>'))
    for index, call in enumerate(message.tool_calls):
        inside += _wrapped("tool_call", (number, index), _capped(call, aside))
    return _wrapped(TAGS[message.role], (number,), inside, after="\n")


def _wrapped(tag: str, element: tuple[int, ...], inside: list[_Piece], after: str = "") -> Iterator[_Piece]:
    first, last = f"<{tag}>", f"</{tag}>{after}"
    yield _Piece("open", first, element, last)
    yield from inside
    yield _Piece("close", last, element, first)


def _escaped(raw: str) -> _Piece:
    return _Piece("text", escape(FORBIDDEN.sub("\ufffd", LINE_END.sub("\n", raw))))


def _capped(raw: str, tokens: int) -> list[_Piece]:
    pieces = [_escaped(raw)] if raw else []
    room = tokens * BYTES_PER_TOKEN
    return pieces if _total(pieces) <= room else _both_ends(pieces, room)


def _both_ends(pieces: list[_Piece], room: int) -> list[_Piece]:
    """Beginning and end of pieces that are too many, a mark between them, in at most `room` bytes.

    What is open where the beginning stops is closed before the mark, and what the end starts inside is opened after it.
    An element that both lie in stays open: the mark then stands inside it.
    """
    total, marked = _total(pieces), sum(piece.dropped for piece in pieces)
    half = (room - _size(_mark(_tokens(total) + marked).text)) // 2
    head, left = _end(pieces, half, forward=True)
    tail, entered = _end(pieces[::-1], half, forward=False)
    kept = [*head, *tail]
    # Marks that were there already and fell into the gap go on being counted.
    lost = _tokens(total - _total(kept)) + marked - sum(piece.dropped for piece in kept)
    shared = sum(one.element == two.element for one, two in zip(left, entered, strict=False))
    closing = [_Piece("close", piece.partner) for piece in reversed(left[shared:])]
    opening = [_Piece("open", piece.partner) for piece in entered[shared:]]
    return [*head, *closing, _mark(lost), *opening, *tail[::-1]]


def _end(pieces: list[_Piece], room: int, *, forward: bool) -> tuple[list[_Piece], list[_Piece]]:
    """The first pieces that fit into `room` bytes, and the tags among them that wait for their partner, outer first.

    Read backwards (`pieces` turned round by the caller) closing tags come first and opening tags are their partners.
    """
    first, second = ("open", "close") if forward else ("close", "open")
    kept: list[_Piece] = []
    waiting: list[_Piece] = []
    for piece in pieces:
        # Whoever enters an element pays for both its tags, so that it can always be left.
        size = 0 if piece.kind == second else _size(piece.text) + _size(piece.partner)
        if size > room:
            part = _part(piece.text, room, forward=forward) if piece.kind == "text" else ""
            kept += [_Piece("text", part)] if part else []
            break
        room -= size
        kept.append(piece)
        if piece.kind == first:
            waiting.append(piece)
        elif piece.kind == second:
            waiting.pop()
    while kept and kept[-1].kind == first:  # nothing of the inside fitted
        kept.pop()
        waiting.pop()
    return kept, waiting


def _part(text: str, room: int, *, forward: bool) -> str:
    """As much of escaped text as `room` bytes hold, from its beginning or its end, no character or escape split."""
    data = text.encode()
    if forward:
        part = data[:room].decode(errors="ignore")
        begun = part.rfind("&")
        return part if begun < 0 or ";" in part[begun:] else part[:begun]
    part = data[len(data) - room :].decode(errors="ignore")
    start = len(text) - len(part)
    begun = text.rfind("&", max(0, start - len("&amp")), start)
    return part if begun < 0 or ";" in text[begun:start] else text[text.index(";", begun) + 1 :]


def _mark(dropped: int) -> _Piece:
    return _Piece("empty", f'<cut tokens="{dropped}"/>', dropped=dropped)


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


def _size(text: str) -> int:
    return len(text.encode())


def _total(pieces: Iterable[_Piece]) -> int:
    return sum(_size(piece.text) for piece in pieces)
