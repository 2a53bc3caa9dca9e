"""Is what means the same more similar? Agreement with people's ratings, conditions and preferences, layer by layer.

Needs the measure `similarity`. Sets with human ratings named `similarity` give correlations; sets with factors give
means, contrasts and, where the first factor is `meaning: [same, different]`, preferences: how often a pair that means
the same is more similar than one of the same item that does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.similarity import draw_conditions, draw_layers, draw_preference, draw_ratings, draw_ratings_by_layer
from psylm.prose.paragraphs import paragraphs
from psylm.prose.similarity import conditions, contrasts, preference, ratings
from psylm.runs.run import Run
from psylm.stats.collect import Part, Rows, Tables, collect, groups, select
from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.similarity.preference import preference_table
from psylm.stats.similarity.rated import RATING, SIGNS, judges_meaning, last_layer, rating_rows, trials_with_ratings

REQUIRES = ("similarity",)


def tables(run: Run) -> Tables:
    """Compute every table that the run's stimulus sets allow: for every layer, contrasts for the last."""
    return collect(_parts(run), families={"contrasts": ["model", "stimuli", "measure", "layer"]})


def _parts(run: Run) -> Iterator[Part]:
    scores = run.scores(measure=list(SIGNS))
    highest = scores.groupby("model")["word_id"].max()
    for (model, stimuli, measure, layer), rows in groups(scores, ["model", "stimuli", "measure", "word_id"]):
        about = {"model": model, "stimuli": stimuli, "measure": measure, "layer": layer}
        card, trials = run.card(stimuli), trials_with_ratings(run, rows, stimuli)
        last = layer == highest[model]
        for name, table in _of_layer(trials, card, measure, seed=run.seed, last=last):
            yield name, about, table


def _of_layer(
    trials: pd.DataFrame, card: dict[str, Any], measure: str, *, seed: int, last: bool
) -> Iterator[tuple[str, Rows]]:
    if card["factors"]:
        named = trials.rename(columns={"value": measure})
        yield "conditions", condition_table(named, card["factors"], (measure,))
        if last:
            yield "contrasts", contrast_table(named, card["factors"], card["between"], measure)
    if judges_meaning(card):
        similar = trials.assign(value=trials["value"] * SIGNS[measure])
        yield "preference", preference_table(similar, card["factors"], "value")
    if RATING in card["human"]:
        yield "human", rating_rows(trials, seed)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw, for each model and set, the last layer's similarities, and what changes from layer to layer."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in run.grid():
        rows = run.scores(model=model, stimuli=stimuli, measure="similarity")
        if rows.empty:
            continue
        mine = select(tables, model=model, stimuli=stimuli, measure="similarity")
        card, name = run.card(stimuli), f"{stimuli}-{model}"
        trials = trials_with_ratings(run, rows[rows["word_id"] == rows["word_id"].max()], stimuli)
        several = rows["word_id"].nunique() > 1
        if card["factors"]:
            drawn[f"conditions-{name}"] = draw_conditions(trials, card, model)
            if several:
                drawn[f"layers-{name}"] = draw_layers(mine["conditions"], model)
        if judges_meaning(card) and several:
            drawn[f"preference-{name}"] = draw_preference(mine["preference"], model)
        if RATING in card["human"]:
            drawn[f"human-{name}"] = draw_ratings(trials, last_layer(mine["human"]), card, model)
            if several:
                drawn[f"human-layers-{name}"] = draw_ratings_by_layer(mine["human"], model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words what was found with each model on each set; every number comes from the tables."""
    say = {"conditions": conditions, "contrasts": contrasts, "preference": preference, "human": ratings}
    return paragraphs(tables, {name: say[name] for name in tables}, within=["measure"])
