"""The verdict: each gate of a policy against a candidate, and against its baseline where a gate compares.

PASS and FAIL are both claims and both have to be shown; what shows neither is INCONCLUSIVE and says what it would
take. Under `MIN_CLUSTERS` base clusters the clustered intervals cover too little (81 to 84% at 50 clusters in
simulation, for a nominal 95%), so nothing passes there, and an interval is widened by `WIDER` before it may fail
anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import pandas as pd

from evals import differences, planning
from evals.comparison import MIN_SEEDS, holm, welch_noninferiority
from evals.policy import Gate, Policy
from evals.rates import zero_bound
from evals.runs import Part
from evals.statistics import MIN_CLUSTERS

WIDER = 1.75  # factor on intervals that rest on too few clusters; see results/LOG.md, 2026-11-27
_ALPHA = 0.05


class Verdict(StrEnum):
    """How a gate, or a whole policy, came out."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    WARN = "WARN"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


EXIT_CODES = {Verdict.PASS: 0, Verdict.WARN: 0, Verdict.FAIL: 100, Verdict.INCONCLUSIVE: 101}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One gate's outcome.

    Attributes:
        gate: which one.
        verdict: PASS, FAIL or INCONCLUSIVE.
        said: what was measured, in a sentence.
        wanted: what would make it conclusive ("" where it is).
        base, candidate, difference, low, high: the numbers, NaN where there are none.
        method: how the interval was made.
        named: the slices (languages) that a failure is about.
        skipped: a gate that is not required and whose metric neither run has.
    """

    gate: Gate
    verdict: Verdict
    said: str
    wanted: str = ""
    base: float = math.nan
    candidate: float = math.nan
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    method: str = ""
    named: tuple[str, ...] = field(default=())
    skipped: bool = False


def judge(policy: Policy, base: Mapping[str, Part], candidate: Mapping[str, Part]) -> list[Judgement]:
    """Every gate in order. `base` and `candidate` hold parts by the name of their data set, over the same data."""
    return [_judge(gate, base.get(gate.dataset), candidate.get(gate.dataset)) for gate in policy.gates]


def overall(judgements: Iterable[Judgement]) -> Verdict:
    """FAIL if a blocking gate fails, else INCONCLUSIVE if one is, else WARN if any other gate is not passed."""
    listed = [j for j in judgements if not j.skipped]
    blocking = {j.verdict for j in listed if j.gate.tier == "block"}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if verdict in blocking:
            return verdict
    if not blocking and not listed:
        return Verdict.INCONCLUSIVE
    return Verdict.WARN if any(j.verdict is not Verdict.PASS for j in listed) else Verdict.PASS


def _judge(gate: Gate, base: Part | None, candidate: Part | None) -> Judgement:
    needed = (base, candidate) if gate.compares else (candidate,)
    if any(part is None or _row(part, gate) is None for part in needed):
        return _absent(gate, base, candidate)
    assert candidate is not None
    if gate.compares:
        assert base is not None
        return _languages(gate, base, candidate) if gate.kind == "languages" else _compared(gate, base, candidate)
    return _zero(gate, candidate) if gate.kind == "zero" else _bounded(gate, candidate)


def _row(part: Part, gate: Gate, where: str | None = None) -> dict[str, object] | None:
    rows = part.metrics
    wanted = "all" if gate.slice == "language=*" else gate.slice
    found = rows[(rows["suite"] == gate.suite) & (rows["metric"] == gate.metric) & (rows["slice"] == (where or wanted))]
    row = None if found.empty else {str(k): v for k, v in found.iloc[0].to_dict().items()}
    return row if row is not None and row["value"] == row["value"] else None


def _absent(gate: Gate, base: Part | None, candidate: Part | None) -> Judgement:
    missing = "the candidate" if candidate is None or _row(candidate, gate) is None else "the baseline"
    said = f"{missing} has no {gate.suite}.{gate.metric} on {gate.dataset!r}"
    wanted = f"run it: clio-evals run {gate.suite}" + (
        "" if gate.suite == gate.dataset else f" --dataset {gate.dataset}"
    )
    return Judgement(gate, Verdict.INCONCLUSIVE, said, wanted, skipped=not gate.required)


def _few(clusters: object) -> bool:
    count = float(str(clusters)) if clusters is not None else math.nan
    return count < MIN_CLUSTERS  # False for NaN: a value that rests on no clusters


def _bounded(gate: Gate, part: Part) -> Judgement:
    """A floor or a ceiling under the candidate's own interval."""
    row = _row(part, gate)
    assert row is not None
    assert gate.value is not None
    value, low, high = (float(str(row[key])) for key in ("value", "low", "high"))
    bare = low != low
    low, high = (value, value) if bare else (low, high)
    few = not bare and _few(row["clusters"])
    wide_low, wide_high = (value - WIDER * (value - low), value + WIDER * (high - value)) if few else (low, high)
    floor = gate.kind == "floor"
    passed = low >= gate.value if floor else high <= gate.value
    failed = wide_high < gate.value if floor else wide_low > gate.value
    interval = "" if bare else f" (95% interval {low:.3f} to {high:.3f})"
    said = f"{value:.3f}{interval}, wanted {'at least' if floor else 'at most'} {gate.value:g}, n = {_count(row['n'])}"
    method = "value" if bare else "the metric's own interval"
    found = Judgement(gate, Verdict.PASS, said, candidate=value, low=low, high=high, method=method)
    if failed:
        return replace(found, verdict=Verdict.FAIL)
    if passed and not few:
        return found
    wanted = planning.for_bound(value, high - low, gate.value, row, few=few)
    return replace(found, verdict=Verdict.INCONCLUSIVE, wanted=wanted)


def _count(n: object) -> str:
    return f"{float(str(n)):,.0f}"


def _zero(gate: Gate, part: Part) -> Judgement:
    """A count or rate that must be nothing, with the bound that nothing in so many independent tries gives.

    Things that fall into clusters stand or fall together there, so clusters are the tries. Where the gate names a
    largest bound that is accepted, a wider one is inconclusive: nothing was seen, but too little was looked at.
    """
    row = _row(part, gate)
    assert row is not None
    value, n = float(str(row["value"])), int(float(str(row["n"])))
    clumped = row["clusters"] == row["clusters"] and row["clusters"] is not None
    tries = int(float(str(row["clusters"]))) if clumped else n
    if value > 0:
        amount = f"{value:g}" if value >= 1 else f"{value:.1%}"
        return Judgement(gate, Verdict.FAIL, f"{amount} of {n:,}, wanted none", candidate=value)
    if tries < 1:
        return Judgement(gate, Verdict.INCONCLUSIVE, "nothing was tried (n = 0)", "a run with something to look at")
    bound = zero_bound(tries)
    inside = f" in {tries:,} clusters" if clumped else ""
    said = f"0 of {n:,}{inside}: the true rate is below {bound:.2%} with 95% confidence, not 0"
    found = Judgement(gate, Verdict.PASS, said, candidate=0.0, high=bound, method="exact one-sided bound")
    if gate.value is None or bound <= gate.value:
        return found
    kind = "clusters" if clumped else "tries"
    wanted = (
        f"{planning.tries_for_bound(gate.value):,} {kind} without a hit (now {tries:,}) for a bound of {gate.value:.1%}"
    )
    return replace(found, verdict=Verdict.INCONCLUSIVE, wanted=wanted)


def _compared(gate: Gate, base: Part, candidate: Part) -> Judgement:
    """Non-inferiority: over seeds where both runs have them, else over single scores in pairs."""
    assert gate.margin is not None
    rows = _row(base, gate), _row(candidate, gate)
    assert rows[0] is not None
    assert rows[1] is not None
    sign = 1.0 if gate.higher_is_better else -1.0
    arms = [planning.seed_scores(part, gate.metric, gate.slice) for part in (base, candidate)]
    if min(len(arm) for arm in arms) >= 2:
        found = welch_noninferiority([sign * x for x in arms[0]], [sign * x for x in arms[1]], gate.margin)
        few, how = not found.conclusive, f"Welch over {found.baseline_seeds} and {found.candidate_seeds} seeds, 90%"
        low, high, value = found.low, found.high, found.value
        means = [sum(arm) / len(arm) for arm in arms]
        wanted = planning.for_seeds(arms, gate.margin, MIN_SEEDS)
    else:
        scores = _paired(gate, base, candidate)
        change = differences.difference(scores) if scores is not None else None
        if change is None:
            return _bare(gate, rows)
        few, how = not change.conclusive, f"{differences.METHOD}, 95%"
        low, high = sorted((sign * change.low, sign * change.high))
        value = sign * change.value
        assert scores is not None
        means = [float(scores[f"score_{side}"].mean()) for side in ("base", "candidate")]
        wanted = planning.for_pair(change, gate.margin)
    return _non_inferior(gate, means, (value, low, high), few=few, how=how, wanted=wanted)


def _paired(gate: Gate, base: Part, candidate: Part) -> pd.DataFrame | None:
    """Single scores of both runs for the gate's metric and slice."""
    scores = differences.paired(base, candidate)
    scores = scores[(scores["suite"] == gate.suite) & (scores["metric"] == gate.metric)]
    column, _, value = gate.slice.partition("=")
    if gate.slice != "all":
        scores = (
            scores[scores[column] == value]
            if column in ("language", "category")
            else scores[scores["group"] == gate.slice]
        )
    return scores if len(scores) else None


def _bare(gate: Gate, rows: Sequence[Mapping[str, object] | None]) -> Judgement:
    """A metric that is no mean of single scores, without seeds: its difference has no interval."""
    values = [float(str(row["value"])) for row in rows if row is not None]
    change = values[1] - values[0]
    said = f"{values[0]:.3f} to {values[1]:.3f} ({change:+.3f}); one run a side gives this metric no interval"
    wanted = f"{MIN_SEEDS} seeds on either side: clio-evals run --seeds {MIN_SEEDS}"
    return Judgement(gate, Verdict.INCONCLUSIVE, said, wanted, base=values[0], candidate=values[1], difference=change)


def _non_inferior(
    gate: Gate,
    means: Sequence[float],
    change: tuple[float, float, float],
    *,
    few: bool,
    how: str,
    wanted: str,
) -> Judgement:
    """PASS where the interval excludes a loss of the margin, FAIL where it excludes no loss and the loss exceeds it.

    `change` is (value, low, high), a loss being negative.
    """
    assert gate.margin is not None
    value, low, high = change
    wide = value + WIDER * (high - value) if few else high
    said = f"{means[0]:.3f} to {means[1]:.3f} ({value:+.3f}, {low:+.3f} to {high:+.3f}), accepted loss {gate.margin:g}"
    found = Judgement(
        gate,
        Verdict.PASS,
        said,
        base=means[0],
        candidate=means[1],
        difference=means[1] - means[0],
        low=low,
        high=high,
        method=how,
    )
    if wide < 0 and value <= -gate.margin:
        return replace(found, verdict=Verdict.FAIL)
    if low > -gate.margin and not few:
        return found
    return replace(found, verdict=Verdict.INCONCLUSIVE, wanted=wanted)


def _languages(gate: Gate, base: Part, candidate: Part) -> Judgement:
    """No language lies apart from the others for the worse: Holm over all of them, and by more than the margin.

    Where everything falls, no language is apart from the rest, but each has fallen; those are named too.
    """
    assert gate.margin is not None
    sign = 1.0 if gate.higher_is_better else -1.0
    scores = differences.paired(base, candidate)
    scores = scores[(scores["suite"] == gate.suite) & (scores["metric"] == gate.metric) & (scores["language"] != "")]
    if scores.empty:
        return Judgement(gate, Verdict.INCONCLUSIVE, "no single scores by language in common", "runs with items")
    apart = differences.languages_apart(base, candidate)
    apart = apart[(apart["suite"] == gate.suite) & (apart["metric"] == gate.metric)].reset_index(drop=True)
    few = not _enough(scores)
    behind = _behind(apart, sign, gate.margin, few=few)
    fallen = _fallen(scores, sign, gate.margin, few=few)
    named = tuple(dict.fromkeys([*behind, *fallen]))
    method = "each language against all others, clustered both ways; Holm"
    if named:
        said = f"{len(named)} of {len(set(scores['language']))} languages: {', '.join(named)}"
        more = f" ({', '.join(behind)} more than the others)" if behind and len(named) > len(behind) else ""
        return Judgement(gate, Verdict.FAIL, f"behind in {said}{more}", method=method, named=named)
    said = "no language lies apart from the others"
    if len(apart):
        worst = apart.iloc[int((sign * apart["apart"]).to_numpy().argmin())].to_dict()
        said += f"; furthest behind {worst['language']} ({sign * worst['apart']:+.3f}, Holm p = {worst['p_holm']:.2f})"
    if few:
        return Judgement(gate, Verdict.INCONCLUSIVE, said, planning.for_clusters(scores), method=method)
    return Judgement(gate, Verdict.PASS, said, method=method)


def _enough(scores: pd.DataFrame) -> bool:
    return min(differences.labels(scores, side).nunique() for side in ("base", "candidate")) >= MIN_CLUSTERS


def _behind(apart: pd.DataFrame, sign: float, margin: float, *, few: bool) -> list[str]:
    """Languages that fell further than the others did."""
    if apart.empty:
        return []
    # A language in too few clusters has no test, and cannot fail one.
    p = (
        apart["p_value"].fillna(1.0)
        if not few
        else [planning.widened_p(row, WIDER) for row in apart.to_dict("records")]
    )
    clear = pd.Series(holm(list(p))) < _ALPHA
    return list(apart.loc[clear.to_numpy() & (sign * apart["apart"] < -margin).to_numpy(), "language"])


def _fallen(scores: pd.DataFrame, sign: float, margin: float, *, few: bool) -> list[str]:
    """Languages that are worse than they were, where the whole run is.

    That the run fell is shown with the wider interval; which languages took part is then told with the plain one.
    """
    whole = differences.difference(scores)
    if whole is None or not (sign * whole.value <= -margin and planning.widened(whole, WIDER if few else 1.0)[1] < 0):
        return []
    found = {str(name): differences.difference(part) for name, part in scores.groupby("language", sort=True)}
    known = {name: change for name, change in found.items() if change is not None}
    p = holm([planning.p_of(change, 1.0) for change in known.values()])
    pairs = zip(known.items(), p, strict=True)
    return [name for (name, change), adjusted in pairs if adjusted < _ALPHA and sign * change.value < -margin]
