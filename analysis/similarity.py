"""Is what means the same more similar? Agreement with people's ratings, conditions and preferences, layer by layer.

Needs the measure `similarity`. Sets with human ratings named `similarity` give correlations; sets with factors give
means, contrasts and, where the first factor is `meaning: [same, different]`, preferences: how often a pair that means
the same is more similar than one of the same item that does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.scatter import agreement
from psylm.figures.similarity import layer_curves
from psylm.figures.style import SINGLE, new_figure
from psylm.prose import results as prose
from psylm.prose.apa import listing, number, sentence, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.human.agreement import with_human
from psylm.stats.inference.correlation import Correlation, correlation
from psylm.stats.inference.multiple import adjusted
from psylm.stats.similarity.preference import preference_table

REQUIRES = ("similarity",)

SIGNS = {"similarity": 1, "dot_product": 1, "euclidean_distance": -1}
"""Measures, and which way each goes with similarity."""

NAMES = {"similarity": "cosine similarity", "dot_product": "dot product", "euclidean_distance": "Euclidean distance"}

RATING = "similarity"
"""What a card calls people's ratings of similarity."""

KEYS = ["model", "stimuli", "measure", "layer"]


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute every table that the run's stimulus sets allow: for every layer, contrasts for the last."""
    found: dict[str, list[dict[str, Any]]] = {}
    results = run.results
    highest = results[results["measure"].isin(SIGNS)].groupby("model")["word_id"].max()
    for key, rows in results[results["measure"].isin(SIGNS)].groupby(
        ["model", "stimuli", "measure", "word_id"], sort=False
    ):
        about = dict(zip(KEYS, key, strict=True))
        trials, top = _trials(run, rows, about["stimuli"]), highest[about["model"]]
        for name, table in _tables_of(run, trials, about["stimuli"], about["measure"], last=about["layer"] == top):
            found.setdefault(name, []).extend(about | row for row in table)
    made = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    if "contrasts" in made:
        made["contrasts"]["p_holm"] = made["contrasts"].groupby(KEYS, sort=False)["p"].transform(adjusted)
    return made


def _trials(run: Run, rows: pd.DataFrame, stimuli: str) -> pd.DataFrame:
    """Return the set's items with the measure as `value`, and people's ratings, where there are any."""
    items = run.items(stimuli).astype({"item": "string", "condition": "string"})
    trials = items.merge(rows[["item", "condition", "value"]], on=["item", "condition"])
    human = run.human(stimuli)
    return trials if human is None else with_human(trials, human, run.card(stimuli)["factors"])


def _tables_of(
    run: Run, trials: pd.DataFrame, stimuli: str, measure: str, *, last: bool
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    card = run.card(stimuli)
    if card["factors"]:
        named = trials.rename(columns={"value": measure})
        yield "conditions", condition_table(named, card["factors"], (measure,))
        if last:
            yield "contrasts", contrast_table(named, card["factors"], card["between"], measure)
    if _judges(card):
        similar = trials.assign(value=trials["value"] * SIGNS[measure])
        yield "preference", preference_table(similar, card["factors"], "value")
    if RATING in card["human"]:
        yield "human", _rated(trials, measure, run.manifest["seed"])


def _judges(card: dict[str, Any]) -> bool:
    """Whether the set's first factor says which pairs mean the same."""
    return next(iter(card["factors"]), "") == "meaning" and "meaning" not in card["between"]


def _rated(trials: pd.DataFrame, measure: str, seed: int) -> Iterator[dict[str, Any]]:
    for kind in ("spearman", "pearson"):
        found = correlation(trials["value"], trials[f"human_{RATING}"], kind=kind, seed=seed)
        yield {
            "with": "human ratings of similarity", "coefficient": kind, "estimate": found.r, "low": found.low,
            "high": found.high, "p": found.p, "p_permutation": found.p_permutation, "n": found.n,
        }  # fmt: skip


def last_layer(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the highest layer of each model, set and measure."""
    return table[table["layer"] == table.groupby(["model", "stimuli", "measure"])["layer"].transform("max")]


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw, for each model and set, the last layer's similarities, and what changes from layer to layer."""
    drawn: dict[str, Drawn] = {}
    results = run.results
    for model, stimuli in product(run.model_names, run.stimulus_names):
        rows = results[
            (results["model"] == model) & (results["stimuli"] == stimuli) & (results["measure"] == "similarity")
        ]
        if rows.empty:
            continue
        mine = {
            name: table[(table["model"] == model) & (table["stimuli"] == stimuli) & (table["measure"] == "similarity")]
            for name, table in tables.items()
        }
        card, name = run.card(stimuli), f"{stimuli}-{model}"
        trials = _trials(run, rows[rows["word_id"] == rows["word_id"].max()], stimuli)
        several = rows["word_id"].nunique() > 1
        if card["factors"]:
            drawn[f"conditions-{name}"] = _draw_conditions(trials, card, model)
            if several:
                drawn[f"layers-{name}"] = _draw_layers(mine["conditions"], model)
        if _judges(card) and several:
            drawn[f"preference-{name}"] = _draw_preference(mine["preference"], model)
        if RATING in card["human"]:
            drawn[f"human-{name}"] = _draw_human(trials, mine["human"], card, model)
            if several:
                drawn[f"human-layers-{name}"] = _draw_human_layers(mine["human"], model)
    return drawn


def _draw_conditions(trials: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
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


def _draw_layers(conditions: pd.DataFrame, model: str) -> Drawn:
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


def _draw_preference(preference: pd.DataFrame, model: str) -> Drawn:
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


def _draw_human(trials: pd.DataFrame, human: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    row = last_layer(human)[lambda table: table["coefficient"] == "spearman"].iloc[0]
    found = Correlation(row["estimate"], row["low"], row["high"], row["p"], int(row["n"]))
    figure, panels = new_figure(SINGLE, 2.9)
    words = [f"item {item}" for item in trials["item"]]
    axes = agreement(trials[f"human_{RATING}"], trials["value"], words, outliers=0, found=found, axes=panels[0])
    axes.set_xlabel(f"Human {RATING}: {card['human'][RATING].rpartition('(')[2].rstrip(')')}")
    axes.set_ylabel("Cosine of the two texts")
    return Drawn(
        figure,
        f"Similarity of two texts by {model} (last layer) and by people, with the regression line and its 95% band. "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(row['n'])} pairs.",
    )


def _draw_human_layers(human: pd.DataFrame, model: str) -> Drawn:
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


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in words what was found with each model on each set; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for name, table in tables.items():
        for (model, stimuli, measure), rows in table.groupby(["model", "stimuli", "measure"], sort=False):
            sentences = said.setdefault(f"{model} on {stimuli}", [])
            sentences += _say(name, rows, str(measure))
    return said


def _say(name: str, rows: pd.DataFrame, measure: str) -> Iterator[str]:
    last = rows[rows["layer"] == rows["layer"].max()].assign(measure=NAMES[measure])
    if name == "conditions":
        yield from prose.means(last, NAMES[measure], "")
    elif name == "contrasts":
        yield from prose.contrasts(last, NAMES[measure], "")
    elif name == "human":
        yield from prose.correlations(last)
        if rows["layer"].nunique() > 1:
            ranks = rows[rows["coefficient"] == "spearman"].sort_values("estimate")
            best = ranks.iloc[-1 if SIGNS[measure] > 0 else 0]
            layer = "the embedding matrix" if best["layer"] == -1 else f"layer {best['layer']}"
            yield f"Of all layers, {layer} agreed best with people (ρ = {number(best['estimate'], bounded=True)})."
    elif name == "preference":
        parts = [
            f"{row['comparison']} in {share(row['estimate'], row['low'], row['high'])}"
            for row in last.to_dict("records")
        ]
        yield sentence(f"by {NAMES[measure]}, pairs stood {listing(parts, ';')} of {int(last['n'].max())} items")
