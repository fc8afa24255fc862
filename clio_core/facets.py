"""Facets: what is extracted from each conversation (paper B.1, G.4). A facet is a file; users add their own."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from clio_core import replies
from clio_core.door import Call, Door, UnrecordedError
from clio_core.places import PROMPTS
from clio_core.prompting import Prompt, PromptError, load, read_shipped
from clio_core.records import Conversation, FacetValue
from clio_core.transcript import Transcript

Kind = Literal["open", "language", "scale", "choice"]
COMPUTED = ("turns", "length")
_NO_LANGUAGE = {"und", "zxx", "mul", "mis"}  # ISO 639 has codes for unknown, none, many and uncoded
_FIELDS = {"name", "version", "kind", "question", "opening", "criteria", "source"}


@dataclass(frozen=True, slots=True)
class Facet:
    """One question that is asked about every conversation.

    Attributes:
        name: short and unique.
        version: raised with every change of wording.
        kind: "open" (a summary, asked with the privacy instruction), "language" (checked names of human languages),
            "scale" (a number from 1 to 5) or "choice" (one of `options`).
        question: what is asked.
        opening: the first words of the answer, given in advance.
        criteria: what names of clusters over this facet have to satisfy.
        source: where the question comes from.
        options: the permitted answers of a "choice" facet; its question has to name them.
    """

    name: str
    version: int
    kind: Kind
    question: str
    opening: str
    criteria: str
    source: str
    options: tuple[str, ...] = ()


def load_facet(name: str, override: Path | None = None) -> Facet:
    """Read `facets/NAME.toml`, from `override` if it stands there, else as shipped. `name` may also be a path.

    Raises:
        PromptError: no such file, or fields that are missing, unknown or of no known kind.
    """
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise PromptError(f"no facet file {name!r}")
        text = Path(name).read_text(encoding="utf-8")
    else:
        try:
            text = read_shipped(f"facets/{name}.toml", override)
        except PromptError:
            known = sorted(path.stem for path in (PROMPTS / "facets").glob("*.toml"))
            raise PromptError(f"no facet {name!r}; there are {known}, or give the path of a .toml file") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"facet {name!r} is not TOML: {error}") from error
    if wrong := (_FIELDS - set(data)) | (set(data) - _FIELDS - {"options"}):
        raise PromptError(f"facet {name!r}: fields must be {sorted(_FIELDS)} (and options); differs in {sorted(wrong)}")
    if data["kind"] not in get_args(Kind):
        raise PromptError(f"facet {name!r}: kind must be one of {get_args(Kind)}, got {data['kind']!r}")
    if (data["kind"] == "choice") != bool(data.get("options")):
        raise PromptError(f"facet {name!r}: a 'choice' facet, and no other, lists its options")
    if unasked := [option for option in data.get("options", ()) if option not in data["question"]]:
        raise PromptError(f"facet {name!r}: its question must name every option; it lacks {unasked}")
    return Facet(**{**data, "options": tuple(data.get("options", ()))})


def compute(conversation: Conversation) -> dict[str, str]:
    """The facets that need no model: number of messages from user and assistant, and their length in characters."""
    spoken = [m for m in conversation.messages if m.role in ("user", "assistant")]
    return {"turns": str(len(spoken)), "length": str(sum(len(m.content) for m in spoken))}


def parse_languages(text: str) -> str | None:
    """Checked language names out of an answer, as "English" or "Arabic; Indonesian".

    Every name must be one that langcodes knows; names of one language are brought to one form
    ("Mandarin Chinese" and "Simplified Chinese" become "Chinese", as the two-letter code has it).
    """
    inner = replies.tagged(text, "answer")
    if inner is None:
        return None
    names = [_language(part) for part in inner.replace(",", ";").replace(" and ", ";").split(";") if part.strip(" .")]
    return "; ".join(dict.fromkeys(n for n in names if n)) if names and all(names) else None


@functools.cache
def _language(name: str) -> str | None:
    import langcodes

    bare = name.strip(" .")
    # `find` would take a code for the name of another language: "en" is also a tongue of Vietnam.
    if len(bare) == 2:
        return langcodes.Language.get(bare).language_name("en") if langcodes.tag_is_valid(bare) else None
    try:
        found = langcodes.find(bare, language="en")
    except LookupError:
        return None
    if found.language in _NO_LANGUAGE:
        return None
    code = {"cmn": "zh", "yue": "zh"}.get(found.language or "", found.language)
    return langcodes.Language.get(code).language_name("en") if code else None


def _parser(facet: Facet) -> Callable[[str], str | None]:
    if facet.kind == "language":
        return parse_languages
    if facet.kind == "scale":
        return lambda text: str(n) if (n := replies.scale(text)) is not None else None
    if facet.kind == "choice":
        return lambda text: replies.choice(text, facet.options)
    return lambda text: " ".join(found.split()) if (found := replies.tagged(text, "answer")) else None


def _call(facet: Facet, prompt: Prompt, transcript: Transcript, conversation: Conversation) -> Call:
    return Call(
        stage=f"facet:{facet.name}",
        role=prompt.role,
        subject=conversation.id,
        rendered=prompt.fill(transcript=transcript.text, question=facet.question.strip(), opening=facet.opening),
        variables={
            "kind": facet.kind,
            "facet": facet.name,
            "opening": facet.opening,
            "options": facet.options,
            "user": [m.content for m in conversation.messages if m.role == "user"],
        },
    )


async def extract(
    facets: Sequence[Facet],
    conversations: Sequence[Conversation],
    transcripts: Mapping[str, Transcript],
    door: Door,
    prompts: Path | None = None,
) -> list[FacetValue]:
    """Ask every facet of every conversation, and compute those that need no model.

    Args:
        facets: which facets to ask.
        conversations: the sample.
        transcripts: rendered transcript by conversation id.
        door: the way to the models.
        prompts: folder whose prompt files win over the shipped ones.
    Returns:
        one value a facet and conversation, whatever its outcome.
    Raises:
        UnrecordedError: after all facets were tried, so that one pending file holds everything that is missing.
    """
    values: list[FacetValue] = []
    missing: list[UnrecordedError] = []
    for facet in facets:
        prompt = load("extract_open" if facet.kind == "open" else "extract_closed", prompts)
        calls = (_call(facet, prompt, transcripts[c.id], c) for c in conversations)
        try:
            replied = await door.ask(calls, _parser(facet), "answer", total=len(conversations))
        except UnrecordedError as error:
            missing.append(error)
            continue
        values += [FacetValue(r.subject, facet.name, r.value or "", r.outcome) for r in replied]
    if missing:
        raise UnrecordedError.all_of(missing)
    return values
