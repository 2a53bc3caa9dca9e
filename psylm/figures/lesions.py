"""Figures of lesions: dose and response, targeted lesions among random ones, double dissociation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import COLOURS, SINGLE, band, panel, series


def dose_response(table: pd.DataFrame, *, unit: str = "", axes: Axes | None = None) -> Axes:
    """Draw performance over the dose of one kind of lesion, a line a task.

    Parameters
    ----------
    table
        Columns `task`, `dose`, `estimate`, `low`, `high` and `chance`; the intact model has the dose 0.
    unit
        What the dose counts.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; bands are intervals, dashed lines of a task's colour its chance.

    Examples
    --------
    >>> table = pd.DataFrame({"task": "agreement", "dose": [0, 0.2], "estimate": [0.9, 0.7], "low": [0.8, 0.6],
    ...                       "high": [1.0, 0.8], "chance": 0.5})
    >>> dose_response(table, unit="share of heads").get_xlabel()
    'share of heads'
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        for number, (task, rows) in enumerate(table.groupby("task", sort=False)):
            rows = rows.sort_values("dose")
            band(rows["dose"], rows["low"], rows["high"], number, axes=axes)
            axes.plot(rows["dose"], rows["estimate"], **series(number), markersize=3, label=str(task))
            axes.axhline(
                rows["chance"].iloc[0], color=COLOURS[number % len(COLOURS)], linewidth=0.6, linestyle=":", zorder=1
            )
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(unit)
        axes.locator_params(axis="x", nbins=4)
    return axes


def among_random(table: pd.DataFrame, controls: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw targeted lesions of heads among random ones of their size.

    Parameters
    ----------
    table
        Targeted lesions: `name`, `dose`, `estimate`.
    controls
        Random ones, a row a draw: `dose`, `estimate`.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel; a grey dot is a random draw.
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        axes.plot(
            controls["dose"], controls["estimate"], linestyle="", marker="o", markersize=3, color="0.6", alpha=0.7,
            markeredgewidth=0, label="random heads (draws)",
        )  # fmt: skip
        for number, (name, rows) in enumerate(table.groupby("name", sort=False)):
            rows = rows.sort_values("dose")
            axes.plot(rows["dose"], rows["estimate"], **series(number), markersize=3, label=str(name))
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("share of heads")
    return axes


def dissociation(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw two tasks under lesions, a line a lesion: where lines cross, each lesion spares what the other impairs.

    Parameters
    ----------
    table
        Columns `task`, `name`, `estimate`, `low`, `high`; two tasks.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The panel, with the tasks side by side.
    """
    tasks = list(dict.fromkeys(table["task"]))
    with panel(0.8 * SINGLE, 0.8 * SINGLE, axes=axes) as axes:
        names = list(dict.fromkeys(table["name"]))
        for number, name in enumerate(names):
            rows = table[table["name"] == name].set_index("task").loc[tasks]
            look: dict[str, Any] = series(number)
            shift = (number - (len(names) - 1) / 2) * 0.06
            place = [at + shift for at in range(len(tasks))]
            errors = [(rows["estimate"] - rows["low"]).clip(lower=0), (rows["high"] - rows["estimate"]).clip(lower=0)]
            axes.errorbar(place, rows["estimate"], yerr=errors, **look, markersize=4, capsize=2, label=str(name))
        axes.set_xticks(range(len(tasks)), tasks)
        axes.set_xlim(-0.4, len(tasks) - 0.6)
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel("Right choices (share)")
    return axes
