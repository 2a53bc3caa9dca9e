"""The specification curve of a multiverse: every estimate, and the choices that it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import COLOURS, DOUBLE, MARKERS, panel

ROW = 0.15
"""Height of a row of choices, in inches."""


def specification_curve(
    table: pd.DataFrame,
    choices: Sequence[str],
    *,
    columns: tuple[str, str, str] = ("estimate", "low", "high"),
    axes: Axes | None = None,
) -> tuple[Axes, Axes]:
    """Draw estimates in order of size with their intervals, and below them which choices each was made with.

    Parameters
    ----------
    table
        A row a specification, as `psylm.stats.inference.multiverse.multiverse` returns it.
    choices
        Columns of the choices, from top to bottom, for example `measure`, `model` and `aggregation`; those with one
        level are left out. The level with the largest mean estimate comes first.
    columns
        The estimate and its bounds; `effect_size`, `effect_low` and `effect_high` where measures have different units.
    axes
        Where to draw; a new figure by default. The choices take the lower part of its place.

    Returns
    -------
    Axes, Axes
        The estimates (the caller names them and their unit), and the choices. Filled or coloured: the interval leaves
        out zero.

    References
    ----------
    Simonsohn, U., Simmons, J. P., & Nelson, L. D. (2020). Specification curve analysis. Nature Human Behaviour, 4,
    1208-1214.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["small", "large"], "estimate": [0.2, 0.9], "low": [-0.1, 0.5],
    ...                       "high": [0.5, 1.3]})
    >>> above, below = specification_curve(table, ["model"])
    >>> [label.get_text() for label in below.get_yticklabels()]
    ['large', 'small']
    """
    estimate, low, high = columns
    rows = table[table[estimate].notna()].sort_values(estimate, kind="stable").reset_index(drop=True)
    sure = (rows[low] > 0) | (rows[high] < 0)
    levels = {name: _ordered(rows, name, estimate) for name in choices}
    levels = {name: ordered for name, ordered in levels.items() if len(ordered) > 1}
    lines = sum(len(ordered) + 1.3 for ordered in levels.values())  # each choice has a line for its name
    size = float(np.clip(120 / max(len(rows), 1), 1.5, 4))
    with panel(2.0 + ROW * lines, DOUBLE * 0.75, axes=axes) as axes:
        above, below = _divided(axes, ROW * lines)
        above.axhline(0, color="0.5", linewidth=0.6, zorder=1)
        above.vlines(rows.index, rows[low], rows[high], color="0.7", linewidth=min(size / 3, 1.0), zorder=2)
        for filled in (True, False):
            some = rows[sure == filled]
            above.plot(
                some.index, some[estimate], MARKERS[0], color=COLOURS[0], markersize=size, markeredgewidth=0.8,
                markerfacecolor=COLOURS[0] if filled else "white", zorder=3,
            )  # fmt: skip
        _draw_choices(below, rows, levels, sure, size)
    return above, below


def _ordered(rows: pd.DataFrame, name: str, estimate: str) -> list[str]:
    means = rows.groupby(rows[name].astype(str), sort=False)[estimate].mean()
    return [str(level) for level in means.sort_values(ascending=False, kind="stable").index]


def _divided(axes: Axes, height: float) -> tuple[Axes, Axes]:
    """Give the lower part of an axes' place, so many inches high, to new axes beneath it."""
    figure, place = axes.get_figure(), axes.get_subplotspec()
    if figure is None or place is None:
        raise ValueError("axes of a grid are needed, as `subplots` makes them")
    share = len(place.rowspan) / place.get_gridspec().nrows
    whole = figure.get_figure(root=True).get_figheight() * share - 0.3  # less the label of the axis
    grid = place.subgridspec(2, 1, height_ratios=[max(whole - height, height / 2), height], hspace=0.02)
    axes.set_subplotspec(grid[0])
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    return axes, figure.add_subplot(grid[1], sharex=axes)


def _draw_choices(axes: Axes, rows: pd.DataFrame, levels: dict[str, list[str]], sure: pd.Series, size: float) -> None:
    ticks, names, place = [], [], 0.0
    for number, (name, ordered) in enumerate(levels.items()):
        axes.text(
            -0.012, place, name.replace("_", " ").capitalize(), transform=axes.get_yaxis_transform(), ha="right",
            va="center", fontsize=7, fontweight="bold",
        )  # fmt: skip
        for level in ordered:
            place += 1
            ticks.append(place)
            names.append(level.replace("_", " "))
            axes.axhline(place, color="0.92", linewidth=0.5, zorder=1)
            here = rows[name].astype(str) == level
            for filled in (True, False):
                some = rows.index[here & (sure == filled)]
                axes.plot(
                    some, np.full(len(some), place), "|", color=COLOURS[number % len(COLOURS)] if filled else "0.65",
                    markersize=5, markeredgewidth=size / 2.5, zorder=2,
                )  # fmt: skip
        place += 1.3
    axes.set_yticks(ticks, names)
    axes.tick_params(axis="both", length=0, labelsize=7, labelbottom=False)
    axes.set_ylim(place - 0.7, -0.6)
    axes.set_xlabel("Specifications, by size of the estimate")
    for spine in axes.spines.values():
        spine.set_visible(False)


def specification_curve_caption(table: pd.DataFrame, choices: Sequence[str], what: str) -> str:
    """State what `specification_curve` drew, with the number of specifications and of items.

    Parameters
    ----------
    table, choices
        As drawn.
    what
        The estimate, and what kind its interval is.
    """
    done = table[table["estimate"].notna()]
    counts = [f"{done[name].nunique()} of {name.replace('_', ' ')}" for name in choices]
    return (
        f"Specification curve: {what}, for {len(done)} specifications ({', '.join(counts)}; n = "
        f"{int(done['n'].min())} to {int(done['n'].max())}), in order of size; bars: 95% intervals. Filled symbols and "
        "coloured ticks: the interval leaves out zero. Below: the choices that each estimate was made with."
    )
