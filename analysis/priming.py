"""Does a related prime help? Surprisal of targets, and the cosine of prime and target, by item.

Needs the measure `similarity` (prime and target are a trial's context and sentence); with `surprisal` of the target,
the priming effect, and whether it goes with the cosine, item by item. For sets whose first factor has two levels,
related first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from typing import Any

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.scatter import agreement
from psylm.figures.similarity import layer_curves
from psylm.figures.style import SINGLE, new_figure
from psylm.prose import results as prose
from psylm.prose.apa import interval, number, p_value, share, statistic
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.correlation import Correlation, correlation
from psylm.stats.inference.intervals import paired_contrast, proportion_interval
from psylm.stats.inference.multiple import adjusted

REQUIRES = ("similarity",)

COSINE, SURPRISAL = "cosine", "surprisal"
COSINE_LABEL = "Cosine of prime and target, last layer"
NO_LAYER = -2
"""What stands for the layer of surprisal, which has none."""


def effects(run: Run, model: str, stimuli: str) -> dict[tuple[str, int], pd.DataFrame]:
    """Return, for each measure and layer, a row an item: the value in each condition, and `effect`, how much it helps.

    The effect is related minus unrelated of the cosine, unrelated minus related of surprisal.
    """
    card = run.card(stimuli)
    factor = next(iter(card["factors"]), "")
    if len(card["factors"].get(factor, ())) != 2:
        return {}
    related, unrelated = card["factors"][factor]
    items = run.items(stimuli).astype({"item": "string", "condition": "string"})
    results = run.results
    mine = results[(results["model"] == model) & (results["stimuli"] == stimuli)]
    found: dict[tuple[str, int], pd.DataFrame] = {}
    cosines = mine[mine["measure"] == "similarity"]
    costs = mine[(mine["measure"] == SURPRISAL) & (mine["region"] == "target")]
    parts = [((COSINE, int(layer)), rows, 1) for layer, rows in cosines.groupby("word_id")]
    parts += [((SURPRISAL, NO_LAYER), costs, -1)] if len(costs) else []
    for key, rows, sign in parts:
        joined = items.merge(rows[["item", "condition", "value"]], on=["item", "condition"])
        wide = joined.pivot_table(index=["item", "target"], columns=factor, values="value", sort=False).reset_index()
        found[key] = wide.assign(effect=sign * (wide[related] - wide[unrelated]))
    return found


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute the priming effect in each measure and layer, and its agreement with that in surprisal."""
    priming: list[dict[str, Any]] = []
    agreeing: list[dict[str, Any]] = []
    for model, stimuli in product(run.model_names, run.stimulus_names):
        found = effects(run, model, stimuli)
        about = {"model": model, "stimuli": stimuli}
        for (measure, layer), rows in found.items():
            effect = rows["effect"]
            share_, low, high = proportion_interval(float((effect > 0).sum() + (effect == 0).sum() / 2), len(effect))
            shares = {"items_helped": share_, "items_low": low, "items_high": high}
            key = about | {"measure": measure, "layer": layer}
            priming.append(key | asdict(paired_contrast(effect)) | shares)
            if measure == COSINE and (SURPRISAL, NO_LAYER) in found:
                both = rows.merge(found[SURPRISAL, NO_LAYER], on="item")
                one = correlation(both["effect_x"], both["effect_y"], kind="spearman", seed=run.manifest["seed"])
                agreeing.append(
                    key | {"with": "the priming effect in surprisal", "coefficient": "spearman", "estimate": one.r}
                    | {"low": one.low, "high": one.high, "p": one.p, "p_permutation": one.p_permutation, "n": one.n}
                )  # fmt: skip
    made = {"effects": pd.DataFrame(priming), "items": pd.DataFrame(agreeing)}
    for name, table in made.items():
        if len(table):
            table["p_holm"] = table.groupby(["model", "stimuli", "measure"], sort=False)["p"].transform(adjusted)
            made[name] = table
    return {name: table for name, table in made.items() if len(table)}


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw conditions, the effect in the cosine by layer, and its agreement with the effect in surprisal."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        found = effects(run, model, stimuli)
        if not found:
            continue
        name, top = f"{stimuli}-{model}", max(layer for _, layer in found)
        levels = next(iter(run.card(stimuli)["factors"].items()))
        for key, label in (((SURPRISAL, NO_LAYER), "Surprisal of the target (bits)"), ((COSINE, top), COSINE_LABEL)):
            if key in found:
                drawn[f"{key[0]}-{name}"] = _draw_conditions(found[key], levels, label, model)
        mine = {key: table[(table["model"] == model) & (table["stimuli"] == stimuli)] for key, table in tables.items()}
        if len(found) > 2:
            drawn[f"layers-{name}"] = _draw_layers(mine["effects"], model)
        if len(mine.get("items", [])):
            drawn[f"items-{name}"] = _draw_items(found, mine["items"], top, model)
    return drawn


def _draw_conditions(rows: pd.DataFrame, factor: tuple[str, list[str]], label: str, model: str) -> Drawn:
    name, levels = factor
    figure, panels = new_figure(SINGLE * 0.7, 2.4)
    values = rows.melt(id_vars="item", value_vars=levels, var_name=name, value_name="value")
    axes = condition_means(values, name, levels, axes=panels[0])
    axes.set_xlabel(name)
    axes.set_ylabel(label)
    return Drawn(
        figure,
        f"Targets after related and unrelated primes, {model}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {len(rows)} targets.",
    )


def _draw_layers(effects: pd.DataFrame, model: str) -> Drawn:
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


def _draw_items(found: dict[tuple[str, int], pd.DataFrame], items: pd.DataFrame, top: int, model: str) -> Drawn:
    both = found[COSINE, top].merge(found[SURPRISAL, NO_LAYER], on=["item", "target"])
    row = items[items["layer"] == top].iloc[0]
    rank = Correlation(row["estimate"], row["low"], row["high"], row["p"], int(row["n"]))
    figure, panels = new_figure(SINGLE, 2.9)
    axes = agreement(both["effect_x"], both["effect_y"], list(both["target"]), found=rank, axes=panels[0])
    axes.set_xlabel("Priming in the cosine (related − unrelated)")
    axes.set_ylabel("Priming in surprisal (bits)")
    return Drawn(
        figure,
        f"Priming of single targets in the cosine (last layer) and in surprisal, {model}, with the regression line and "
        f"its 95% band. Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(row['n'])} targets.",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in words whether related primes helped; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for (model, stimuli), rows in tables["effects"].groupby(["model", "stimuli"], sort=False):
        said[f"{model} on {stimuli}"] = list(_say(rows))
        if "items" in tables:
            items = tables["items"]
            mine = items[(items["model"] == model) & (items["stimuli"] == stimuli)]
            last = mine[mine["layer"] == mine["layer"].max()]
            said[f"{model} on {stimuli}"] += prose.correlations(last.assign(measure="priming in the cosine"))
    return said


def _say(rows: pd.DataFrame) -> Iterator[str]:
    for measure, some in rows.groupby("measure", sort=False):
        row = some.loc[some["layer"].idxmax()]
        unit, digits = (" bits", 2) if measure == SURPRISAL else ("", 3)
        what = "Surprisal of the target was" if measure == SURPRISAL else "The cosine of prime and target was"
        more = "lower" if (measure == SURPRISAL) == (row["estimate"] > 0) else "higher"
        yield (
            f"{what} {more} after related than after unrelated primes by {number(abs(row['estimate']), digits)}{unit} "
            f"(priming effect {number(row['estimate'], digits)}{unit}, {interval(row['low'], row['high'], digits)}, "
            f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p'])}, d_z = {number(row['effect_size'])}), "
            f"in {share(row['items_helped'], row['items_low'], row['items_high'])} of {int(row['n'])} targets."
        )
