"""Figures of reading times: spillover, profiles over the sentence, and the shape of the effect of surprisal."""

from __future__ import annotations

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.forest import forest
from psylm.figures.reading import GAIN, grid, in_thousandths, lagged, profile, smooth_curve
from psylm.figures.style import DOUBLE, SINGLE
from psylm.stats.reading.tables import ALL


def draw_spillover(effects: pd.DataFrame, stimuli: str) -> Drawn:
    """Draw the effect of a word's surprisal on its own reading time and on those of the words after it."""
    rows = effects[(effects["words"] == ALL) & effects["estimate"].notna()]
    responses = list(dict.fromkeys(rows["response"]))
    figure, panels = grid(DOUBLE if len(responses) > 1 else SINGLE, 1.9, len(responses), 3)
    for axes, response in zip(panels, responses, strict=True):
        lagged(rows[rows["response"] == response], "predictor", axes=axes).set_title(response.replace("_", " "))
    figure.supylabel("Effect of one bit (ms)", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return Drawn(
        figure,
        f"Effect of the surprisal of a word, and of the words before it, on its reading time, {stimuli}: coefficients "
        f"of linear mixed models with random intercepts ({rows['random'].iloc[0]}), with 95% intervals "
        f"(Satterthwaite); filled symbols: the interval leaves out zero. n = {int(rows['n'].max()):,} words.",
    )


def draw_profile(rows: pd.DataFrame, stimuli: str) -> Drawn:
    """Draw reading times and surprisal by position in the sentence."""
    responses = list(dict.fromkeys(rows.loc[rows["kind"] == "response", "measure"]))
    figure, panels = grid(DOUBLE, 1.9, len(responses) + 1, min(3, len(responses) + 1))
    for axes, response in zip(panels, responses, strict=False):
        profile(rows[rows["measure"] == response], "measure", axes=axes)
        axes.set_title(response.replace("_", " "))
        axes.set_ylabel("Reading time (ms)")
    profile(rows[rows["kind"] == "predictor"], "measure", axes=panels[-1]).set_title("surprisal")
    panels[-1].set_ylabel("Surprisal (bits)")
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside upper center", ncols=3, title="surprisal")
    for axes in panels:
        axes.set_xlabel("Word of the sentence (from 0)")
    return Drawn(
        figure,
        f"Reading time and surprisal by position in the sentence, {stimuli}: means of the words at a position, with "
        f"95% intervals (Student's t). n = {int(rows['n'].min()):,} to {int(rows['n'].max()):,} words a position.",
    )


def draw_shape(curves: pd.DataFrame, link: pd.DataFrame, model: str, stimuli: str) -> Drawn:
    """Draw the shape of the effect of surprisal, and the gains of other shapes over a line."""
    responses = list(dict.fromkeys(curves["response"]))
    figure, panels = grid(DOUBLE, 2.0, 2 * len(responses), len(responses) if len(responses) > 1 else 2)
    for axes, response in zip(panels, responses, strict=False):
        smooth_curve(curves[curves["response"] == response], axes=axes).set_title(response.replace("_", " "))
    panels[0].set_ylabel("Effect (ms)")
    rows = in_thousandths(link)
    for number, (axes, response) in enumerate(zip(panels[len(responses) :], responses, strict=True)):
        forest(rows[rows["response"] == response], "link", axes=axes)
        axes.tick_params(labelleft=number == 0)
    if len(responses) == 1:
        panels[-1].set_xlabel(GAIN)
    else:
        figure.supxlabel(GAIN, fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return Drawn(
        figure,
        f"Shape of the effect of a word's surprisal on its reading time, {model} on {stimuli}. Curves: natural cubic "
        "splines beyond the baseline and the surprisal of the words before, from their mean, with pointwise 95% "
        f"intervals (robust to dependence within {int(curves['groups'].max())} groups), n = {int(curves['n'].max()):,} "
        "words, grey: where they lie. Below: held-out gain in log-likelihood by shape of the effect, with 95% BCa "
        "intervals by groups.",
    )
