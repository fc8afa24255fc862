"""A user's own prompt files, which win over the shipped ones: looked through before anything is asked or paid for."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path

from clio_core import prompting
from clio_core.config import ROLES
from clio_core.facets import load_facet
from clio_core.prompting import PromptError

_LOCK = "lock.json"  # a copy of the whole folder holds it; it is no prompt
_PARTS = "parts/"


def own(folder: Path) -> dict[str, str]:
    """Text of every file in a folder of prompts, by its path below it; hidden files and the lock are passed over.

    Raises:
        PromptError: there is no such folder, or a file that is no UTF-8 text.
    """
    if not folder.is_dir():
        raise PromptError(f"no folder of prompt files {str(folder)!r}")
    found = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if not file.is_file() or name.as_posix() == _LOCK or any(part.startswith(".") for part in name.parts):
            continue
        try:
            found[name.as_posix()] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise PromptError(f"{file} is not UTF-8 text: {error}") from error
    return found


def check(folder: Path | None, facets: Sequence[str] = ()) -> None:
    """See that every file of a folder takes the place of a shipped one and can do its work.

    Args:
        folder: the user's prompt files; None for none.
        facets: names of the facets that will be asked; only those may be new.
    Raises:
        PromptError: no such folder, a file that nothing would read (a slip in its name), or one that cannot be read
            or takes other inputs than the shipped prompt of that name.
    """
    if folder is None:
        return
    found, shipped = own(folder), prompting.texts()
    asked = {f"facets/{name}.toml" for name in facets}
    if unknown := [name for name in found if name not in shipped and name not in asked]:
        near = [match for name in unknown for match in difflib.get_close_matches(name, shipped, n=1)]
        meant = f"; did you mean {near}?" if near else ""
        raise PromptError(f"{folder}: nothing reads {unknown}{meant} A file must be named as one of {sorted(shipped)}")
    for name in found:
        if name.startswith(_PARTS) and found[name] != shipped[name]:
            raise PromptError(f"{folder / name}: only whole prompts can be replaced, what all of them share cannot")
        if name.endswith(".txt"):
            _check_prompt(name.removesuffix(".txt"), folder)
        elif name.startswith("facets/"):
            load_facet(Path(name).stem, folder)
        else:
            _check_fields(name, found[name], shipped[name])


def _check_prompt(name: str, folder: Path) -> None:
    mine, shipped = prompting.load(name, folder), prompting.load(name)
    if set(mine.inputs) != set(shipped.inputs):
        raise PromptError(
            f"{folder / name}.txt: a prompt {name!r} is given {sorted(shipped.inputs)}, this one takes "
            f"{sorted(mine.inputs)}"
        )
    if mine.role not in ROLES:
        raise PromptError(f"{folder / name}.txt: role must be one of {list(ROLES)}, got {mine.role!r}")


def _check_fields(name: str, text: str, shipped: str) -> None:
    try:
        mine = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{name} is not TOML: {error}") from error
    if lacking := sorted(set(tomllib.loads(shipped)) - set(mine)):
        raise PromptError(f"{name}: lacks {lacking}, which the shipped file of that name has")


def texts(folder: Path | None, facets: Sequence[str]) -> dict[str, str]:
    """Text of every prompt file of a run by name: the shipped ones, the user's own over them, and own facets.

    Args:
        folder: the user's prompt files; None for none.
        facets: names or paths of the facets that are asked; a path stands under its file's name.
    """
    paths = {f"facets/{Path(name).name}": Path(name) for name in facets if name.endswith(".toml")}
    mine = {} if folder is None else own(folder)
    return {**prompting.texts(folder), **mine, **{k: p.read_text(encoding="utf-8") for k, p in paths.items()}}
