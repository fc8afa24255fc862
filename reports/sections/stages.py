"""The section of suite "stages": Table 4 of the paper, ours beside theirs, and what stands behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports import words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run
from reports.sections.reviews import review_tables
from reports.stages_figures import concern_heat, dots, language_dots

LABELS = {
    "summary_accuracy": "Summaries accurate",
    "concern_spearman": "Concern, rank correlation",
    "concern_agreement": "Concern as labelled",
    "language_accuracy": "Language right",
    "screener_accuracy": "Screener right",
    "title_accuracy": "Base titles accurate",
    "members_not_belonging": "Members not belonging",
    "assignment_accuracy": "Clusters rightly placed",
    "parent_title_accuracy": "Broader titles accurate",
}
_CONCERN = ("concern_spearman", "concern_agreement")
_GRADER = (
    "Accuracy here is what a model that grades says, not what people say; the paper's was judged by people. Grader and "
    "graded may share their blind spots. The command clio-evals review makes a sheet for people and corrects the grader by it."
)
_TEXT = ("component", "set", "language", "question", "truth", "note", "item", "name", "reason")
_MOST = 30  # objections on a page; all stand in the file


def section(run: Run) -> Section | None:
    """Every component on one data set."""
    components = run.table("stages_components", _TEXT)
    if components is None or components.empty:
        return None
    blocks: list[Table | Picture | None] = [
        _shares("Stage by stage", components, brief=True),
        _dots(components, "stages_components", f"Stage by stage, {run.dataset}"),
        *review_tables(run),
        _questions(run.table("stages_questions", _TEXT)),
        _agreement(components),
        *_concern(run.table("stages_concern_counts"), "stages_concern"),
        *_languages(run.table("stages_by_language", _TEXT), "stages_languages"),
        _objections(run),
    ]
    return Section("stages", "Stage by stage", (_GRADER,), tuple(block for block in blocks if block is not None))


def together(run: Run) -> Section | None:
    """Table 4: several data sets together and each by itself."""
    components, wide = run.table("stages_combined", _TEXT), run.table("stages_table4", _TEXT)
    if components is None or wide is None or components.empty:
        return None
    blocks: list[Table | Picture | None] = [
        _table4(wide),
        _dots(components, "stages_combined", "Stage by stage, ours and the paper's"),
        _shares("Stage by stage, with intervals", components),
        _questions(run.table("stages_combined_questions", _TEXT)),
        _agreement(components),
        *_concern(run.table("stages_combined_concern"), "stages_combined_concern"),
        *_languages(run.table("stages_combined_languages", _TEXT), "stages_combined_languages"),
    ]
    return Section("stages", "Stage by stage", (_GRADER,), tuple(block for block in blocks if block is not None))


def _table4(wide: pd.DataFrame) -> Table:
    shown = wide[~wide["component"].isin(_CONCERN)]
    sets = [column for column in wide.columns if column != "component" and not column.endswith("_paper")]
    columns = [Column("component", "Component")]
    for name in sets:
        columns.append(Column(name, name.capitalize(), "percent"))
        if shown[f"{name}_paper"].notna().any():
            columns.append(Column(f"{name}_paper", "Paper", "percent"))
    note = "After Table 4 of the paper; its figures are for random and for concerning conversations of its own."
    return Table("Stage by stage, as in Table 4", _labelled(shown), tuple(columns), note=note, brief=True)


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(component=frame["component"].map(LABELS))


def _shares(caption: str, components: pd.DataFrame, *, brief: bool = False) -> Table:
    shown = _labelled(components[~components["component"].isin(_CONCERN)])
    several = (Column("set", "Data"),) if shown["set"].nunique() > 1 else ()
    paper = (Column("paper", "Paper", "percent"),) if shown["paper"].notna().any() else ()
    columns = (
        Column("component", "Component"),
        *several,
        Column("value", "Value (95% interval)", "percent", ("low", "high")),
        *paper,
        Column("n", "Graded", "count"),
        Column("failed", "Failed", "count"),
        Column("clusters", "Clusters", "count"),
    )
    notes = words.notes(shown[shown["set"] == shown["set"].iloc[0]], "component")
    said = ["Failed: the grader gave no answer that could be read; these are in no share", *notes]
    return Table(caption, shown, columns, note=". ".join(said) + ".", brief=brief)


def _agreement(components: pd.DataFrame) -> Table | None:
    """Rank correlation and plain agreement of the concern facet, a row a data set."""
    ranks, same = (components[components["component"] == name] for name in _CONCERN)
    if ranks.empty:
        return None
    shown = ranks.merge(same[["set", "value"]], on="set", suffixes=("", "_same"))
    paper = (Column("paper", "Paper", "number"),) if shown["paper"].notna().any() else ()
    lifted = ["Labels of the regular data are all 1, which lifts the combined correlation"] if len(shown) > 1 else []
    notes = [*lifted, *words.notes(shown, "set")]
    return Table(
        "How concerning: extracted score against a reader's label",
        shown,
        (
            Column("set", "Data"),
            Column("value", "Spearman (95% interval)", "number", ("low", "high")),
            *paper,
            Column("value_same", "Same score", "percent"),
            Column("n", "Labelled", "count"),
            Column("failed", "Failed", "count"),
        ),
        note=". ".join(notes),
        brief=True,
    )


def _dots(components: pd.DataFrame, name: str, title: str) -> Picture:
    return Picture(
        name,
        title,
        "A dot is a share (or the rank correlation), the bar its 95% interval, a hollow diamond the paper's figure for "
        "the same kind of data; of members not belonging, fewer is better. Look at which bars are short enough to say "
        "something. Do not read a difference from the diamonds as better or worse: the paper had other data, other "
        "models, and people instead of a grader.",
        "Dots with intervals, a row a component, the paper's figures as diamonds. The numbers stand in the tables.",
        lambda: dots(_labelled(components)),
    )


def _questions(questions: pd.DataFrame | None) -> Table | None:
    if questions is None or questions.empty:
        return None
    return Table(
        "Screener, by question",
        questions.assign(question=questions["question"].str.replace("_", " ")),
        (
            Column("question", "Question"),
            Column("truth", "Right answer"),
            Column("value", "Answered so (95% interval)", "percent", ("low", "high")),
            Column("n", "Answered", "count"),
            Column("failed", "No answer", "count"),
        ),
        note="The questions stand in prompts/screening. Their answers follow from the category of a conversation.",
    )


def _languages(languages: pd.DataFrame | None, name: str) -> Sequence[Table | Picture]:
    if languages is None or languages.empty:
        return ()
    shown = _labelled(languages)
    picture = Picture(
        name,
        "Stage by stage, by language",
        "A panel a component, a row a language, the bar a 95% interval. With so few conversations a language most "
        "intervals overlap; look for a row that stands apart in a whole panel, not for an order among the others.",
        "Panels of dots with intervals, a row a language. The numbers stand in the table below.",
        lambda: language_dots(shown),
    )
    table = Table(
        "By language",
        shown,
        (
            Column("component", "Component"),
            Column("language", "Language"),
            Column("value", "Value (95% interval)", "percent", ("low", "high")),
            Column("n", "Graded", "count"),
            Column("failed", "Failed", "count"),
            Column("clusters", "Clusters", "count"),
        ),
    )
    return picture, table


def _concern(counts: pd.DataFrame | None, name: str) -> Sequence[Table | Picture]:
    if counts is None or not counts.filter(like="rated_").to_numpy().any():
        return ()
    picture = Picture(
        name,
        "How concerning: a reader's label against the extracted score",
        "Conversations by the label that a reader gave (rows) and the score that was extracted (columns); on the "
        "diagonal the two agree. Look at whether the mass climbs with the label. One reader's labels are no gold: a "
        "step beside the diagonal is what two readers differ by, too.",
        "Grid of counts, labels 1 to 5 in rows and extracted scores 1 to 5 in columns; the table below has them.",
        lambda: concern_heat(counts),
    )
    scores = tuple(Column(f"rated_{step}", f"Score {step}", "count") for step in range(1, 6))
    columns = (Column("label", "Label", "count"), *scores, Column("failed", "Failed", "count"))
    return picture, Table("Labels and extracted scores", counts, columns)


def _objections(run: Run) -> Table | None:
    found = run.table("stages_objections", _TEXT)
    if found is None or found.empty or run.sensitive:
        return None
    shown = _labelled(found.head(_MOST))
    rest = f" {_MOST} of {len(found)}; all stand in tables/stages_objections.csv." if len(found) > _MOST else ""
    return Table(
        "What the grader objected to",
        shown,
        (Column("component", "Component"), Column("item", "Id"), Column("name", "Name"), Column("reason", "Reason")),
        note=f"Shown because the data set is declared not sensitive.{rest}",
    )
