"""Figures of lesions: dose and response, targeted lesions among random ones, double dissociation."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.drawn import Drawn
from psylm.figures.style import COLOURS, DOUBLE, SINGLE, band, new_figure, panel, series
from psylm.prose.apa import listing
from psylm.prose.lesions import interaction
from psylm.stats.lesions.tasks import INTACT


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


def draw_doses(table: pd.DataFrame, model: str) -> Drawn:
    """Draw dose and response of one model's lesions: a panel a kind, a line a task.

    Parameters
    ----------
    table : DataFrame
        Rows of `psylm.stats.lesions.dissociation.performance` with `name`, `dose`, `unit` and `chance`.
    model : str
        The model's name.
    """
    intact = table[table["lesion"] == INTACT]
    kinds = [
        (name, rows)
        for name, rows in table[table["lesion"] != INTACT].groupby("name", sort=False)
        if rows["unit"].iloc[0]
    ]
    columns = min(4, len(kinds))
    lines = -(-len(kinds) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(DOUBLE, 0.35 + 1.55 * lines), sharey=True, squeeze=False)
    for place, (name, rows) in enumerate(kinds):
        axes = grid[place // columns][place % columns]
        dose_response(pd.concat([intact, rows]), unit=str(rows["unit"].iloc[0]), axes=axes)
        axes.set_title(str(name))
        if place % columns == 0:
            axes.set_ylabel("Right choices (share)")
    for place in range(len(kinds), lines * columns):
        grid[place // columns][place % columns].axis("off")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    counts = ", ".join(f"{n} items of {task}" for task, n in intact[["task", "n"]].itertuples(index=False))
    draws = sorted(set(table["draws"]) - {1})
    drawn = (
        f"; of several random draws ({listing([str(n) for n in draws])}), bootstrap intervals over items and draws"
        if draws
        else ""
    )
    return Drawn(
        figure,
        f"Right choices of {model} over the dose of each lesion; the dose 0 is the intact model. Bands: 95% Wilson "
        f"intervals{drawn}. Dotted: chance. n = {counts}.",
    )


def draw_controls(controls: pd.DataFrame, draws: pd.DataFrame, model: str) -> Drawn:
    """Draw lesions of chosen heads among those of as many heads drawn at random: a panel a task.

    Parameters
    ----------
    controls, draws : DataFrame
        Rows of `psylm.stats.lesions.tasks.control_rows` and `random_draws`.
    model : str
        The model's name.
    """
    tasks = list(dict.fromkeys(controls["task"]))
    figure, panels = new_figure(max(SINGLE, DOUBLE * len(tasks) / 3), 2.2, columns=len(tasks))
    for axes, task in zip(panels, tasks, strict=True):
        among_random(controls[controls["task"] == task], draws[draws["task"] == task], axes=axes)
        axes.set_title(task)
    panels[0].set_ylabel("Right choices (share)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    count = int(controls["draws"].max())
    return Drawn(
        figure,
        f"Right choices of {model} without its most or least important heads (gradient-based importance), among "
        f"lesions of as many heads drawn at random (grey, {count} draws a size).",
    )


def draw_dissociation(table: pd.DataFrame, found: pd.DataFrame, model: str) -> Drawn:
    """Draw the pair of lesions with the largest interaction, a crossover first.

    Parameters
    ----------
    table, found : DataFrame
        Rows of `psylm.stats.lesions.dissociation.performance` and `dissociations`.
    model : str
        The model's name.
    """
    ordered = found.assign(size=found["interaction"].abs()).sort_values(["crossover", "size"], ascending=False)
    row = ordered.iloc[0]
    mine = table[
        table["lesion"].isin([row["strength_1"], row["strength_2"], INTACT])
        & table["task"].isin([row["task_a"], row["task_b"]])
    ]
    named = mine.assign(name=mine["lesion"], order=mine["lesion"] != INTACT).sort_values("order", kind="stable")
    figure, panels = new_figure(SINGLE, 2.6)
    axes = dissociation(named, axes=panels[0])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return Drawn(
        figure,
        f"The two lesions of {model} that interact most with the task, among {len(found)} comparisons of lesions "
        f"of like severity: interaction {interaction(row)}. "
        "Bars: 95% intervals of each share.",
    )
