"""Surprisal over the regions of a sentence, a line a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import DOUBLE, panel, series

DODGE = 0.08
"""Distance between the conditions of a region, so that their intervals do not hide one another."""

WRAPPED = 12
"""Characters of a region's name in one line."""


def regions(
    table: pd.DataFrame,
    *,
    order: Sequence[str] = (),
    groups: Sequence[str] = (),
    within: bool = False,
    marked: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw each region's mean with its 95% interval by items, a line a condition.

    Parameters
    ----------
    table
        A row a region and condition: `region`, `condition`, `estimate`, `low`, `high`; for intervals within items
        `within_low`, `within_high`. A region that a condition lacks has no row, and its line goes on without it.
    order
        Regions from left to right; by default as they come in the table.
    groups
        Conditions in order; by default as they come in the table.
    within
        Draw the intervals within items, which show whether conditions differ.
    marked
        Regions with a shade behind them, those that the prediction is about.
    names
        What a region is called in words; written under its own, short name.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"region": ["subject", "verb"] * 2, "condition": ["good", "good", "bad", "bad"],
    ...                       "estimate": [4.0, 6.0, 4.0, 9.0]})
    >>> table = table.assign(low=table["estimate"] - 1, high=table["estimate"] + 1)
    >>> [line.get_label() for line in regions(table, marked=["verb"]).containers]
    ['good', 'bad']
    """
    places = [str(region) for region in order] or list(dict.fromkeys(table["region"].astype(str)))
    conditions = list(groups) or list(dict.fromkeys(table["condition"]))
    low, high = ("within_low", "within_high") if within else ("low", "high")
    with panel(2.4, DOUBLE * 0.75, axes=axes) as axes:
        for region in marked:
            middle = places.index(str(region))
            axes.axvspan(middle - 0.5, middle + 0.5, color="0.92", linewidth=0, zorder=0)
        for number, condition in enumerate(conditions):
            rows = table[table["condition"] == condition]
            rows = rows.set_index(rows["region"].astype(str))
            rows = rows.loc[[region for region in places if region in rows.index]]
            middles = np.array([places.index(region) for region in rows.index]) + _dodge(number, len(conditions))
            axes.errorbar(
                middles, rows["estimate"], yerr=[rows["estimate"] - rows[low], rows[high] - rows["estimate"]],
                **series(number), markersize=4, markeredgecolor="white", markeredgewidth=0.5, elinewidth=1.0,
                label=str(condition).replace("_", " "), zorder=3,
            )  # fmt: skip
        words = {region: "\n" + fill(text, WRAPPED) for region, text in (names or {}).items()}
        axes.set_xticks(range(len(places)), [region + words.get(region, "") for region in places])
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.set_xlabel("Region")
        axes.set_ylabel("Surprisal (bits)")
        axes.set_ylim(bottom=min(0.0, float(table[low].min())) - 0.03 * axes.get_ylim()[1])  # a mean of 0 is seen whole
    return axes


def _dodge(number: int, count: int) -> float:
    return (number - (count - 1) / 2) * min(DODGE, 0.5 / count)


def regions_caption(table: pd.DataFrame, what: str, *, within: bool = False) -> str:
    """State what `regions` drew, with n and the kind of interval.

    Parameters
    ----------
    table
        The table drawn, with `n`.
    what
        What was measured: the set and the model.
    within
        As given to `regions`.
    """
    kind = "within items (Cousineau-Morey), which compare conditions" if within else "by items (Student's t)"
    counts = sorted(set(table["n"].astype(int)))
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"Surprisal by region and condition, {what}: sums over the words of a region, means of n = {n} items with 95% "
        f"intervals {kind}."
    )
