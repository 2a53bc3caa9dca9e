"""Power over the number of subjects."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import COLOURS, MARKERS, SINGLE, new_figure

WANTED = 0.8
"""The power that is usually asked for; drawn as a line."""


def power_curves(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw simulated power with its 95% intervals over the number of subjects, a line a number of items.

    Parameters
    ----------
    table
        As `psylm.stats.mixed_models.power.power_table` returns it.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; pale lines are the analytic power, the dashed one is a power of .8.
    """
    if axes is None:
        _, (axes,) = new_figure(SINGLE, 0.75 * SINGLE)
    for number, (items, rows) in enumerate(table.groupby("items", sort=True)):
        rows = rows.sort_values("subjects")
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(rows["subjects"], rows["analytic"], color=colour, alpha=0.4, linewidth=2.5, zorder=1)
        reach = [(rows["power"] - rows["low"]).clip(lower=0), (rows["high"] - rows["power"]).clip(lower=0)]  # rounding
        axes.errorbar(
            rows["subjects"], rows["power"], yerr=reach,
            color=colour, marker=MARKERS[number % len(MARKERS)], linestyle="none", elinewidth=1.2, capsize=2,
            label=f"{items} items", zorder=2,
        )  # fmt: skip
    axes.axhline(WANTED, color="0.5", linewidth=0.6, linestyle="--", zorder=0)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("Subjects")
    axes.set_ylabel("Power")
    axes.legend(loc="lower right")
    return axes
