"""Prompts are files: TOML front matter, then turns with `$name` placeholders, filled in one pass.

    +++
    version = 1
    role = "namer"
    ...
    +++
    === user
    Text with a $placeholder.
    === prefill
    What the answer begins with: <name>

Models that take a prefill get the last part as a started assistant turn; all others get the same words as
a request at the end of the last user turn. `clio_core.replies` reads both kinds of answer.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Literal, cast

from clio_core.places import PROMPTS
from clio_core.records import digest

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

Speaker = Literal["user", "assistant"]
_MATTER = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.S)
_PART = re.compile(r"^=== (user|assistant|prefill)\n", re.M)
_REQUIRED = ("version", "role", "temperature", "max_tokens", "inputs", "source")


class PromptError(ValueError):
    """A prompt file that cannot be read, or values that do not fit its inputs."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt with its values filled in: what a model will be asked.

    Attributes:
        prompt: name of the prompt file.
        version: its version.
        turns: (speaker, text) pairs, the last one from the user.
        prefill: how the answer is to begin ("" for no wish).
        temperature: as requested by the prompt; the provider may not send it.
        max_tokens: bound on the answer.
    """

    prompt: str
    version: int
    turns: tuple[tuple[Speaker, str], ...]
    prefill: str
    temperature: float
    max_tokens: int

    def plain_turns(self, *, prefill: bool) -> list[tuple[Speaker, str]]:
        """The turns as sent. Trailing white space of a prefill is cut: the Messages API refuses it."""
        turns = list(self.turns)
        opening = self.prefill.rstrip()
        if not opening:
            return turns
        if prefill:
            return [*turns, ("assistant", opening)]
        speaker, text = turns[-1]
        return [*turns[:-1], (speaker, f"{text}\n\n{_as_request().substitute(opening=opening)}")]

    def messages(self, *, prefill: bool, metadata: Mapping[str, Any] | None = None) -> list[ChatMessage]:
        """Inspect chat messages. `metadata` rides on the first one and is never sent to a provider."""
        from inspect_ai.model import ChatMessageAssistant, ChatMessageUser

        made: list[ChatMessage] = [
            ChatMessageUser(content=text) if speaker == "user" else ChatMessageAssistant(content=text)
            for speaker, text in self.plain_turns(prefill=prefill)
        ]
        if metadata is not None:
            made[0].metadata = {"clio": dict(metadata)}
        return made


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file, read and checked."""

    name: str
    version: int
    role: str
    temperature: float
    max_tokens: int
    inputs: tuple[str, ...]
    source: str
    turns: tuple[tuple[Speaker, str], ...]
    prefill: str
    digest: str

    def fill(self, **values: str) -> Rendered:
        """Fill every input once. Placeholders that arrive inside a value stay as they are.

        Raises:
            PromptError: the values' names are not exactly the prompt's inputs.
        """
        if set(values) != set(self.inputs):
            raise PromptError(f"prompt {self.name!r} takes {sorted(self.inputs)}, got {sorted(values)}")
        turns = tuple((speaker, Template(text).substitute(values)) for speaker, text in self.turns)
        return Rendered(
            self.name,
            self.version,
            turns,
            Template(self.prefill).substitute(values),
            self.temperature,
            self.max_tokens,
        )


def parse(name: str, text: str) -> Prompt:
    """Read one prompt file.

    Raises:
        PromptError: front matter missing or incomplete, no user turn, or placeholders that differ from `inputs`.
    """
    matter = _MATTER.match(text)
    if matter is None:
        raise PromptError(f"prompt {name!r} must begin with front matter between two lines of +++")
    try:
        head = tomllib.loads(matter.group(1))
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"front matter of prompt {name!r} is not TOML: {error}") from error
    if missing := [key for key in _REQUIRED if key not in head]:
        raise PromptError(f"front matter of prompt {name!r} lacks {missing}")
    pieces = _PART.split(text[matter.end() :])[1:]
    parts = [
        (pieces[i], pieces[i + 1].removesuffix("\n") if pieces[i + 1].endswith("\n") else pieces[i + 1])
        for i in range(0, len(pieces), 2)
    ]
    prefill = parts.pop()[1] if parts and parts[-1][0] == "prefill" else ""
    speakers = [speaker for speaker, _ in parts]
    if not speakers or speakers[-1] != "user" or "prefill" in speakers:
        raise PromptError(f"prompt {name!r} must end in a user turn, then at most one prefill; it has {speakers}")
    if not all(Template(body).is_valid() for body in (*(body for _, body in parts), prefill)):
        raise PromptError(f"prompt {name!r} has a $ that begins no placeholder; a plain one is written $$")
    used = set().union(*(Template(body).get_identifiers() for _, body in parts), Template(prefill).get_identifiers())
    if used != set(head["inputs"]):
        raise PromptError(f"prompt {name!r} declares inputs {sorted(head['inputs'])} but uses {sorted(used)}")
    return Prompt(
        name=name,
        version=head["version"],
        role=head["role"],
        temperature=float(head["temperature"]),
        max_tokens=head["max_tokens"],
        inputs=tuple(head["inputs"]),
        source=head["source"],
        turns=tuple((cast(Speaker, speaker), body) for speaker, body in parts),
        prefill=prefill,
        digest=digest(text),
    )


def read_shipped(relative: str, override: Path | None = None) -> str:
    """Text of a file of `prompts/`; one of the same relative name under `override` wins."""
    if override is not None and (override / relative).is_file():
        return (override / relative).read_text(encoding="utf-8")
    shipped = PROMPTS / relative
    if not shipped.is_file():
        raise PromptError(f"no prompt file {relative!r}; there are {names()}")
    return shipped.read_text(encoding="utf-8")


@functools.cache
def _as_request() -> Template:
    """What asks for the opening words where no assistant turn may be started."""
    return Template(tomllib.loads(read_shipped("parts/prefill_as_request.toml"))["text"])


def names() -> list[str]:
    """Names of the shipped prompts, without their ending; those in a folder with its path, as "ablations/..."."""
    return sorted(path.relative_to(PROMPTS).with_suffix("").as_posix() for path in PROMPTS.rglob("*.txt"))


def texts(override: Path | None = None) -> dict[str, str]:
    """Text of every prompt file by its path below `prompts/`; those under `override` win."""
    files = sorted([*PROMPTS.rglob("*.txt"), *PROMPTS.glob("*/*.toml")])
    relative = [file.relative_to(PROMPTS).as_posix() for file in files]
    return {name: read_shipped(name, override) for name in relative}


def load(name: str, override: Path | None = None) -> Prompt:
    """Read the prompt called `name`, from `override` if it holds a file of that name, else as shipped."""
    return parse(name, read_shipped(f"{name}.txt", override))


def one_line(text: str) -> str:
    """A text on one line, so that it cannot pose as two, whose closing tags cannot end the tag that it stands in."""
    return " ".join(text.split()).replace("</", "< /")


def bullets(items: Sequence[str]) -> str:
    """Items as lines beginning with a dash, each by itself whatever is in it (see `one_line`)."""
    return "\n".join(f"- {one_line(item)}" for item in items)


def numbered(items: Sequence[str]) -> str:
    """Items as lines beginning with 1., 2., ..., each by itself whatever is in it (see `one_line`)."""
    return "\n".join(f"{number}. {one_line(item)}" for number, item in enumerate(items, 1))
