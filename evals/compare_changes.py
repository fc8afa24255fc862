"""What two runs were made with: every setting, model, prompt, package and commit that is not the same in both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evals import prompt_diffs
from evals.prompt_diffs import Changed
from evals.runs import Part

COLUMNS = ["dataset", "kind", "name", "base", "candidate", "note"]
NOT_THERE = "(not there)"
# They change what can be read off, not what is measured.
_HARMLESS = ("width", "seeds", "repeats")
# Prompts that data sets are written with; no run over one asks them.
_NEVER_ASKED = "generate_"
# Of these, two at once cannot be told apart in a difference.
_CAUSES = {
    "setting": "settings",
    "model": "models",
    "prompt": "prompts",
    "answers": "answers by local/extractive",
    "version": "packages",
    "commit": "the code",
}


def table(base: Part, candidate: Part) -> pd.DataFrame:
    """A row a change, columns `COLUMNS`; kinds are setting, model, prompt, answers, version, commit."""
    left, right = base.manifest, candidate.manifest
    settings = [{k: v for k, v in m["config"].items() if k not in ("model", "models")} for m in (left, right)]
    rows = _differing("setting", *settings)
    rows += _differing("model", _models(left), _models(right))
    rows += [
        {"kind": "prompt", "name": c.name, **_sides(c), "note": "same version" if c.same_version else ""}
        for c in prompts(base, candidate)
    ]
    stood_in = [{"by local/extractive": m.get("unrecorded", 0)} for m in (left, right)]
    rows += _differing("answers", *stood_in)
    rows += _differing("version", left["versions"], right["versions"])
    rows += _differing("commit", {"code": left.get("commit")}, {"code": right.get("commit")})
    return pd.DataFrame([{"dataset": base.name, "note": "", **row} for row in rows], columns=COLUMNS)


def _differing(kind: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": name, "base": _shown(left, name), "candidate": _shown(right, name)}
        for name in dict.fromkeys((*left, *right))
        if name not in left or name not in right or left[name] != right[name]
    ]


def _shown(side: Mapping[str, Any], name: str) -> str:
    return str(side[name]) if name in side else NOT_THERE


def _models(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What answers for each role, with how it is asked where that is out of the ordinary."""
    return {
        role: model["name"] + (" with prefill" if model.get("prefill") else "")
        for role, model in manifest["models"].items()
    }


def _sides(change: Changed) -> dict[str, str]:
    told = [
        f"version {'unknown' if number is None else number}, {key[:8]}" if key else NOT_THERE
        for number, key in zip(change.versions, change.digests, strict=True)
    ]
    return {"base": told[0], "candidate": told[1]}


def prompts(base: Part, candidate: Part) -> list[Changed]:
    """Prompt files that differ. A file that only one run's release ships says nothing about the other's answers.

    A run that kept no texts is held against by the versions and digests of its manifest, without a diff.
    """
    sides = ("base", "candidate")
    if base.prompts and candidate.prompts:
        both = [
            {name: p.prompts[name] for name in base.prompts if name in candidate.prompts} for p in (base, candidate)
        ]
        own = [{n: t for n, t in p.prompts.items() if _asked(n, p)} for p in (base, candidate)]
        return prompt_diffs.changed({**own[0], **both[0]}, {**own[1], **both[1]}, sides)
    left, right = ({f"{n}.txt": p for n, p in part.manifest["prompts"].items()} for part in (base, candidate))
    return [
        Changed(
            name,
            (left[name]["version"], right[name]["version"]),
            (left[name]["digest"], right[name]["digest"]),
            "The text was not kept by an older version of this program.\n",
        )
        for name in left
        if name in right and left[name] != right[name]
    ]


def _asked(name: str, part: Part) -> bool:
    """Whether a file is a facet that the run asks, so that its being there or not is a change."""
    return name in {f"facets/{Path(facet).stem}.toml" for facet in part.manifest["config"]["facets"]}


def together(changes: pd.DataFrame) -> list[str]:
    """What changed of that which a difference can come from, as words: "settings (seed)", "prompts (name_cluster.txt)".

    More than one entry, or several names in one, and the difference is that of all of them together.
    """
    found = []
    for kind, words in _CAUSES.items():
        changed = changes.loc[changes["kind"] == kind, "name"]
        names = [n for n in changed if n not in _HARMLESS and not n.startswith(_NEVER_ASKED)]
        if names:
            plain = kind in ("answers", "commit")
            found.append(words if plain else f"{words} ({', '.join(dict.fromkeys(names))})")
    return found
