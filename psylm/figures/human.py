"""Figures of a model beside people: agreement, calibration, published models, and effects on what people did."""

from __future__ import annotations

from typing import Any

import pandas as pd

from psylm.figures.calibration import calibration_caption, calibration_curve
from psylm.figures.drawn import Drawn
from psylm.figures.forest import forest
from psylm.figures.scatter import agreement, correlation_of
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.stats.inference.correlation import log_odds
from psylm.stats.reading.effects import OURS
from psylm.stats.reading.observations import PEOPLE


def draw_agreement(measured: pd.DataFrame, human: pd.DataFrame, model: str) -> Drawn:
    """Draw the model's cloze against people's, in log-odds."""
    figure, panels = new_figure(SINGLE, 2.9)
    rank = human[human["coefficient"] == "spearman"].iloc[0]
    people, ours = log_odds(measured["human_cloze"]), log_odds(measured["cloze"])
    agreement(people, ours, list(measured["target"]), found=correlation_of(rank), axes=panels[0])
    panels[0].set_xlabel("Human cloze (log-odds)")
    panels[0].set_ylabel("Model cloze (log-odds)")
    return Drawn(
        figure,
        f"Cloze probability by {model} and by people, in log-odds, with the regression line and its 95% band. "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(rank['n'])} words. Labelled: the "
        "words farthest from the line.",
    )


def draw_calibration(curve: pd.DataFrame, model: str) -> Drawn:
    """Draw the calibration of the model's cloze against people's."""
    figure, panels = new_figure(SINGLE, SINGLE)
    calibration_curve(curve, axes=panels[0])
    return Drawn(
        figure, calibration_caption(curve, f"cloze of {curve['n'].sum():,} words by {model} against shares of people")
    )


def draw_references(trials: pd.DataFrame, references: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    """Draw the model's surprisal against the first published one of the card."""
    column, who = next(iter(card["references"].items()))
    single = column.removesuffix("_surprisal") + "_multitoken"
    rows = trials[trials[single] == 0] if single in trials else trials
    words = "words of one token" if single in trials else "all words"
    found = references[(references["with"].str.endswith(who)) & (references["words"] == words)].iloc[0]
    figure, panels = new_figure(SINGLE, 2.9)
    agreement(
        rows[column], rows["surprisal"], list(rows["target"]), found=correlation_of(found), symbol="r", axes=panels[0]
    )
    panels[0].set_xlabel(f"Published surprisal, {who} (bits)")
    panels[0].set_ylabel("Surprisal, this run (bits)")
    return Drawn(
        figure,
        f"Surprisal by {model} against the published surprisal by {who} of the same words ({words} for {who}), with "
        f"the regression line and its 95% band. Pearson's r with its 95% interval (BCa bootstrap of items); "
        f"n = {int(found['n'])} words. Labelled: the words farthest from the line.",
    )


def draw_effects(effects: pd.DataFrame, model: str) -> Drawn:
    """Draw the effect of surprisal on each amplitude and reading time: the model's, a published one, and people's."""
    words = effects["words"].iloc[-1]  # those that all predictors are compared on
    effects = effects[effects["words"] == words]
    published = [name for name in dict.fromkeys(effects["predictor"]) if name not in (OURS, PEOPLE)]
    # The model, one published model, and people: more than three in a row cannot be told apart.
    shown = [OURS, *published[:1], *([PEOPLE] if PEOPLE in set(effects["predictor"]) else [])]
    rows = effects[effects["predictor"].isin(shown)].assign(
        estimate=effects["standardised"], low=effects["standardised_low"], high=effects["standardised_high"],
        name=effects["response"].str.replace("_", " "),
    )  # fmt: skip
    figure, panels = new_figure(DOUBLE * 0.75, 0.9 + 0.3 * rows["name"].nunique())
    forest(rows, "name", hue="predictor", groups=shown, axes=panels[0]).set_xlabel(
        "Effect of surprisal (SD of the response per SD of surprisal)"
    )
    covariates = str(effects["covariates"].iloc[0]).replace("_", " ")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(shown))
    return Drawn(
        figure,
        f"Effect of surprisal on amplitudes and reading times beyond {covariates}: {model}"
        f"{', a published model' if published else ''} and human cloze. Linear mixed models with a random intercept by "
        f"sentence, 95% intervals (Satterthwaite); filled symbols: the interval leaves out zero. "
        f"n = {int(rows['n'].max())} words at most ({words}).",
    )
