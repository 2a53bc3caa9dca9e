"""Figures of the space that vectors span: anisotropy, representational similarity, agreement by correction."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from psylm.figures.drawn import Drawn
from psylm.figures.similarity import layer_curves, similarity_matrix
from psylm.figures.style import SINGLE, new_figure, styled
from psylm.stats.inference.rsa import dissimilarity

DRAWN_TEXTS = 20


def draw_anisotropy(table: pd.DataFrame, model: str) -> Drawn:
    """Draw the anisotropy of each layer before and after corrections."""
    rows = table.assign(estimate=table["anisotropy"], low=table["anisotropy"], high=table["anisotropy"])
    return Drawn(
        _curves(rows, "correction", "Anisotropy (mean cosine of all pairs)", "correction"),
        f"Anisotropy by layer, {model}: the mean cosine of all pairs of different texts, 0 where no direction is "
        f"preferred; before and after corrections that were fitted on these texts. n = {int(rows['n'].max())} texts.",
    )


def draw_rsa(table: pd.DataFrame, model: str) -> Drawn:
    """Draw how the distances of each layer go with word overlap and with the last layer."""
    return Drawn(
        _curves(table, "with", "RSA (Spearman's ρ)", "distances compared with"),
        f"Representational similarity by layer, {model}: correlation of the cosine distances of texts with the share "
        f"of words that they do not have in common (Jaccard), and with the distances in the last layer; 95% intervals "
        f"(BCa bootstrap of texts). n = {int(table['n'].max())} texts.",
    )


def draw_corrected(table: pd.DataFrame, model: str) -> Drawn:
    """Draw the agreement of each layer with people's ratings, before and after corrections."""
    return Drawn(
        _curves(table, "correction", "Correlation with human ratings (ρ)", "correction"),
        f"Spearman's correlation of the cosine with people's ratings by layer and correction, {model}, with 95% "
        f"intervals (BCa bootstrap of items). n = {int(table['n'].max())} pairs.",
    )


def _curves(table: pd.DataFrame, group: str, label: str, title: str) -> Figure:
    """Draw curves over layers in a figure of their own, the legend above it."""
    figure, panels = new_figure(SINGLE, 2.4)
    axes = layer_curves(table, group, axes=panels[0])
    axes.set_ylabel(label)
    figure.legend(*axes.get_legend_handles_labels(), title=title, loc="outside upper center", ncols=3)
    return figure


def draw_matrix(texts: list[str], vectors: np.ndarray, model: str) -> Drawn:
    """Draw the cosines of the first texts of a set.

    Parameters
    ----------
    texts : list of str
        Each text once.
    vectors : ndarray
        Their vectors in the last layer [texts, width].
    model : str
        The model's name.
    """
    chosen = texts[:DRAWN_TEXTS]
    labels = [text if len(text) <= 48 else text[:47] + "…" for text in chosen]
    with styled():
        axes = similarity_matrix(1 - dissimilarity(vectors[:DRAWN_TEXTS], "cosine"), labels)
    figure = axes.get_figure()
    return Drawn(
        figure,  # type: ignore[arg-type]
        f"Cosines of the first {len(chosen)} texts of the set in the last layer, {model}; similar texts stand next to "
        f"one another (average linkage). Rows and columns have the same order.",
    )
