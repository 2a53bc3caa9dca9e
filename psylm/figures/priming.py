"""Figures of priming: conditions, the effect by layer, and its agreement with that in surprisal."""

from __future__ import annotations

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.drawn import Drawn
from psylm.figures.scatter import agreement, correlation_of
from psylm.figures.similarity import layer_curves
from psylm.figures.style import SINGLE, new_figure
from psylm.stats.similarity.priming import COSINE, NO_LAYER, SURPRISAL

LABELS = {COSINE: "Cosine of prime and target, last layer", SURPRISAL: "Surprisal of the target (bits)"}


def draw_conditions(rows: pd.DataFrame, factor: tuple[str, list[str]], measure: str, model: str) -> Drawn:
    """Draw what was measured of targets after related and unrelated primes."""
    name, levels = factor
    figure, panels = new_figure(SINGLE * 0.7, 2.4)
    values = rows.melt(id_vars="item", value_vars=levels, var_name=name, value_name="value")
    axes = condition_means(values, name, levels, axes=panels[0])
    axes.set_xlabel(name)
    axes.set_ylabel(LABELS[measure])
    return Drawn(
        figure,
        f"Targets after related and unrelated primes, {model}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {len(rows)} targets.",
    )


def draw_layers(effects: pd.DataFrame, model: str) -> Drawn:
    """Draw the priming effect in the cosine by layer."""
    rows = effects[effects["measure"] == COSINE].assign(
        estimate=effects["effect_size"], low=effects["effect_low"], high=effects["effect_high"]
    )
    figure, panels = new_figure(SINGLE, 2.4)
    axes = layer_curves(rows, "measure", axes=panels[0])
    axes.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    axes.set_ylabel("Priming in the cosine (d_z)")
    return Drawn(
        figure,
        f"Priming effect in the cosine of prime and target by layer, {model}: related minus unrelated, standardised, "
        f"with 95% intervals (noncentral t); static: the embedding matrix. n = {int(rows['n'].max())} targets.",
    )


def draw_items(found: dict[tuple[str, int], pd.DataFrame], items: pd.DataFrame, top: int, model: str) -> Drawn:
    """Draw the priming of single targets in the cosine against that in surprisal."""
    both = found[COSINE, top].merge(found[SURPRISAL, NO_LAYER], on=["item", "target"])
    row = items[items["layer"] == top].iloc[0]
    figure, panels = new_figure(SINGLE, 2.9)
    axes = agreement(
        both["effect_x"], both["effect_y"], list(both["target"]), found=correlation_of(row), axes=panels[0]
    )
    axes.set_xlabel("Priming in the cosine (related − unrelated)")
    axes.set_ylabel("Priming in surprisal (bits)")
    return Drawn(
        figure,
        f"Priming of single targets in the cosine (last layer) and in surprisal, {model}, with the regression line and "
        f"its 95% band. Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(row['n'])} targets.",
    )
