"""Figures of attention: maps of words, grids of heads, layers, and how ways to measure it agree."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from psylm.figures.style import DOUBLE, SINGLE, band, colour_map, ink, panel, series

Head = tuple[int, int]


def attention_map(
    weights: ArrayLike,
    words: Sequence[str],
    *,
    queries: Sequence[str] | None = None,
    top: float | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw how much each word attends to each other one.

    Parameters
    ----------
    weights
        Attention [queries, words], rows from, columns to.
    words
        What the columns are called.
    queries
        What the rows are called; the words by default.
    top
        The weight that has the darkest colour; the largest by default.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, with a colour bar.

    Examples
    --------
    >>> drawn = attention_map([[1.0, 0.0], [0.3, 0.7]], ["Cats", "sleep"])
    >>> [label.get_text() for label in drawn.get_yticklabels()], drawn.get_xlabel()
    (['Cats', 'sleep'], 'Attended word')
    """
    values = np.asarray(weights, dtype=float)
    rows = list(words if queries is None else queries)
    with panel(SINGLE, axes=axes) as axes:
        mesh = axes.pcolormesh(
            values, cmap=colour_map(), vmin=0, vmax=top or max(float(np.nanmax(values)), 1e-12), edgecolors="0.92",
            linewidth=0.3,
        )  # fmt: skip
        _name_cells(axes, rows, words, rotation=60)
        axes.set_xlabel("Attended word")
        axes.set_ylabel("Attending word")
        _colour_bar(axes, mesh, "Attention (share)")
    return axes


def head_grid(
    values: ArrayLike,
    label: str,
    *,
    best: Head | None = None,
    marked: Collection[Head] = (),
    diverging: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """Draw one value a head, layers from top to bottom.

    Parameters
    ----------
    values
        One value a head [layers, heads].
    label
        What the values are, with their unit.
    best
        Layer and head, from 0, to be framed.
    marked
        Layers and heads, from 0, to have a dot: those that a corrected test singles out.
    diverging
        Whether values have a sign: colours are then symmetrical about zero.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, with a colour bar; layers and heads are counted from 0, as in tables, arrays and lesions.

    Examples
    --------
    >>> drawn = head_grid([[0.1, -0.2], [0.3, 0.0]], "Selectivity", best=(1, 0), marked=[(0, 1)])
    >>> len(drawn.patches), len(drawn.lines)
    (1, 1)
    """
    grid = np.asarray(values, dtype=float)
    reach = max(float(np.nanmax(np.abs(grid))), 1e-12)
    with panel(min(max(0.12 * len(grid), 2.4), DOUBLE), axes=axes) as axes:
        mesh = axes.pcolormesh(
            grid, cmap=colour_map(diverging=diverging), vmin=-reach if diverging else 0, vmax=reach,
            edgecolors="white", linewidth=0.3,
        )  # fmt: skip
        layers, heads = grid.shape
        axes.set_xticks(*_numbers(heads))
        axes.set_yticks(*_numbers(layers))
        axes.set_ylim(layers, 0)
        axes.set_aspect("equal" if layers <= 4 * heads else "auto", adjustable="box")
        axes.tick_params(length=0)
        axes.set_xlabel("Head")
        axes.set_ylabel("Layer")
        if marked:
            places = np.array([(head + 0.5, layer + 0.5) for layer, head in marked])
            axes.plot(
                places[:, 0], places[:, 1], "o", color="black", markersize=2.4, markeredgecolor="white",
                markeredgewidth=0.4,
            )  # fmt: skip
        if best is not None:
            frame = Rectangle((best[1], best[0]), 1, 1, fill=False, edgecolor="black", linewidth=1.4, zorder=4)
            frame.set_path_effects([withStroke(linewidth=2.6, foreground="white")])  # seen on dark cells too
            axes.add_patch(frame)
        _colour_bar(axes, mesh, label)
    return axes


def by_layer(table: pd.DataFrame, group: str, label: str, *, axes: Axes | None = None) -> Axes:
    """Draw means with their intervals over layers, a line a group.

    Parameters
    ----------
    table
        Columns `layer` (from 0), `estimate`, `low`, `high` and the group's.
    group
        The column that tells lines apart.
    label
        What the values are, with their unit.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, with a line at zero; layers are counted from 0.
    """
    with panel(0.75 * SINGLE, axes=axes) as axes:
        axes.axhline(0, color="0.6", linewidth=0.6, zorder=1)
        for number, (name, rows) in enumerate(table.groupby(group, sort=False)):
            rows = rows.sort_values("layer")
            layers = rows["layer"]
            axes.plot(layers, rows["estimate"], markersize=2.5, label=str(name), zorder=3, **series(number))
            band(layers, rows["low"], rows["high"], number, axes=axes)
        axes.set_xlabel("Layer")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def correlation_matrix(matrix: pd.DataFrame, label: str, *, axes: Axes | None = None) -> Axes:
    """Draw a matrix of correlations with its numbers.

    Parameters
    ----------
    matrix
        Correlations; index and columns are what was correlated.
    label
        Which correlation it is.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, with a colour bar from -1 to 1.
    """
    values = matrix.to_numpy(dtype=float)
    with panel(0.9 * SINGLE, axes=axes) as axes:
        mesh = axes.pcolormesh(
            values, cmap=colour_map(diverging=True), vmin=-1, vmax=1, edgecolors="white", linewidth=0.5
        )
        for (row, column), value in np.ndenumerate(values):
            text = "–" if np.isnan(value) else f"{value:.2f}".replace("0.", ".").replace("-", "−")
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=ink(mesh, value))
        _name_cells(axes, list(map(str, matrix.index)), list(map(str, matrix.columns)), rotation=45)
        _colour_bar(axes, mesh, label)
    return axes


def _name_cells(axes: Axes, rows: Sequence[str], columns: Sequence[str], *, rotation: float) -> None:
    """Name the rows and columns of a matrix of square cells, its first row on top."""
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=rotation, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.tick_params(length=0)


def _numbers(count: int) -> tuple[np.ndarray, list[str]]:
    """Return the middles of cells that get a number, counted from 0: all, or every second or third of many."""
    step = 1 if count <= 12 else 2 if count <= 24 else 3 if count <= 36 else 6
    places = np.arange(0, count, step)
    return places + 0.5, [str(place) for place in places]


def _colour_bar(axes: Axes, mesh: QuadMesh, label: str) -> None:
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(mesh, ax=axes, shrink=0.8, pad=0.03, fraction=0.05)
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(width=0.4, length=2)
