"""Blind relabelling: a model sorts conversations into a data set's categories without seeing their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clio_core import replies
from clio_core.door import Call, Door, Reply
from clio_core.prompting import Prompt, bullets, load
from clio_core.records import Conversation, digest
from clio_core.transcript import render
from synthetic.datasets import descriptions

STAGE = "grade:relabel"
TOKENS = 1500  # of a transcript; longer ones keep both ends


def listed(transcript: str, described: Mapping[str, str]) -> list[str]:
    """Categories as a model gets to read them, "name: description", in an order that the transcript alone decides.

    The same conversation so gets the same list wherever it stands in its file, and no category is always first.
    Sorting by a digest shuffles as well as a generator would, and no release of one can change it.
    """
    names = sorted(described, key=lambda name: digest(transcript, name))
    return [f"{name}: {described[name]}" if described[name] else name for name in names]


def _call(prompt: Prompt, conversation: Conversation, described: Mapping[str, str]) -> Call:
    transcript = render(conversation, budget=TOKENS).text
    rendered = prompt.fill(transcript=transcript, categories=bullets(listed(transcript, described)))
    return Call(STAGE, prompt.role, conversation.id, rendered)


async def relabel(
    conversations: Sequence[Conversation], categories: Sequence[str], door: Door, prompts: Path | None = None
) -> list[Reply[str]]:
    """Ask for the category of every conversation.

    Args:
        conversations: whose messages are shown; ids, accounts and metadata are not.
        categories: all that could be chosen.
        door: the way to the models.
        prompts: folder whose prompt files win over the shipped ones.
    Returns:
        one reply a conversation; its value is one of `categories` as given.
    Raises:
        UnrecordedError: a recording lacks some of the answers.
    """
    prompt = load("relabel", prompts)
    described = descriptions(categories)
    calls = (_call(prompt, conversation, described) for conversation in conversations)
    return await door.ask(calls, lambda text: replies.choice(text, categories), "answer", total=len(conversations))
