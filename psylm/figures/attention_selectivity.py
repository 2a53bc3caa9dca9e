"""Figures of what attention selects: by layer and head, against the margin, and by way of measuring it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from psylm.figures.attention import attention_map, by_layer, correlation_matrix, head_grid
from psylm.figures.drawn import Drawn
from psylm.figures.scatter import agreement
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.prose.apa import ALPHA, count
from psylm.stats.attention.tables import Looks
from psylm.stats.inference.correlation import correlation


def draw_layers(layers: pd.DataFrame, about: str) -> Drawn:
    """Draw the selectivity of the weights by layer, a line a model.

    Parameters
    ----------
    layers : DataFrame
        Rows of `psylm.stats.attention.tables.layer_rows`, with `line`, what a model is called in the legend.
    about : str
        The model, and the set: `a model on a set`.
    """
    rows = layers[layers["kind"] == "weights"]
    figure, (axes,) = new_figure(SINGLE, 2.3)
    by_layer(rows, "line", "Selectivity", axes=axes)
    if rows["line"].nunique() > 1:
        axes.legend()
    return Drawn(
        figure,
        f"Selectivity of attention by layer, {about}: (target − distractor) / (target + distractor), averaged over "
        f"heads. Means of items with 95% intervals (Student's t); n = {int(rows['n'].max())} items.",
    )


def chosen_head(selectivity: pd.DataFrame) -> tuple[int, int] | None:
    """Return layer and head of the head that most folds choose."""
    rows = selectivity[selectivity["heads"] == "best"]
    return None if rows.empty else (int(rows["best_layer"].iloc[0]), int(rows["best_head"].iloc[0]))


def draw_heads(heads: pd.DataFrame, about: str, *, best: tuple[int, int] | None = None) -> Drawn:
    """Draw the selectivity of every head, and how it goes with the margin.

    Parameters
    ----------
    heads : DataFrame
        Rows of `psylm.stats.attention.tables.head_rows`.
    about : str
        The model, and the set.
    best : (int, int), optional
        Layer and head that most folds chose.
    """
    sure = heads[heads["link_p_max"] < ALPHA]
    layers, across = heads["layer"].nunique(), heads["head"].nunique()
    figure, (left, right) = new_figure(DOUBLE if across > layers / 2 else 1.4 * SINGLE, min(0.6 + 0.13 * layers, 6), 2)
    grids = {name: heads.pivot(index="layer", columns="head", values=name) for name in ("estimate", "link")}
    head_grid(grids["estimate"], "Selectivity", best=best, axes=left)
    marked = list(zip(sure["layer"], sure["head"], strict=True))
    head_grid(grids["link"], "Correlation with the margin (r)", marked=marked, axes=right)
    right.set_ylabel("")
    return Drawn(
        figure,
        f"Every head of {about}. Left: mean selectivity; framed: the head that most folds choose as the most selective "
        f"one. Right: correlation of selectivity with the margin within conditions; dots: p < .05, corrected for all "
        f"heads ({count(len(marked), 'head')}; sign flips of items, maximum statistic). "
        f"n = {int(heads['n'].max())} items; means with 95% intervals are drawn by layer.",
    )


def draw_margin(looks: Looks, about: str, *, seed: int) -> Drawn:
    """Draw the margin against the selectivity of the best head, or of all heads, a point an item."""
    column = "weights" if looks.best is None else "best"
    means = looks.table.groupby("item", sort=False)[[column, "margin"]].mean()
    found = correlation(means[column], means["margin"], kind="spearman", seed=seed)
    figure, (axes,) = new_figure(SINGLE, 2.6)
    agreement(means[column], means["margin"], [str(item) for item in means.index], found=found, axes=axes)
    axes.set_xlabel("Selectivity, all heads" if looks.best is None else "Selectivity, best head")
    axes.set_ylabel("Margin (bits)")
    return Drawn(
        figure,
        f"Margin against selectivity, {about}; a point is an item"
        f"{'' if looks.best is None else ', the head is chosen on others'}. Regression line with its 95% band; "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {found.n} items.",
    )


def draw_kinds(kinds: pd.DataFrame, names: list[str], about: str) -> Drawn:
    """Draw the rank correlations between ways to measure attention."""
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in kinds.to_dict("records"):
        matrix.loc[row["kind"], row["with"]] = matrix.loc[row["with"], row["kind"]] = row["estimate"]
    labels = [name.replace("_", " ") for name in names]
    figure, (axes,) = new_figure(SINGLE, 0.9 * SINGLE)
    correlation_matrix(matrix.set_axis(labels).set_axis(labels, axis=1), "Spearman's ρ", axes=axes)
    return Drawn(
        figure,
        f"How far ways to measure selectivity agree, {about}: rank correlations over items; their 95% intervals are in "
        f"the table. n = {int(kinds['n'].max())} items.",
    )


def draw_map(weights: np.ndarray, words: list[str], about: str, *, head: tuple[int, int]) -> Drawn:
    """Draw one head's attention in one sentence.

    Parameters
    ----------
    weights : ndarray
        Attention between words [words, words].
    words : list of str
        The words.
    about : str
        The model, and the set.
    head : (int, int)
        Layer and head.
    """
    figure, (axes,) = new_figure(SINGLE, 0.95 * SINGLE)
    attention_map(weights, words, axes=axes)
    return Drawn(
        figure,
        f"Attention between words, {about}: head {head[0]}.{head[1]}, the most selective one, in the first sentence "
        f"(n = 1; no interval). What rows lack of 1 goes to special tokens.",
    )
