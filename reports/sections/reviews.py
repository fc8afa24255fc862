"""What people said on review sheets, as tables that stand with the suite whose grader they check."""

from __future__ import annotations

from reports import words
from reports.blocks import Column, Section, Table
from reports.sections import Run

_LABELS = {
    "summary_accuracy": "Summaries accurate",
    "title_accuracy": "Titles of base clusters accurate",
    "assignment_accuracy": "Clusters in the right place",
    "parent_title_accuracy": "Titles of broader clusters accurate",
}


def section(run: Run) -> Section | None:
    """What people said of a run whose stages no grader judged; else it stands in the section of suite "stages"."""
    found = review_tables(run) if run.table("stages_components") is None else []
    return Section("reviews", "What people said", (), tuple(found)) if found else None


def review_tables(run: Run) -> list[Table]:
    """Rates and agreement, where sheets were brought in."""
    rates = run.table("review_rates", ("measure", "who", "note"))
    agreement = run.table("review_agreement", ("measure", "one", "other", "note"))
    if rates is None or agreement is None:
        return []
    said = (Column("note", "Note"),) if (agreement["note"] != "").any() else ()
    doubts = words.notes(rates, "who")
    return [
        Table(
            "What people said",
            rates.assign(measure=rates["measure"].map(_LABELS)),
            (
                Column("measure", "Measure"),
                Column("who", "Who"),
                Column("value", "Rate (95% interval)", "percent", ("low", "high")),
                Column("n", "Judged", "count"),
                Column("unsure", "Unsure", "count"),
            ),
            note=". ".join(
                [
                    "Corrected: the grader's rate over all that it graded, moved by how far people and grader differ on "
                    "what both judged (prediction-powered inference, Angelopoulos et al. 2023)",
                    "Unsure answers are in no rate",
                    *doubts,
                ]
            ),
            brief=True,
        ),
        Table(
            "How far they agree",
            agreement.assign(measure=agreement["measure"].map(_LABELS)),
            (
                Column("measure", "Measure"),
                Column("one", "One"),
                Column("other", "Other"),
                Column("kappa", "Cohen's kappa", "number"),
                Column("same", "Same answer", "percent"),
                Column("n", "Both judged", "count"),
                *said,
            ),
            brief=True,
        ),
    ]
