"""The screener (paper G.3): a yes/no question that narrows the sample before anything is extracted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clio_core.door import Call, Door, Reply
from clio_core.prompting import load
from clio_core.records import Conversation
from clio_core.replies import yes_or_no
from clio_core.transcript import Transcript


async def screen(
    question: str,
    conversations: Sequence[Conversation],
    transcripts: Mapping[str, Transcript],
    door: Door,
    prompts: Path | None = None,
    *,
    stage: str = "screen",
) -> list[Reply[bool]]:
    """Ask `question` of every conversation, under the name of `stage`.

    Returns:
        one reply a conversation; only those with the value True go on. A refusal or a malformed answer is neither
        yes nor no, and the pipeline counts it as failed.
    """
    prompt = load("screen", prompts)
    calls = [
        Call(
            stage=stage,
            role=prompt.role,
            subject=c.id,
            rendered=prompt.fill(transcript=transcripts[c.id].text, question=question),
            variables={"question": question, "user": [m.content for m in c.messages if m.role == "user"]},
        )
        for c in conversations
    ]
    return await door.ask(calls, yes_or_no, "answer")
