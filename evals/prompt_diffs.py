"""Two sets of prompt files: which of them differ, in what, and whether their versions say so."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from clio_core import prompting
from clio_core.records import digest


@dataclass(frozen=True, slots=True)
class Changed:
    """One prompt file that differs.

    Attributes:
        name: its path below `prompts/`.
        versions: before and after; None where the file is not there or says none.
        digests: before and after, "" where the file is not there.
        diff: unified diff of the texts.
    """

    name: str
    versions: tuple[int | None, int | None]
    digests: tuple[str, str]
    diff: str

    @property
    def described(self) -> str:
        """Version and digest before and after, in one line."""
        told = [
            f"version {'unknown' if number is None else number} ({key[:8]})" if key else "not there"
            for number, key in zip(self.versions, self.digests, strict=True)
        ]
        return " -> ".join(told)

    @property
    def same_version(self) -> bool:
        """The text changed, but its version does not say so: numbers under that version now mean two things."""
        return "" not in self.digests and self.versions[0] == self.versions[1]


def changed(
    before: Mapping[str, str], after: Mapping[str, str], sides: tuple[str, str] = ("before", "after")
) -> list[Changed]:
    """Every file that differs between two sets of texts by name.

    Args:
        before: texts by name.
        after: the same.
        sides: what the heads of a diff call the two.
    """
    names = sorted({*before, *after})
    return [_changed(name, before.get(name), after.get(name), sides) for name in names if _differs(name, before, after)]


def _differs(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    return before.get(name) != after.get(name)


def _changed(name: str, before: str | None, after: str | None, sides: tuple[str, str]) -> Changed:
    lines = [[] if text is None else text.splitlines(keepends=True) for text in (before, after)]
    # A last line without its end would run into the next line of the diff.
    ended = [[line if line.endswith("\n") else line + "\n" for line in side] for side in lines]
    diff = difflib.unified_diff(ended[0], ended[1], f"{sides[0]}/{name}", f"{sides[1]}/{name}")
    texts = (before, after)
    versions = tuple(None if text is None else version(name, text) for text in texts)
    digests = tuple("" if text is None else digest(text) for text in texts)
    return Changed(name, (versions[0], versions[1]), (digests[0], digests[1]), "".join(diff))


def version(name: str, text: str) -> int | None:
    """The version that a prompt file gives itself; None for one that cannot be read."""
    try:
        if name.endswith(".txt"):
            return prompting.parse(name, text).version
        found = tomllib.loads(text).get("version")
    except (prompting.PromptError, tomllib.TOMLDecodeError):
        return None
    return found if isinstance(found, int) else None


def heading(change: Changed) -> Text:
    """The line above a diff on a terminal."""
    return Text(f"{change.name}: {change.described}", style="bold")


def coloured(change: Changed) -> Text:
    """A diff for a terminal, as plain text with the colours that such a thing has."""
    text = Text()
    for number, line in enumerate(change.diff.splitlines(keepends=True)):
        head = number < 2  # the names of the two files
        style = "dim" if head or line.startswith("@@") else {"+": "green", "-": "red"}.get(line[0], "")
        text.append(line, style=style)
    return text
