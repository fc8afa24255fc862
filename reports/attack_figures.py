"""Pictures of suite "attacks"."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.house import INK, SURFACE, canvas, in_house_style, text_on, wrap

# From pale to dark, so that the order also shows in print without colour; what is in print is hatched besides.
_SHADES = {"raw": "#dce3ea", "facet": "#a9c5dd", "base": "#5b97c4", "hierarchy": "#0b5a94", "published": "#d55e00"}
STAGES = {
    "raw": "conversation only",
    "facet": "facet",
    "base": "base cluster",
    "hierarchy": "cluster above",
    "published": "in print",
}


@in_house_style
def reached(table: pd.DataFrame) -> Figure:
    """One bar a kind of attack, cut up by the last stage that carried its instances.

    Args:
        table: label, one column a stage of `STAGES`, n.
    """
    figure = canvas(9, 1.5 + 0.55 * len(table))
    axes = figure.subplots()
    places, left = np.arange(len(table)), np.zeros(len(table))
    for stage, name in STAGES.items():
        lengths = table[stage].to_numpy(dtype=float)
        hatch = "///" if stage == "published" else ""
        bars = axes.barh(
            places, lengths, left=left, height=0.62, color=_SHADES[stage], edgecolor=SURFACE, hatch=hatch, label=name
        )
        written = [f"{n:.0f}" if n else "" for n in lengths]
        texts = axes.bar_label(bars, written, label_type="center", color=text_on(_SHADES[stage]), fontsize=9.5)
        for text in texts if hatch else []:
            text.set_bbox({"facecolor": _SHADES[stage], "edgecolor": "none", "pad": 1.5})
        left += lengths
    axes.set_yticks(places, [wrap(str(label), 34) for label in table["label"]])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlabel("attacks, by the last stage that carried what they were after")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=len(STAGES), labelcolor=INK, handlelength=1.4)
    return figure
