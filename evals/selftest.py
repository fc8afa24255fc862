"""Suite "selftest": does the harness see what it claims to see? Made from a finished run, without any model call.

Two kinds of checks. Labels dealt out at random must score what chance gives (`selftest_null`): a harness that finds
something in noise would find it everywhere. Inputs broken on purpose must lower the metric that claims to see it, more
with a larger dose, and leave alone what they do not touch (`selftest_doses`). A check that fails is counted.
"""

from __future__ import annotations

import pandas as pd

from evals import multilingual, selftest_doses, selftest_null, supervised, unsupervised
from evals.suite import Context, Measured, metric


async def measure(context: Context) -> Measured:
    """Run every check."""
    rows = rows_of(context)
    blind = selftest_null.table(selftest_null.nulls(rows))
    doses = selftest_doses.doses(selftest_doses.trials(context, rows))
    return measured(blind, doses)


def rows_of(context: Context) -> pd.DataFrame:
    """A row a conversation: conversation, language, category, predicted, base_cluster, top_cluster, spoken."""
    rows = unsupervised.rows_of(context)
    led = supervised.rows_of(context.dataset, context.result.base.members, context.assigned)
    spoken = rows["conversation"].map(multilingual.said(context)).fillna("")
    return rows.assign(predicted=led["predicted"].to_numpy(), spoken=spoken)


def measured(blind: pd.DataFrame, doses: pd.DataFrame) -> Measured:
    """Tables and metrics of both kinds of checks, from the long tables."""
    answers = selftest_doses.responses(doses)
    failed = [f"{row['suite']} {row['metric']}" for row in blind.to_dict("records") if row["verdict"] == "FAIL"]
    for row in answers.to_dict("records"):
        if row["verdict"] == "FAIL":
            where = "" if row["slice"] == "all" else f" ({row['slice']})"
            failed.append(f"{row['corruption']}: {row['metric']}{where}")
    note = f"FAIL: {', '.join(failed)}" if failed else ""
    metrics = [metric("selftest_failures", len(failed), n=len(blind) + len(answers), note=note)]
    for row in blind.to_dict("records"):
        where = f"metric={row['suite']}.{row['metric']}"
        metrics.append(metric("null", row["mean"], where=where, ends=(row["low"], row["high"]), n=row["shuffles"]))
    tables = {
        "selftest_null": blind,
        "selftest_doses": doses.drop(columns=["expected", "floor", "error"]),
        "selftest_responses": answers,
    }
    return Measured(tables, metrics)
