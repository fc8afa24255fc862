"""What goes through the door and what comes back: calls, replies, progress, and the error of a thin recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from clio_core.prompting import Rendered
from clio_core.records import Outcome

T = TypeVar("T")


class UnrecordedError(RuntimeError):
    """A stage made calls that its recording does not hold."""

    def __init__(self, stage: str, missing: int, total: int, pending: str, recording: str) -> None:
        self.stage, self.missing, self.total = stage, missing, total
        self.pending, self.recording = pending, recording
        super().__init__(
            f"stage {stage!r}: {missing} of {total} calls are not in the recording {recording!r}. "
            f"They wait in {pending}, one Message Batches request a line. Have them answered, then: "
            f"clio-evals answers import RESULTS.jsonl --into {recording} --pending {pending}"
        )

    @classmethod
    def all_of(cls, errors: Sequence[UnrecordedError]) -> UnrecordedError:
        """Several stages' errors as one, so that one message names everything that is missing."""
        stages = ", ".join(dict.fromkeys(stage for e in errors for stage in e.stage.split(", ")))
        missing, total = sum(e.missing for e in errors), sum(e.total for e in errors)
        return cls(stages, missing, total, errors[0].pending, errors[0].recording)


class Progress(Protocol):
    """Somebody who shows how far a stage is."""

    def start(self, stage: str, total: int) -> None:
        """A stage begins that will make `total` calls or steps."""

    def advance(self, stage: str) -> None:
        """One of them is done."""


class Silent:
    """A progress display that shows nothing."""

    def start(self, stage: str, total: int) -> None:
        """Ignore the stage."""

    def advance(self, stage: str) -> None:
        """Ignore the step."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model.

    Attributes:
        stage: which stage asks, with a facet's name where there is one: "facet:request".
        role: which role answers: extractor, screener, namer, hierarchizer, auditor, grader.
        subject: id of the conversation or cluster it is about; for our tables, never sent, not part of the key.
        rendered: the filled prompt.
        variables: the prompt's values as data, for providers that are no language models. Never sent.
        sample: index of a repeated measurement; part of the key.
        fits: what the parsed answer has to satisfy for this very call, as a number that may not exceed what was shown;
            an answer that does not is malformed.
    """

    stage: str
    role: str
    subject: str
    rendered: Rendered
    variables: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0
    fits: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What became of a call: the parsed value where the outcome is OK, else None."""

    subject: str
    outcome: Outcome
    value: T | None
    attempts: int
