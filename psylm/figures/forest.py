"""Estimates with their intervals, one below the other: effects against zero, proportions against chance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from psylm.figures.style import COLOURS, panel, series

ROOM = 0.65
"""Share of a row's height over which what is compared within it is spread."""


def forest(
    table: pd.DataFrame, label: str, *, hue: str | None = None, groups: Sequence[str] = (), axes: Axes | None = None
) -> Axes:
    """Draw estimates with their 95% intervals, first row on top; open markers where the interval holds zero.

    Parameters
    ----------
    table
        Rows with `estimate`, `low` and `high`.
    label
        Column that names the rows.
    hue
        Column of what is compared within a row, each with its own colour and marker.
    groups
        Its levels, in order.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the estimate and its unit, and makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"contrast": ["high - low"], "estimate": [0.8], "low": [0.5], "high": [1.1]})
    >>> axes = forest(table, "contrast")
    >>> axes.lines[0].get_xdata().tolist()
    [0.5, 1.1]
    """
    labels = list(dict.fromkeys(table[label]))
    names = list(groups) if hue is not None else [""]
    with panel(0.6 + 0.24 * len(labels), axes=axes) as axes:
        for number, name in enumerate(names):
            rows = table if hue is None else table[table[hue] == name]
            colour, marker = series(number)["color"], series(number)["marker"]
            for row in rows.to_dict("records"):
                height = labels.index(row[label]) + _offset(number, len(names))
                sure = row["low"] > 0 or row["high"] < 0
                axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1.2, zorder=2)
                axes.plot(
                    row["estimate"], height, marker, color=colour, markersize=4.5, zorder=3,
                    markerfacecolor=colour if sure else "white", markeredgewidth=0.9,
                )  # fmt: skip
            axes.plot([], [], marker, color=colour, markersize=4.5, label=str(name) if hue else None)
        axes.axvline(0, color="0.5", linewidth=0.6, zorder=1)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
    return axes


def proportions(
    table: pd.DataFrame,
    label: str,
    *,
    hue: str | None = None,
    groups: Sequence[str] = (),
    chance: float | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw proportions with their 95% intervals, first row on top, beside people's and against chance.

    Parameters
    ----------
    table
        Rows with `estimate`, `low` and `high`; a row without an interval is a published figure, drawn as a diamond.
        Where there is a column `human`, an open diamond in the row shows what people reach.
    label
        Column that names the rows.
    hue
        Column of what is compared within a row, each with its own colour and marker.
    groups
        Its levels, in order.
    chance
        The proportion that guessing gives, a dashed line.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the proportion, and makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"phenomenon": ["agreement", "reflexives"], "estimate": [0.9, 0.7], "low": [0.85, 0.6],
    ...                       "high": [0.95, 0.8], "human": [0.97, 0.95]})
    >>> axes = proportions(table, "phenomenon", chance=0.5)
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['agreement', 'reflexives']
    """
    labels = list(dict.fromkeys(table[label])) if hue else list(table[label])
    names = list(groups) if hue is not None else [""]
    with panel(0.6 + 0.24 * len(labels), axes=axes) as axes:
        for number, name in enumerate(names):
            rows = table if hue is None else table[table[hue] == name]
            colour, marker = series(number)["color"], series(number)["marker"]
            for place, row in enumerate(rows.to_dict("records")):
                height = _offset(number, len(names)) + (labels.index(row[label]) if hue else place)
                ours = not pd.isna(row["low"])
                if ours:
                    axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1.2)
                shape, shade = (marker, colour) if ours else ("D", COLOURS[1])
                axes.plot(row["estimate"], height, shape, color=shade, markersize=4.5, clip_on=False, zorder=3)
            axes.plot([], [], marker, color=colour, markersize=4.5, label=str(name) if hue else None)
        if "human" in table and table["human"].notna().any():
            people = table.dropna(subset=["human"]).drop_duplicates(label)
            heights = [labels.index(row) for row in people[label]]
            axes.plot(
                people["human"], heights, "D", color="black", markerfacecolor="white", markersize=4,
                markeredgewidth=0.8, clip_on=False, zorder=4, label="people",
            )  # fmt: skip
        if chance is not None:
            axes.axvline(chance, color="0.5", linewidth=0.6, linestyle="--", zorder=1, label="chance")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
    return axes


def _offset(number: int, count: int) -> float:
    """Place what is compared within a row, the first above the others."""
    return (number - (count - 1) / 2) * ROOM / count


def proportions_caption(table: pd.DataFrame, what: str, *, chance: float | None = None) -> str:
    """State what `proportions` drew, with n and the kind of interval.

    Parameters
    ----------
    table
        The table drawn, with `n`.
    what
        What the proportion is of, and who reached it.
    chance
        As given to `proportions`.

    Examples
    --------
    >>> table = pd.DataFrame({"estimate": [0.9, 0.7], "low": [0.8, 0.6], "high": [0.95, 0.8], "n": [48, 96]})
    >>> proportions_caption(table, "Accuracy of a model on minimal pairs", chance=0.5)
    'Accuracy of a model on minimal pairs, with 95% Wilson intervals; n = 48 to 96 a row. Dashed: chance (0.5).'
    """
    counts = sorted({int(n) for n in table.loc[table["low"].notna(), "n"]})
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"{what}, with 95% Wilson intervals; n = {n} a row."
        + ("" if chance is None else f" Dashed: chance ({chance:g}).")
        + (" Open diamonds: people." if "human" in table else "")
    )
