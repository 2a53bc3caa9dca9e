"""Figures of similarity: matrices of texts, and curves over layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from psylm.figures.conditions import condition_means
from psylm.figures.drawn import Drawn
from psylm.figures.scatter import agreement, correlation_of
from psylm.figures.style import SINGLE, band, colour_map, new_figure, panel, series
from psylm.stats.similarity.rated import RATING
from psylm.stats.similarity.spaces import STATIC


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


def draw_conditions(trials: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    """Draw the last layer's similarity by condition with the single items."""
    first, *others = card["factors"]
    hue = others[0] if others else None
    figure, panels = new_figure(SINGLE, 2.5)
    axes = condition_means(
        trials, first, card["factors"][first], hue=hue, groups=card["factors"][hue] if hue else (), axes=panels[0]
    )
    axes.set_xlabel(first.replace("_", " "))
    axes.set_ylabel("Cosine of the two texts")
    if hue:
        axes.legend(title=hue.replace("_", " "), loc="best")
    return Drawn(
        figure,
        f"Similarity of the two texts of a pair by condition, {model}, last layer. Large symbols: means of items with "
        f"95% intervals (Student's t); small ones: single items. n = {trials['item'].nunique()} items.",
    )


def draw_layers(conditions: pd.DataFrame, model: str) -> Drawn:
    """Draw the mean similarity by layer, a line a condition."""
    figure, panels = new_figure(SINGLE * 1.25, 2.6)
    rows = conditions.assign(estimate=conditions["mean"], name=conditions["condition"].str.replace("/", ", "))
    axes = layer_curves(rows, "name", axes=panels[0])
    axes.set_ylabel("Cosine of the two texts")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return Drawn(
        figure,
        f"Similarity of the two texts of a pair by layer and condition, {model}. Means with 95% intervals (Student's "
        f"t); static: the embedding matrix, without context. n = {int(rows['n'].max())} items.",
    )


def draw_preference(preference: pd.DataFrame, model: str) -> Drawn:
    """Draw by layer how often what means the same is more similar."""
    figure, panels = new_figure(SINGLE * 1.25, 2.8)
    axes = layer_curves(preference, "comparison", chance=0.5, axes=panels[0])
    axes.set_ylabel("Share of items")
    axes.set_ylim(-0.03, 1.03)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=1)
    return Drawn(
        figure,
        f"How often a pair that means the same is more similar than a pair of the same item that does not, {model}, by "
        f"layer, with 95% Wilson intervals; dashed: chance. n = {int(preference['n'].max())} items.",
    )


def draw_ratings(trials: pd.DataFrame, human: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    """Draw the last layer's similarity against people's ratings."""
    row = human[human["coefficient"] == "spearman"].iloc[0]
    figure, panels = new_figure(SINGLE, 2.9)
    words = [f"item {item}" for item in trials["item"]]
    axes = agreement(
        trials[f"human_{RATING}"], trials["value"], words, outliers=0, found=correlation_of(row), axes=panels[0]
    )
    axes.set_xlabel(f"Human {RATING}: {card['human'][RATING].rpartition('(')[2].rstrip(')')}")
    axes.set_ylabel("Cosine of the two texts")
    return Drawn(
        figure,
        f"Similarity of two texts by {model} (last layer) and by people, with the regression line and its 95% band. "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(row['n'])} pairs.",
    )


def draw_ratings_by_layer(human: pd.DataFrame, model: str) -> Drawn:
    """Draw the correlation with people's ratings by layer."""
    rows = human.assign(name=human["coefficient"].map({"spearman": "Spearman's ρ", "pearson": "Pearson's r"}))
    figure, panels = new_figure(SINGLE, 2.4)
    axes = layer_curves(rows, "name", axes=panels[0])
    axes.set_ylabel("Correlation with human ratings")
    axes.legend()
    return Drawn(
        figure,
        f"Correlation of the cosine with people's ratings by layer, {model}, with 95% intervals (BCa bootstrap of "
        f"items); static: the embedding matrix. n = {int(rows['n'].max())} pairs.",
    )
