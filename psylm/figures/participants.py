"""Figures of simulated participants."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import COLOURS, SINGLE, panel


def effects_by_subject(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw the effect of each participant with its interval, in ascending order.

    Parameters
    ----------
    table
        A row a participant: `estimate`, `low`, `high`.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; the line is the mean of participants.

    Examples
    --------
    >>> table = pd.DataFrame({"estimate": [2.0, 1.0], "low": [1.0, 0.5], "high": [3.0, 1.5]})
    >>> effects_by_subject(table).get_xlabel()
    'participant'
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        rows = table.sort_values("estimate").reset_index(drop=True)
        errors = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
        axes.axhline(0, color="0.5", linewidth=0.6, zorder=1)
        axes.axhline(rows["estimate"].mean(), color=COLOURS[0], linewidth=0.8, linestyle="--", zorder=1)
        axes.errorbar(
            rows.index + 1, rows["estimate"], yerr=errors, linestyle="", marker="o", markersize=3, capsize=1.5,
            linewidth=0.8, color=COLOURS[0],
        )  # fmt: skip
        axes.set_xlabel("participant")
        axes.locator_params(axis="x", integer=True)
    return axes
