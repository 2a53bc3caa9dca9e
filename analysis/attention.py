"""Does attention to the right word do any work? Selectivity by layer and head, and whether it predicts the margin.

For sets of minimal pairs, as the module `dependencies` reads them; selectivity is that of the measure `attention`, from
-1 (all to the distractor) to 1 (all to the target). A pair's selectivity is the mean of its two sentences; where they
differ in the target only, a model that reads from left to right attends alike in both. Layers and heads are counted
from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from psylm.attention.baselines import distance_rows, positional_baselines
from psylm.attention.scenes import scene, visible
from psylm.attention.selection import selection
from psylm.figures.attention import attention_map, by_layer, correlations, head_grid
from psylm.figures.scatter import agreement
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.models.families import FAMILIES
from psylm.prose.apa import count
from psylm.prose.attention import TELL
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.attention.tables import (
    KINDS,
    Looks,
    by_pair,
    effect_rows,
    head_rows,
    kind_rows,
    layer_rows,
    link_rows,
    mediation_rows,
    selectivity_rows,
)
from psylm.stats.conditions.pairs import minimal_pairs
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.intervals import paired_contrast
from psylm.stats.inference.multiple import adjusted

REQUIRES = ("surprisal", "attention_selectivity")

SELECTIVITY = "attention_selectivity"
MEASURES = {SELECTIVITY: "weights"} | {f"{SELECTIVITY}_{kind}": kind for kind in KINDS[1:]}
"""Measures and arrays, and the kind of attention that they are of."""

RANDOM = "#random="
"""Marks the name of a model whose weights were drawn anew: the control of the model of that name without it."""

ALPHA = 0.05


def read(run: Run, model: str, stimuli: str) -> Looks | None:
    """Bring margins and selectivity of the same pairs together; None where there are no pairs."""
    results, card = run.results, run.card(stimuli)
    mine = results[(results["model"] == model) & (results["stimuli"] == stimuli)]
    target = (mine["measure"] == "surprisal") & (mine["region"] == "target")
    mine = mine[target | mine["measure"].isin(list(MEASURES))]
    scores = mine.pivot_table(index=["item", "condition"], columns="measure", values="value", sort=False)
    if not {SELECTIVITY, "surprisal"} <= set(scores):
        return None
    scores = scores.rename(columns=MEASURES).rename_axis(columns=None).reset_index()
    pairs = minimal_pairs(run.items(stimuli), card["factors"], card["between"], scores)
    if pairs is None:
        return None
    there = set(run.array_names())
    arrays = {kind: run.stacked(name, model=model, stimuli=stimuli) for name, kind in MEASURES.items() if name in there}
    return Looks(pairs, {kind: by_pair(pairs, *found) for kind, found in arrays.items() if found[1].ndim == 3})


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute selectivity by layer and head, controls, and how selectivity and margin go together."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        looks = read(run, model, stimuli)
        if looks is None:
            continue
        parts = {
            "selectivity": selectivity_rows(looks), "effects": effect_rows(looks), "layers": layer_rows(looks),
            "heads": head_rows(looks), "links": link_rows(looks),
            "mediation": mediation_rows(looks, _seed(run)), "kinds": kind_rows(looks, _seed(run)),
            "controls": _controls(run, model, stimuli, looks),
        }  # fmt: skip
        for name, rows in parts.items():
            found.setdefault(name, []).extend({"model": model, "stimuli": stimuli} | row for row in rows)
    result = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    for name in ("effects", "links", "controls"):
        if name in result:
            result[name]["p_holm"] = result[name].groupby(["model", "stimuli"], sort=False)["p"].transform(adjusted)
    return result


def _seed(run: Run) -> int:
    return int(run.manifest["seed"])


def _controls(run: Run, model: str, stimuli: str, looks: Looks) -> Iterator[dict[str, Any]]:
    """Give the selectivity of all heads minus that of controls: random weights, and heads that know positions only."""
    controls: dict[str, pd.Series] = {}
    for other in run.model_names:
        twin = read(run, other, stimuli) if other.startswith(model + RANDOM) else None
        if twin is not None:
            controls[f"random weights, seed {other.partition(RANDOM)[2]}"] = _by_item(twin)
    asked = _asked(run)
    if asked:
        left = FAMILIES.named(run.manifest["models"][model]["family"], f"model {model!r}, its family").in_order
        items = run.items(stimuli).assign(language=run.card(stimuli)["language"])
        query, target, distractor = (asked.get(name) for name in ("query", "target", "distractor"))
        at = asked.get("at", "prediction")
        rows = positional_baselines(items, query, target, distractor, at=at, left_to_right=left)
        for name, some in rows[rows["measure"] == SELECTIVITY].groupby("baseline", sort=False):
            controls[f"position: {name}"] = some.astype({"item": "string"}).groupby("item")["value"].mean()
        if "attention_query" in run.array_names():
            controls["distance, learnt on other items"] = _distance(run, model, stimuli, items, left=left)
    own = _by_item(looks)
    for name, values in controls.items():
        if values.notna().any():  # a control that never sees target or distractor has no selectivity
            yield {"control": name, "mean": float(values.mean())} | asdict(
                paired_contrast(own - values.reindex(own.index))
            )


def _distance(run: Run, model: str, stimuli: str, items: pd.DataFrame, *, left: bool) -> pd.Series:
    """Give the selectivity that each head would have if it knew distances only, averaged over heads, by item."""
    asked = _asked(run)
    trials = {(row["item"], row["condition"]): row for row in items.astype(object).to_dict("records")}
    names, rows, scenes, seen = [], [], [], []
    for item, condition, row in run.arrays("attention_query", model=model, stimuli=stimuli):
        there = scene(trials[item, condition], asked["query"], asked["target"], asked["distractor"])
        if there is not None:
            names.append(item)
            rows.append(row)
            scenes.append(there)
            seen.append(visible(there, asked.get("at", "prediction"), left_to_right=left))
    predicted = zip(distance_rows(rows, scenes, seen, names), scenes, seen, strict=True)
    values = [float(np.nanmean(selection(*one)["selectivity"])) for one in predicted]
    return pd.Series(values).groupby(pd.Index(names, dtype="string")).mean()


def _asked(run: Run) -> dict[str, Any]:
    """Return the options of the measure, as the experiment gave them."""
    measures = run.manifest["experiment"]["measures"]
    return next((dict(one["attention"]) for one in measures if "attention" in one), {})


def _by_item(looks: Looks) -> pd.Series:
    return looks.table.groupby("item", sort=False)["weights"].mean()


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw selectivity by layer and by head, its link with the margin, and how kinds of attention agree."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        looks = None if RANDOM in model else read(run, model, stimuli)
        if looks is None:
            continue
        about = f"{model} on {stimuli}"
        mine = {name: rows[(rows["model"] == model) & (rows["stimuli"] == stimuli)] for name, rows in tables.items()}
        if "layers" in tables:
            layers = tables["layers"][tables["layers"]["stimuli"] == stimuli]
            drawn[f"layers-{model}-{stimuli}"] = _draw_layers(layers, model, about)
        if len(mine.get("heads", [])):
            drawn[f"heads-{model}-{stimuli}"] = _draw_heads(mine["heads"], mine["selectivity"], about)
        if len(mine.get("links", [])):
            drawn[f"margin-{model}-{stimuli}"] = _draw_margin(looks, _seed(run), about)
        if looks.best is not None and "attention_map" in run.array_names():
            drawn[f"map-{model}-{stimuli}"] = _draw_map(run, model, stimuli, mine["selectivity"], about)
        if len(mine.get("kinds", [])):
            drawn[f"kinds-{model}-{stimuli}"] = _draw_kinds(mine["kinds"], looks.kinds, about)
    return drawn


def _draw_layers(layers: pd.DataFrame, model: str, about: str) -> Drawn:
    own = (layers["model"] == model) | layers["model"].str.startswith(model + RANDOM)
    rows = layers[own & (layers["kind"] == "weights")]
    rows = rows.assign(line=np.where(rows["model"] == model, "trained", "random weights"))
    figure, (axes,) = new_figure(SINGLE, 2.3)
    by_layer(axes, rows, "line", "Selectivity")
    if rows["line"].nunique() > 1:
        axes.legend()
    return Drawn(
        figure,
        f"Selectivity of attention by layer, {about}: (target − distractor) / (target + distractor), averaged over "
        f"heads. Means of items with 95% intervals (Student's t); n = {int(rows['n'].max())} items.",
    )


def _best(selectivity: pd.DataFrame) -> tuple[int, int] | None:
    """Return layer and head of the head that most folds choose."""
    rows = selectivity[selectivity["heads"] == "best"]
    return None if rows.empty else (int(rows["best_layer"].iloc[0]), int(rows["best_head"].iloc[0]))


def _draw_map(run: Run, model: str, stimuli: str, selectivity: pd.DataFrame, about: str) -> Drawn:
    layer, head = _best(selectivity) or (0, 0)
    item, condition, maps = next(run.arrays("attention_map", model=model, stimuli=stimuli))
    items = run.items(stimuli).astype({"item": "string", "condition": "string"})
    trial = items[(items["item"] == item) & (items["condition"] == condition)].iloc[0].to_dict()
    there = scene(trial | {"language": run.card(stimuli)["language"]}, _asked(run)["query"], _asked(run)["target"])
    words = there.words if there is not None else []
    figure, (axes,) = new_figure(SINGLE, 0.95 * SINGLE)
    attention_map(axes, maps[layer, head], words)
    return Drawn(
        figure,
        f"Attention between words, {about}: head {layer}.{head}, the most selective one, in the first sentence "
        f"(n = 1; no interval). What rows lack of 1 goes to special tokens.",
    )


def _draw_heads(heads: pd.DataFrame, selectivity: pd.DataFrame, about: str) -> Drawn:
    sure = heads[heads["link_p_max"] < ALPHA]
    layers, across = heads["layer"].nunique(), heads["head"].nunique()
    figure, (left, right) = new_figure(DOUBLE if across > layers / 2 else 1.4 * SINGLE, min(0.6 + 0.13 * layers, 6), 2)
    grids = {name: heads.pivot(index="layer", columns="head", values=name) for name in ("estimate", "link")}
    head_grid(left, grids["estimate"], "Selectivity", best=_best(selectivity))
    marked = list(zip(sure["layer"], sure["head"], strict=True))
    head_grid(right, grids["link"], "Correlation with the margin (r)", marked=marked)
    right.set_ylabel("")
    return Drawn(
        figure,
        f"Every head of {about}. Left: mean selectivity; framed: the head that most folds choose as the most selective "
        f"one. Right: correlation of selectivity with the margin within conditions; dots: p < .05, corrected for all "
        f"heads ({count(len(marked), 'head')}; sign flips of items, maximum statistic). "
        f"n = {int(heads['n'].max())} items; means with 95% intervals are drawn by layer.",
    )


def _draw_margin(looks: Looks, seed: int, about: str) -> Drawn:
    column = "weights" if looks.best is None else "best"
    means = looks.table.groupby("item", sort=False)[[column, "margin"]].mean()
    found = correlation(means[column], means["margin"], kind="spearman", seed=seed)
    figure, (axes,) = new_figure(SINGLE, 2.6)
    agreement(axes, means[column], means["margin"], [str(item) for item in means.index], found=found)
    axes.set_xlabel("Selectivity, all heads" if looks.best is None else "Selectivity, best head")
    axes.set_ylabel("Margin (bits)")
    return Drawn(
        figure,
        f"Margin against selectivity, {about}; a point is an item"
        f"{'' if looks.best is None else ', the head is chosen on others'}. Regression line with its 95% band; "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {found.n} items.",
    )


def _draw_kinds(kinds: pd.DataFrame, names: list[str], about: str) -> Drawn:
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in kinds.to_dict("records"):
        matrix.loc[row["kind"], row["with"]] = matrix.loc[row["with"], row["kind"]] = row["estimate"]
    labels = [name.replace("_", " ") for name in names]
    figure, (axes,) = new_figure(SINGLE, 0.9 * SINGLE)
    correlations(axes, matrix.set_axis(labels).set_axis(labels, axis=1), "Spearman's ρ")
    return Drawn(
        figure,
        f"How far ways to measure selectivity agree, {about}: rank correlations over items; their 95% intervals are in "
        f"the table. n = {int(kinds['n'].max())} items.",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say what attention selects, and where it does and does not predict the margin; numbers come from the tables."""
    said: dict[str, list[str]] = {}
    for name, say in TELL.items():
        if name in tables:
            for (model, stimuli), rows in tables[name].groupby(["model", "stimuli"], sort=False):
                said.setdefault(f"{model} on {stimuli}", []).extend(say(rows))
    return said
