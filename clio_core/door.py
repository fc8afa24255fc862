"""The one door to language models. Stages hand in calls and get replies; what happens between is here.

Every call goes through Inspect's `Model.generate`, so every provider that Inspect knows works, with its retries and
connection limits. The door adds what a pipeline needs: a bounded pool, a journal, a counted outcome for every call,
and bounded second attempts where an answer came in the wrong form.
"""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from clio_core import capabilities
from clio_core.calls import Call, Progress, Reply, Silent, UnrecordedError
from clio_core.journal import Answer, Journal
from clio_core.records import Outcome, digest
from clio_core.replies import joined

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

T = TypeVar("T")

__all__ = ["Call", "Door", "Progress", "Reply", "Silent", "UnrecordedError"]


# Stages about clusters, which local/extractive can answer from their variables.
_STOOD_IN = ("name", "rename", "propose", "dedupe", "assign", "audit")
# A record without its facets is no record of the run, and a data set is written or it is not.
_NEVER_STOOD_IN = ("facet:", "screen", "generate:")


class Door:
    """Asks models and counts what comes back.

    Args:
        models: gives the model of a role.
        journal: where answers are kept.
        width: how many calls may be under way at once.
        attempts: how often a malformed or truncated answer is asked for, at most (models that can vary only).
        prefill: "auto" goes by the model's name; "always" and "never" are for models whose names say nothing.
        progress: shows how far a stage is.
        watch: called with the model's name and each new answer once it is kept; what it raises ends the stage.
        stand_in: answers calls about clusters that a recording does not hold; they are counted in `stood_in`. With
            it, a missing call of any other stage but a facet's counts as failed instead of ending the stage.
    """

    def __init__(  # noqa: PLR0913 - each is one independent choice, and all but the first have defaults
        self,
        models: Callable[[str], Model],
        journal: Journal | None = None,
        *,
        width: int = 50,
        attempts: int = 3,
        prefill: str = "auto",
        progress: Progress | None = None,
        watch: Callable[[str, Answer], None] | None = None,
        stand_in: Model | None = None,
    ) -> None:
        if width < 1 or attempts < 1:
            raise ValueError(f"width and attempts must be at least 1, got {width} and {attempts}")
        self.models, self.journal = models, journal if journal is not None else Journal()
        self.width, self.attempts, self.prefill = width, attempts, prefill
        self.progress = progress or Silent()
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.retried: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.reused: Counter[str] = Counter()
        self.used: dict[str, list[Answer]] = {}
        self.stage_models: dict[str, str] = {}
        self.watch, self.stand_in = watch, stand_in
        self.stood_in: Counter[str] = Counter()
        self._sample = 0
        self._under_way: dict[str, asyncio.Task[Answer]] = {}

    def sampling(self, sample: int) -> Door:
        """The same door, whose calls are asked for the (sample + 1)-th time; what it counts is counted here too."""
        if not sample:
            return self
        other = copy.copy(self)
        other._sample = sample
        return other

    def shown_by(self, progress: Progress) -> Door:
        """The same door with another display; what it counts is counted here too."""
        other = copy.copy(self)
        other.progress = progress
        return other

    async def ask(
        self, calls: Iterable[Call], read: Callable[[str], T | None], tag: str, *, total: int | None = None
    ) -> list[Reply[T]]:
        """Ask every call and read every answer.

        Args:
            calls: calls of one stage. They are taken as workers come free, so a generator keeps few in memory.
            read: parser of the whole answer; None means that it is not in the asked-for form.
            tag: the tag whose closing shows that an answer cut off by max_tokens was complete after all.
            total: how many calls there are, where `calls` has no length.
        Returns:
            one reply a call, in the order of the calls.
        Raises:
            UnrecordedError: a recording lacks some of the answers; all of them are in its pending file by then.
        """
        total = len(calls) if isinstance(calls, Sized) else total
        if total is None:
            raise ValueError("calls without a length need `total`")
        if not total:
            return []
        numbered = iter(enumerate(calls))
        first = next(numbered)
        stage = first[1].stage
        queue: Iterator[tuple[int, Call]] = chain([first], numbered)
        self.progress.start(stage, total)
        replies: dict[int, Reply[T]] = {}
        missing: list[str] = []

        async def worker() -> None:
            for index, call in queue:
                replies[index] = await self._settle(call, read, tag, missing)
                self.progress.advance(stage)

        # A failing worker takes the stage down with it, after the others have been stopped.
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.width, total)):
                    group.create_task(worker())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # they fail alike; one says as much as a hundred
        if missing:
            recording = self.stage_models[stage].removeprefix("recorded/")
            raise UnrecordedError(stage, len(missing), len(replies), missing[0], recording)
        settled = [replies[index] for index in sorted(replies)]
        self.outcomes.update((stage, reply.outcome) for reply in settled)
        return settled

    async def _settle(self, call: Call, read: Callable[[str], T | None], tag: str, missing: list[str]) -> Reply[T]:
        model = self.models(call.role)
        if self._sample:
            call = replace(call, sample=self._sample)
        self.stage_models[call.stage] = capabilities.full_name(model)
        attempts = self.attempts if capabilities.can_vary(model) else 1
        outcome = Outcome.ERROR
        for attempt in range(attempts):
            if attempt:
                self.retried[call.stage] += 1
            answer = await self._answer(call, model, attempt)
            if answer.stop == capabilities.UNRECORDED:
                if self.stand_in is None or call.stage.startswith(_NEVER_STOOD_IN):
                    missing.append(answer.note)
                    return Reply(call.subject, Outcome.ERROR, None, attempt + 1)
                self.stood_in[call.stage] += 1
                if not call.stage.startswith(_STOOD_IN):
                    return Reply(call.subject, Outcome.ERROR, None, attempt + 1)
                answer = await self._answer(call, self.stand_in, attempt)
            outcome, value = _judge(answer, call, read, tag)
            if outcome not in (Outcome.MALFORMED, Outcome.TRUNCATED):
                return Reply(call.subject, outcome, value, attempt + 1)
        return Reply(call.subject, outcome, None, attempts)

    async def _answer(self, call: Call, model: Model, attempt: int) -> Answer:
        """From the journal if it was ever answered, else from the model."""
        prefill = capabilities.takes_prefill(model, self.prefill)
        key = self._key(call, model, prefill, attempt)
        known = self.journal.get(key)
        if known is None and key in self._under_way:
            known = await self._under_way[key]  # the same question is being asked this moment
        if known is not None:
            self.reused[call.stage] += 1
        else:
            # A task of its own gives each call its own context; without it Inspect piles up every model event.
            asking = asyncio.create_task(self._generate(call, model, prefill, key, attempt))
            self._under_way[key] = asking
            try:
                known = await asking
            finally:
                del self._under_way[key]
            if known.stop not in (capabilities.UNRECORDED, capabilities.FAILED):
                self.journal.put(known)
                self.asked[call.stage] += 1
                if self.watch is not None:
                    self.watch(capabilities.full_name(model), known)
        used = self.used.setdefault(call.stage, [])
        if known.stop != capabilities.UNRECORDED:  # nobody answered, so nothing was used
            used.append(known)
        return known

    def _key(self, call: Call, model: Model, prefill: bool, attempt: int) -> str:
        turns = json.dumps(call.rendered.plain_turns(prefill=prefill), ensure_ascii=False)
        settings = f"{call.rendered.temperature} {call.rendered.max_tokens}"
        return digest(capabilities.full_name(model), call.stage, turns, settings, f"{call.sample}.{attempt}")

    async def _generate(self, call: Call, model: Model, prefill: bool, key: str, attempt: int) -> Answer:
        messages = call.rendered.messages(
            prefill=prefill,
            metadata={
                "stage": call.stage,
                "prompt": call.rendered.prompt,
                "version": call.rendered.version,
                "sample": call.sample,
                "attempt": attempt,
                "variables": dict(call.variables) if capabilities.reads_variables(model) else {},
            },
        )
        config = capabilities.call_config(model, call.rendered)
        began = time.perf_counter()
        try:
            output = await model.generate(messages, config=config)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - providers raise types of their own; a failed call is a counted row
            return Answer(key, call.stage, "", capabilities.FAILED, note=_note(error))
        return _as_answer(key, call.stage, output, time.perf_counter() - began)


def _note(error: Exception) -> str:
    """What the provider said. Inspect's own message begins with the whole request, which has no place in our tables."""
    said = getattr(error, "provider_message", None)
    status = getattr(error, "status_code", None)
    text = f"{status or ''} {said}".strip() if said else str(error)
    return f"{type(error).__name__}: {text}"[:500]


def _as_answer(key: str, stage: str, output: ModelOutput, seconds: float) -> Answer:
    usage = output.usage
    extra = output.metadata or {}
    stop = extra.get("clio_stop") or (output.stop_reason if output.choices else "unknown")
    cached = (usage.input_tokens_cache_read or 0) if usage else 0
    written = (usage.input_tokens_cache_write or 0) if usage else 0
    return Answer(
        key=key,
        stage=stage,
        text=output.completion,
        stop=stop,
        input_tokens=(usage.input_tokens if usage else 0) + cached + written,
        output_tokens=usage.output_tokens if usage else 0,
        cached_tokens=cached,
        seconds=round(seconds, 4),
        estimated=usage is None or bool(extra.get("estimated")),
        note=str(extra.get("pending") or output.error or ""),
    )


def _judge(answer: Answer, call: Call, read: Callable[[str], T | None], tag: str) -> tuple[Outcome, T | None]:
    if answer.stop == capabilities.FAILED:
        return Outcome.ERROR, None
    if answer.stop == "content_filter":
        return Outcome.REFUSED, None
    whole = joined(answer.text, call.rendered.prefill)
    if answer.stop in ("max_tokens", "model_length") and f"</{tag}>" not in whole:
        return Outcome.TRUNCATED, None
    value = read(whole)
    if value is None or (call.fits is not None and not call.fits(value)):
        return Outcome.MALFORMED, None
    return Outcome.OK, value
