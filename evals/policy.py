"""Release policies: TOML files that say what a candidate has to show, and how hard a failure bites."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from clio_core.config import ConfigError

HOME = Path(__file__).parent / "policies"
Kind = Literal["floor", "ceiling", "zero", "non_inferiority", "languages"]
Tier = Literal["block", "warn"]
_NEEDS = {"floor": "value", "ceiling": "value", "non_inferiority": "margin", "languages": "margin"}


class PolicyError(ConfigError):
    """A policy that cannot be read."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that a candidate has to show.

    Attributes:
        name: what it says, for people.
        suite, metric, dataset, slice: which row of `metrics.csv` it is about. "language=*" as slice means every one.
        kind: "floor": the interval of the candidate's own value lies at or above `value`. "ceiling": at or below it.
            "zero": the value is 0; the bound that so many tries give is said, and has to reach `value` where the gate
            has one. "non_inferiority": the candidate is
            not worse than the baseline by `margin`. "languages": no language moved apart from the others by more than
            `margin` for the worse (Holm).
        tier: "block" fails the release, "warn" only says so.
        value, margin: in the metric's own units; proportions are 0 to 1.
        higher_is_better: False where a fall is good.
        required: whether a run without the metric is inconclusive; else the gate is skipped.
    """

    name: str
    suite: str
    metric: str
    dataset: str
    kind: Kind
    tier: Tier = "block"
    slice: str = "all"
    value: float | None = None
    margin: float | None = None
    higher_is_better: bool = True
    required: bool = True

    @property
    def compares(self) -> bool:
        """Whether it needs a baseline."""
        return self.kind in ("non_inferiority", "languages")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file, read and checked."""

    name: str
    about: str
    gates: tuple[Gate, ...]


def names() -> list[str]:
    """Policies that ship with the project."""
    return sorted(path.stem for path in HOME.glob("*.toml"))


def load(name: str) -> Policy:
    """Read a shipped policy by name, or a user's own by the path of its file.

    Raises:
        PolicyError: no such policy, no TOML, or a gate with fields that are missing, unknown or of no known kind.
    """
    shipped = HOME / f"{name}.toml"
    file = shipped if shipped.exists() else Path(name)
    if not file.is_file():
        raise PolicyError(f"no policy {name!r}: neither one of {names()} nor a file of that path")
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file} is not TOML: {error}") from error
    rows = data.get("gate")
    if not rows:
        raise PolicyError(f"{file} holds no [[gate]]; a policy is made of at least one")
    gates = tuple(_gate(row, f"{file}, gate {number}") for number, row in enumerate(rows, 1))
    twice = {g.name for g in gates if [h.name for h in gates].count(g.name) > 1}
    if twice:
        raise PolicyError(f"{file}: every gate needs a name of its own, {sorted(twice)} occur more than once")
    return Policy(str(data.get("name", file.stem)), str(data.get("about", "")), gates)


def _gate(row: dict[str, Any], where: str) -> Gate:
    known = {f.name for f in fields(Gate)}
    if unknown := sorted(set(row) - known):
        raise PolicyError(f"{where}: unknown fields {unknown}; known are {sorted(known)}")
    if lacking := [name for name in ("name", "suite", "metric", "dataset", "kind") if not row.get(name)]:
        raise PolicyError(f"{where}: lacks {lacking}")
    if row["kind"] not in get_args(Kind):
        raise PolicyError(f"{where}: kind must be one of {list(get_args(Kind))}, got {row['kind']!r}")
    if row.get("tier", "block") not in get_args(Tier):
        raise PolicyError(f"{where}: tier must be one of {list(get_args(Tier))}, got {row['tier']!r}")
    wanted = _NEEDS.get(row["kind"])
    if wanted is not None and not isinstance(row.get(wanted), int | float):
        raise PolicyError(f"{where}: a {row['kind']!r} gate wants a number as {wanted!r}, got {row.get(wanted)!r}")
    if wanted == "margin" and not row["margin"] > 0:
        raise PolicyError(f"{where}: margin must be a loss above 0, such as 0.02, got {row['margin']}")
    return Gate(**row)
