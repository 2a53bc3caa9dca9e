"""Figures of similarity: matrices of texts, and curves over layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from psylm.figures.style import band, colour_map, panel, series

STATIC = -1
"""The number of the layer that is the embedding matrix itself."""


def layer_curves(table: pd.DataFrame, group: str, *, chance: float | None = None, axes: Axes | None = None) -> Axes:
    """Draw estimates with their 95% intervals over layers, a line a group.

    Parameters
    ----------
    table
        Columns `layer`, `estimate`, `low`, `high` and the group's. Layer 0 are the embeddings that the first layer
        reads, -1 the embedding matrix, which stands apart.
    group
        The column that tells lines apart.
    chance
        What guessing gives, a dashed line.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the estimate, and makes the legend.

    Examples
    --------
    >>> table = pd.DataFrame({"layer": [-1, 0, 1], "estimate": [0.2, 0.4, 0.6], "low": [0.1, 0.3, 0.5],
    ...                       "high": [0.3, 0.5, 0.7], "model": "a"})
    >>> [tick.get_text() for tick in layer_curves(table, "model").get_xticklabels()]
    ['static', '0', '1']
    """
    with panel(2.5, axes=axes) as axes:
        layers = sorted(int(layer) for layer in table["layer"].unique())
        apart = -max(1.0, 0.08 * layers[-1])  # where the embedding matrix stands
        for number, (name, rows) in enumerate(table.groupby(group, sort=False)):
            deep = rows[rows["layer"] != STATIC].sort_values("layer")
            look = series(number)
            axes.plot(deep["layer"], deep["estimate"], **look, markersize=3, label=str(name), zorder=3)
            band(deep["layer"], deep["low"], deep["high"], number, axes=axes)
            for row in rows[rows["layer"] == STATIC].to_dict("records"):
                axes.plot([apart, apart], [row["low"], row["high"]], color=look["color"], linewidth=0.9, zorder=2)
                axes.plot(apart, row["estimate"], look["marker"], color=look["color"], markersize=3.5, zorder=3)
        if chance is not None:
            axes.axhline(chance, color="0.5", linewidth=0.6, linestyle="--", zorder=1)
        step = -(-len(layers) // 14)
        shown = [layer for layer in layers if layer == STATIC or layer % step == 0]
        places = [apart if layer == STATIC else layer for layer in shown]
        axes.set_xticks(places, ["static" if layer == STATIC else str(layer) for layer in shown])
        axes.set_xlabel("Layer")
    return axes


def similarity_matrix(
    similarities: ArrayLike,
    labels: Sequence[str],
    *,
    label: str = "Cosine",
    cluster: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """Draw how similar each text is to each other.

    Parameters
    ----------
    similarities
        Shape (texts, texts), symmetric.
    labels
        What the texts are called.
    label
        What the colour means, with its unit where it has one.
    cluster
        Put similar texts next to one another (average linkage, leaves in optimal order), in place of the given order.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, with a colour bar.

    Examples
    --------
    >>> similarities = [[1.0, 0.1, 0.9], [0.1, 1.0, 0.2], [0.9, 0.2, 1.0]]
    >>> axes = similarity_matrix(similarities, ["a dog barks", "rates rose", "a hound barks"])
    >>> [tick.get_text() for tick in axes.get_yticklabels()]
    ['rates rose', 'a hound barks', 'a dog barks']
    """
    table = np.asarray(similarities, dtype=float)
    order = list(range(len(table)))
    if cluster and len(table) > 2:
        apart = squareform(np.clip(table.max() - table, 0, None) * (1 - np.eye(len(table))), checks=False)
        order = leaves_list(linkage(apart, "average", optimal_ordering=True)).tolist()
    names = [labels[place] for place in order]
    size = 0.55 + 0.135 * len(table)
    with panel(size, size + 0.065 * max(map(len, names)) + 0.5, axes=axes) as axes:
        below = float(table.min()) < 0
        most = float(np.abs(table[~np.eye(len(table), dtype=bool)]).max()) if len(table) > 1 else 1.0
        mesh = axes.pcolormesh(
            table[np.ix_(order, order)], cmap=colour_map(diverging=below), vmin=-most if below else 0, vmax=most,
            edgecolors="white", linewidth=0.3,
        )  # fmt: skip
        places = np.arange(len(names)) + 0.5
        axes.set_yticks(places, names)
        axes.set_xticks(places, [str(number) for number in range(1, len(names) + 1)], fontsize=5)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        figure = axes.get_figure()
        assert figure is not None
        bar = figure.colorbar(mesh, ax=axes, shrink=0.7, pad=0.02, fraction=0.05)
        bar.set_label(label)
        bar.outline.set_linewidth(0.4)
    return axes
