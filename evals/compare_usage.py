"""What two runs cost, stage by stage: calls, tokens, dollars and seconds."""

from __future__ import annotations

import pandas as pd

from evals.costs import Prices
from evals.runs import Part

_COUNTS = ("calls", "asked", "input_tokens", "output_tokens", "seconds")
_SIDES = ("base", "candidate")
COLUMNS = ["dataset", "stage"]
COLUMNS += [f"{what}_{side}" for what in ("model", *_COUNTS, "dollars", "seconds_a_call") for side in _SIDES]
COLUMNS += [f"{what}_more" for what in (*_COUNTS, "dollars")]


def table(base: Part, candidate: Part, prices: Prices) -> pd.DataFrame:
    """A row a stage of either run, then "all"; columns `COLUMNS`, `..._more` is candidate minus base.

    Answers that came out of a journal count like new ones, with the tokens and seconds that they once took, so that a
    run over taken-over answers costs what it would cost anew; `asked` counts those that were really asked.
    Dollars are by list price, without discounts of caches and batches; missing where a model has no price. Seconds are
    summed over calls, of which many run at once; the clock showed less.
    """
    sides = [_usage(part, prices) for part in (base, candidate)]
    stages = list(dict.fromkeys([*sides[0].index, *sides[1].index]))
    wide = pd.DataFrame(index=pd.Index(stages, name="stage"))
    for side, used in zip(_SIDES, sides, strict=True):
        wide[f"model_{side}"] = used["model"].reindex(stages).fillna("")
        for what in (*_COUNTS, "dollars"):
            wide[f"{what}_{side}"] = used[what].reindex(stages).where(wide.index.isin(used.index), 0.0)
    total = {c: wide[c].sum(skipna=False) for c in wide.columns if not c.startswith("model_")}
    wide.loc["all"] = {**total, "model_base": "", "model_candidate": ""}
    for side in _SIDES:
        calls = wide[f"calls_{side}"]
        wide[f"seconds_a_call_{side}"] = wide[f"seconds_{side}"] / calls.where(calls > 0)
    for what in (*_COUNTS, "dollars"):
        wide[f"{what}_more"] = wide[f"{what}_candidate"] - wide[f"{what}_base"]
    return wide.reset_index().assign(dataset=base.name)[COLUMNS]


def _usage(part: Part, prices: Prices) -> pd.DataFrame:
    rows = pd.DataFrame(part.manifest["usage"], columns=["stage", "model", *_COUNTS]).set_index("stage")
    dollars = [
        prices.dollars(str(row["model"]), int(row["input_tokens"]), int(row["output_tokens"]))
        for row in rows.to_dict("records")
    ]
    return rows.assign(dollars=pd.Series(dollars, index=rows.index, dtype=float))
