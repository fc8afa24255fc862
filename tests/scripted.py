"""A scripted model, an obedient answerer and small builders for tests. Nothing here reaches a network."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    get_model,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from clio_core import prompting
from clio_core.door import Door
from clio_core.embedding import Matrix
from clio_core.journal import Journal
from clio_core.records import Conversation, Message

Turns = list[tuple[str, str]]
TOPICS = ("tomatoes", "spreadsheets", "bicycles", "poems", "loans")


@dataclass(frozen=True)
class Said:
    """An answer with a stop reason of its own."""

    text: str
    stop: StopReason = "stop"


Answered = str | Said | Exception
Script = Callable[[list[ChatMessage]], Answered]


class ScriptedAPI(ModelAPI):
    """Gives out enqueued answers in order, then those of the function; keeps what it was asked in `history`."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        script: Script | None = None,
        answers: Sequence[Answered] = (),
        can_vary: bool = True,
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        self.script, self.queue, self.can_vary = script, deque(answers), can_vary
        self.history: list[list[ChatMessage]] = []
        self.configs: list[GenerateConfig] = []

    def enqueue(self, *answers: Answered) -> None:
        self.queue.extend(answers)

    def max_connections(self) -> int:
        return 100

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        self.history.append(list(input))
        self.configs.append(config)
        if not self.queue and self.script is None:
            raise AssertionError(f"the script has no answer to call {len(self.history)}")
        answer = self.queue.popleft() if self.queue else self.script(input)  # type: ignore[misc] # checked above
        if isinstance(answer, Exception):
            raise answer
        said = answer if isinstance(answer, Said) else Said(answer)
        # Usage is always given: where there is none, Inspect would download a tokenizer and count for itself.
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=ChatMessageAssistant(content=said.text), stop_reason=said.stop)],
            usage=ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15),
        )


@modelapi(name="scripted")
def _scripted() -> type[ModelAPI]:
    return ScriptedAPI


def scripted(*answers: Answered, script: Script | None = None, name: str = "test", **settings: Any) -> Model:
    """A model that says `answers` and then goes by `script`; `model.api` is the ScriptedAPI."""
    return get_model(f"scripted/{name}", memoize=False, script=script, answers=answers, **settings)


def door(model: Model, journal: Journal | None = None, **settings: Any) -> Door:
    """A door whose every role is answered by `model`."""
    return Door(lambda role: model, journal, **settings)


def talk(ident: str, text: str, account: str = "acct-0", **extra: Any) -> Conversation:
    """A conversation of one question and one answer."""
    return Conversation(ident, account, (Message("user", text), Message("assistant", "Certainly.")), **extra)


def crowd(count: int, topics: Sequence[str] = TOPICS) -> list[Conversation]:
    """Conversations over some topics in turn, each with words of its own; every third shares an account."""
    return [
        talk(
            f"conv-id-{i:03d}",
            f"topic: {topics[i % len(topics)]}. Question number {i}, if you please.",
            f"acct-id-{i // 3:03d}",
            metadata={"plan": "meta-secret"},
        )
        for i in range(count)
    ]


def stage_of(turns: Turns) -> str:
    """Which shipped prompt was asked, known by how the answer is to begin."""
    last = turns[-1][1] if turns[-1][0] == "assistant" else turns[-1][1].split("Begin your reply exactly with: ")[-1]
    for name in prompting.names():
        opening = prompting.load(name).prefill.split("$")[0].strip()
        if opening and last.startswith(opening):
            return name.rsplit("/", 1)[-1]  # an ablation asks the same, without some of its rules
    raise AssertionError(f"no shipped prompt begins like {last[:60]!r}")


def _inside(text: str, tag: str) -> str:
    found: list[str] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
    assert found, f"no <{tag}> in {text[:200]!r}"
    return found[-1].strip()


def _bulleted(text: str, tag: str) -> list[str]:
    return [line.removeprefix("- ") for line in _inside(text, tag).splitlines()]


def _closed(question: str) -> str:
    if "languages" in question:
        return "English"
    return "1"


# Stages whose answer is the same whatever they are asked about.
FIXED = {
    "screen": "Yes</answer>",
    "audit": "Nothing points to anybody.</justification>\n<rating>5</rating>",
    "grade_summary": "It fits.</reason>\n<answer>accurate</answer>",
    "grade_base_cluster": "It fits.</reason>\n<strangers>none</strangers>\n<answer>accurate</answer>",
    "grade_assignment": "It is at home there.</reason>\n<answer>Yes</answer>",
    "grade_parent": "It fits.</reason>\n<answer>accurate</answer>",
}


def obedient(turns: Turns) -> str:
    """What a model that does as it is told writes after the prefill, for every shipped prompt."""
    text, stage = "\n".join(body for _, body in turns), stage_of(turns)
    if stage == "extract_open":
        found = re.search(r"topic: (\w+)\. Question number (\d+)", text)
        assert found is not None
        return f" help with {found[1]} in case {found[2]}.</answer>"
    if stage == "extract_closed":
        return f"{_closed(_inside(text, 'question'))}</answer>"
    if stage in FIXED:
        return FIXED[stage]
    if stage == "name_cluster":
        (topic, _), *_ = Counter(re.findall(r"help with (\w+)", _inside(text, "statements"))).most_common()
        return f"They asked about {topic}.</summary>\n<name>Help with {topic}</name>"
    if stage == "rename_cluster":
        first = _bulleted(text, "clusters")[0].split(":")[0]
        return f"They asked for many things.</summary>\n<name>{first} and more</name>"
    if stage == "assign_cluster":
        listed = sorted(_bulleted(text, "broader"))
        pick = hashlib.sha256(text.split("Name: ")[1].split("\n")[0].encode()).digest()[0] % len(listed)
        return f"By subject.</scratchpad>\n<answer>{listed[pick]}</answer>"
    wanted = int(re.findall(r"Aim at (\d+)", text)[-1])
    names = "\n".join(f"{i}. Broad subject {i}" for i in range(1, wanted + 1))
    return f"They share a subject.</scratchpad>\n<answer>\n{names}\n</answer>"


def obey(messages: list[ChatMessage]) -> str:
    """`obedient` as the function of a scripted model."""
    return obedient([(message.role, message.text) for message in messages])


def hashing_compute(texts: Sequence[str], name: str, *, bf16: bool = False) -> Matrix:
    """A small embedder without torch: hashed words, unit length. Texts that share words are near each other."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in re.findall(r"\w+", text.casefold()) or ["nothing"]:
            spot = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
            vectors[row, spot[0] % 64] += 1.0 + spot[1] / 256
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
