"""What a reader should see in each figure, and what it says to someone who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass

from reports import words
from reports.tables import Report


@dataclass(frozen=True, slots=True)
class Caption:
    """Title, what to look for, and the text in place of the picture."""

    title: str
    text: str
    alternative: str


def caption(name: str, report: Report) -> Caption:
    """The caption of a figure by its name in `figures.NAMES`."""
    fixed = _FIXED[name]
    if name != "map":
        return fixed
    placed = 0 if report.points is None else len(report.points)
    note = f" {words.count(placed)} conversations are shown"
    note += f"; {words.count(report.unplaced)} were not placed." if report.unplaced else "."
    if report.names_withheld:
        note += " Ids stand in place of the clusters' names."
    return Caption(fixed.title, fixed.text + note, fixed.alternative)


_FIXED = {
    "supervised_distribution": Caption(
        "Truth against reconstruction",
        "How many conversations each category truly has, and how many were led to it. A pair that differs shows a "
        "category that swallows others or is swallowed. Bars of equal length are not proof: errors can cancel out.",
        "Bar chart with two bars for each category: conversations that truly belong to it, and conversations "
        "reconstructed as it. The numbers stand in the table of categories.",
    ),
    "supervised_confusion": Caption(
        "Where conversations ended up",
        "A row is a true category, a column what it was taken for; cells hold conversations, an empty one means none. "
        "The colour is the share of the row. A dark diagonal is good; a dark column draws in others.",
        "Heat map of true category against reconstructed category, with a count in each cell.",
    ),
    "supervised_languages": Caption(
        "Accuracy by language",
        "Dots are this run, lines their 95% intervals; a dot without a line has too few base clusters for an interval. "
        "Languages whose lines overlap widely should not be ranked. Hollow diamonds are the paper's figures, measured "
        "on other data. The dashed line is a random guess.",
        "Dot plot of accuracy with a 95% interval for each language, best first. The numbers stand in the table of "
        "languages.",
    ),
    "map": Caption(
        "Map of the conversations",
        "Each point is a conversation; points that lie close were summarised alike. Colours are the largest published "
        "top-level clusters, grey is not published. Distances between far groups mean little.",
        "Scatter plot of the conversations in two dimensions, coloured by published top-level cluster.",
    ),
    "fates": Caption(
        "What became of the conversations",
        "Each bar holds every conversation of the sample once: published, held back because its cluster is too small, "
        "removed by the privacy audit, or failed on the way.",
        "Stacked bar for each level: published, held back, removed and failed conversations. The numbers stand in the "
        "table beside it.",
    ),
    "outcomes": Caption(
        "Calls that did not end well",
        "Model calls that were refused, cut off, malformed or failed, by stage. Their conversations or clusters count "
        "as failed, not as something guessed.",
        "Stacked bar for each stage that had refused, truncated, malformed or failed calls.",
    ),
}
