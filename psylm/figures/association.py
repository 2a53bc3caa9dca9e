"""Figures of association tests."""

from __future__ import annotations

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.similarity import layer_curves
from psylm.figures.style import SINGLE, new_figure


def draw_layers(tests: pd.DataFrame, model: str) -> Drawn:
    """Draw the effect size of one model's association tests by layer, a line a test.

    Parameters
    ----------
    tests : DataFrame
        Rows of `psylm.stats.similarity.association.association_rows` of the model.
    model : str
        The model's name.
    """
    figure, panels = new_figure(SINGLE, 2.6)
    axes = layer_curves(tests.assign(name=tests["test"].str.partition(":")[0]), "name", axes=panels[0])
    axes.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    axes.set_ylabel("Association (effect size d)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=1)
    return Drawn(
        figure,
        f"Association tests by layer, {model}: {'; '.join(dict.fromkeys(tests['test']))}. Effect size d with 95% "
        f"intervals (percentile bootstrap of the targets); static: the embedding matrix. "
        f"n = {int(tests['n'].max())} targets a test.",
    )
