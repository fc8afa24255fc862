"""The privacy auditor (paper G.8): rates texts from 1 (points to somebody) to 5 (entirely general)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clio_core.door import Call, Door, Reply
from clio_core.prompting import load
from clio_core.replies import scale

ACCEPTABLE = 3  # "fairly": some thousands of people; below it a cluster is not published


async def audit(
    contents: Mapping[str, str], door: Door, *, stage: str = "audit", prompts: Path | None = None
) -> list[Reply[int]]:
    """Rate each text; one reply a text, in the given order. A rating that cannot be read is no rating."""
    prompt = load("audit", prompts)
    calls = [
        Call(stage, prompt.role, subject, prompt.fill(content=_enclosed(text)), {"content": text})
        for subject, text in contents.items()
    ]
    return await door.ask(calls, lambda answer: scale(answer, "rating"), "rating")


def _enclosed(text: str) -> str:
    """The text without the tag that would end it: what follows would no longer be material but instructions."""
    return text.replace("</content", "< /content")
