"""The map of conversations, with the names of the largest published clusters put where there is room."""

from __future__ import annotations

from typing import Any

import matplotlib.patheffects as effects
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reports.house import INK, MUTED, NEUTRAL, SERIES, SURFACE, canvas, drawable, in_house_style, wrap

_MARKERS = ("o", "s")
_NAMED = len(SERIES) * len(_MARKERS)
_OTHER = "#6f5b8c"  # published, but under none of the clusters that have a colour of their own
_VECTOR_POINTS = 3000  # more than that are a picture inside the SVG, which would be megabytes otherwise
_RINGS = (0, 26, 44, 64, 88, 116, 148, 184)
_ANGLES = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_LETTERS: dict[str, Any] = {"fontsize": 9, "linespacing": 1.15, "fontweight": "bold"}

Places = npt.NDArray[np.float64]


@in_house_style
def cluster_map(points: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Conversations in two dimensions, coloured by published top-level cluster.

    Args:
        points: x, y (finite), root ("" for what is not published).
        published: cluster, depth, name, conversations, as in `published.tree`.
    """
    figure = canvas(9, 6.6)
    axes = figure.subplots()
    size = 30 if len(points) <= 1000 else 16 if len(points) <= 5000 else 5
    look: dict[str, Any] = {"s": size, "linewidth": 0, "rasterized": len(points) > _VECTOR_POINTS}
    tops = published[published["depth"] == 0].head(_NAMED)
    grey = points[points["root"] == ""]
    if len(grey):
        axes.scatter(grey["x"], grey["y"], color=NEUTRAL, alpha=0.6, label="not published", **look)
    other = points[~points["root"].isin(["", *tops["cluster"]])]
    if len(other):
        axes.scatter(other["x"], other["y"], color=_OTHER, alpha=0.7, label="other published", **look)
    named: list[tuple[str, str, Places]] = []
    for i, top in enumerate(tops.to_dict("records")):
        inside = points[points["root"] == top["cluster"]]
        colour, marker = SERIES[i % len(SERIES)], _MARKERS[i // len(SERIES)]
        axes.scatter(inside["x"], inside["y"], color=colour, marker=marker, alpha=0.85, **look)
        if len(inside):
            name = top["name"] if drawable(top["name"]) else top["cluster"]
            named.append((wrap(name, 26), colour, inside[["x", "y"]].to_numpy(dtype=float)))
    axes.set(xticks=[], yticks=[])
    axes.margins(0.12)
    axes.spines[:].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower left", ncols=2, labelcolor=MUTED, handletextpad=0.2, markerscale=1.6)
    _write_names(figure, axes, named, points[["x", "y"]].to_numpy(dtype=float))
    return figure


def _write_names(figure: Figure, axes: Axes, named: list[tuple[str, str, Places]], points: Places) -> None:
    """Largest first, each at the free spot that covers fewest points and lies nearest; none where there is no room."""
    figure.draw_without_rendering()
    # The layout must hold still now, or names would no longer stand where there was room.
    figure.set_layout_engine("none")
    on_screen = axes.transData.transform(points)
    frame = axes.get_window_extent()
    taken: list[Bbox] = []
    for name, colour, members in named:
        # The member nearest to the middle: the middle itself may lie outside a cluster of two parts.
        middle = np.median(members, axis=0)
        anchor = members[np.argmin(((members - middle) ** 2).sum(axis=1))]
        spot = _spot(axes, name, axes.transData.transform(anchor), on_screen, frame, taken)
        if spot is not None:
            taken.append(spot)
            _write(axes, name, colour, anchor, spot)


def _box(axes: Axes, name: str) -> tuple[float, float]:
    """Width and height of the text on the canvas, in pixels."""
    trial = axes.text(0, 0, name, **_LETTERS)
    extent = trial.get_window_extent()
    trial.remove()
    return extent.width + 8, extent.height + 6


def _spot(axes: Axes, name: str, anchor: Places, points: Places, frame: Bbox, taken: list[Bbox]) -> Bbox | None:
    width, height = _box(axes, name)
    best: tuple[float, Bbox] | None = None
    for ring in _RINGS:
        for angle in _ANGLES if ring else _ANGLES[:1]:
            # Names are wider than high, so the rings are flat the other way: sideways steps go further.
            x = anchor[0] + np.cos(angle) * (ring + (width / 2 if ring else 0))
            y = anchor[1] + np.sin(angle) * (ring + (height / 2 if ring else 0))
            box = Bbox.from_bounds(x - width / 2, y - height / 2, width, height)
            outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0 or box.y1 > frame.y1
            if outside or any(box.overlaps(other) for other in taken):
                continue
            covered = ((points > box.min) & (points < box.max)).all(axis=1).sum()
            cost = float(covered) * 12 + ring
            if best is None or cost < best[0]:
                best = (cost, box)
    return None if best is None else best[1]


def _write(axes: Axes, name: str, colour: str, anchor: Places, spot: Bbox) -> None:
    back = axes.transData.inverted()
    at = back.transform(((spot.x0 + spot.x1) / 2, (spot.y0 + spot.y1) / 2))
    on_screen = axes.transData.transform(anchor)
    if not spot.contains(*on_screen):
        edge = np.clip(on_screen, spot.min, spot.max)
        ends = np.array([anchor, back.transform(edge)])
        axes.plot(ends[:, 0], ends[:, 1], color=colour, linewidth=1.3, zorder=4, scalex=False, scaley=False)
    text = axes.text(at[0], at[1], name, **_LETTERS, ha="center", va="center", color=INK, zorder=5)
    text.set_bbox({"facecolor": SURFACE, "edgecolor": colour, "alpha": 0.92, "pad": 2.5, "linewidth": 1.2})
    text.set_path_effects([effects.withStroke(linewidth=2, foreground=SURFACE)])
