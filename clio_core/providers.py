"""Two model providers of our own, registered with Inspect: `recorded/<name>` and `local/extractive`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from clio_core import capabilities, extractive, recordings
from clio_core.transcript import estimate_tokens

_MANY = 1000  # neither provider waits for anything, so connections are no bottleneck


def _call_of(messages: list[ChatMessage]) -> dict[str, Any]:
    for message in messages:
        if message.metadata and "clio" in message.metadata:
            call: dict[str, Any] = message.metadata["clio"]
            return call
    return {}


def _output(name: str, messages: list[ChatMessage], text: str, stop: StopReason, **extra: Any) -> ModelOutput:
    asked, told = sum(estimate_tokens(m.text) for m in messages), estimate_tokens(text)
    return ModelOutput(
        model=name,
        choices=[ChatCompletionChoice(message=ChatMessageAssistant(content=text), stop_reason=stop)],
        usage=ModelUsage(input_tokens=asked, output_tokens=told, total_tokens=asked + told),
        metadata={"estimated": True, **extra},
    )


class RecordedAPI(ModelAPI):
    """Answers from a recording.

    A call that is not there is written to the pending file, once, and comes back with the stop reason "unrecorded"
    in its metadata; the door then ends the stage with one message.

    Model args:
        pending: path of the pending file (default: `pending.jsonl` in the present folder).
        batch_model: the model that requests in the pending file name.
    """

    can_vary = False

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        pending: str = "pending.jsonl",
        batch_model: str = "claude-sonnet-4-5",
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        self.answers = recordings.read(recordings.folder(model_name) / "answers.jsonl")
        self.pending, self.batch_model = Path(pending), batch_model
        self._waiting = set(recordings.pending_stages(self.pending)) if self.pending.exists() else set()

    def max_connections(self) -> int:
        """Answers are in memory already."""
        return _MANY

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Look the call up, or put it into the pending file."""
        call = _call_of(input)
        stage = str(call.get("stage", ""))
        turns = [(m.role, m.text) for m in input]
        key = recordings.call_key(stage, turns, int(call.get("sample", 0)))
        if known := self.answers.get(key):
            stop: StopReason = known.stop_reason  # type: ignore[assignment] # a file's word, checked on import
            return _output(self.model_name, input, known.text, stop)
        if key not in self._waiting:
            self._waiting.add(key)
            self._write(recordings.request(stage, key, turns, self.batch_model, config.max_tokens or 1024))
        return _output(
            self.model_name, input, "", "unknown", clio_stop=capabilities.UNRECORDED, pending=str(self.pending)
        )

    def _write(self, request: dict[str, object]) -> None:
        self.pending.parent.mkdir(parents=True, exist_ok=True)
        with self.pending.open("a", encoding="utf-8") as file:
            file.write(json.dumps(request, ensure_ascii=False) + "\n")


class ExtractiveAPI(ModelAPI):
    """No language model at all: extracts, nearest embeddings, exemplar names and rules.

    The floor that every model must beat. It reads the values of a prompt, not its text. Its sentence embedder
    knows English best, and its word lists are English, so it is weak elsewhere, and is meant to show as much.
    """

    can_vary = False
    reads_variables = True

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **_: Any,
    ) -> None:
        if model_name != "extractive":
            raise ValueError(f"the local provider has one model, 'extractive', got {model_name!r}")
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        self._embedder = os.environ.get("CLIO_EMBEDDER", "all-MiniLM-L6-v2")

    def max_connections(self) -> int:
        """Nothing is waited for."""
        return _MANY

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer a call of one of our stages from its variables."""
        call = _call_of(input)
        if not call.get("variables"):
            raise ValueError("local/extractive answers only the pipeline's own stages; this call carries no variables")
        text = extractive.answer(str(call["prompt"]), call["variables"], self._embedder)
        return _output("extractive", input, text, "stop")
