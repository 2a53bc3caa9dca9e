"""Does attention to the right word do any work? Selectivity by layer and head, and whether it predicts the margin.

For sets of minimal pairs, as the module `dependencies` reads them; selectivity is that of the measure `attention`, from
-1 (all to the distractor) to 1 (all to the target). A pair's selectivity is the mean of its two sentences; where they
differ in the target only, a model that reads from left to right attends alike in both. Layers and heads are counted
from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from psylm.attention.baselines import distance_rows, positional_baselines
from psylm.attention.scenes import scene, visible
from psylm.attention.selection import selection
from psylm.figures.attention_selectivity import chosen_head, draw_heads, draw_kinds, draw_layers, draw_map, draw_margin
from psylm.figures.drawn import Drawn
from psylm.models.families import FAMILIES
from psylm.prose.attention import TELL
from psylm.prose.paragraphs import paragraphs
from psylm.runs.run import Run
from psylm.stats.attention.tables import (
    SELECTIVITY,
    Looks,
    effect_rows,
    head_rows,
    kind_rows,
    layer_rows,
    link_rows,
    looks_of,
    mediation_rows,
    selectivity_rows,
)
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.inference.intervals import paired_contrast

REQUIRES = ("surprisal", "attention_selectivity")


RANDOM = "#random="
"""Marks the name of a model whose weights were drawn anew: the control of the model of that name without it."""


def tables(run: Run) -> Tables:
    """Compute selectivity by layer and head, controls, and how selectivity and margin go together."""
    family = ["model", "stimuli"]
    return collect(_parts(run), families=dict.fromkeys(("effects", "links", "controls"), family))


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        looks = looks_of(run, model, stimuli)
        if looks is None:
            continue
        about = {"model": model, "stimuli": stimuli}
        yield "selectivity", about, selectivity_rows(looks)
        yield "effects", about, effect_rows(looks)
        yield "layers", about, layer_rows(looks)
        yield "heads", about, head_rows(looks)
        yield "links", about, link_rows(looks)
        yield "mediation", about, mediation_rows(looks, run.seed)
        yield "kinds", about, kind_rows(looks, run.seed)
        yield "controls", about, _controls(run, model, stimuli, looks)


def _controls(run: Run, model: str, stimuli: str, looks: Looks) -> Iterator[dict[str, Any]]:
    """Give the selectivity of all heads minus that of controls: random weights, and heads that know positions only."""
    controls: dict[str, pd.Series] = {}
    for other in run.model_names:
        twin = looks_of(run, other, stimuli) if other.startswith(model + RANDOM) else None
        if twin is not None:
            controls[f"random weights, seed {other.partition(RANDOM)[2]}"] = _by_item(twin)
    asked = _asked(run)
    if asked:
        left = FAMILIES.named(run.manifest["models"][model]["family"], f"model {model!r}, its family").in_order
        items = run.items(stimuli).assign(language=run.card(stimuli)["language"])
        query, target, distractor = asked["query"], asked["target"], asked.get("distractor")
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


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw selectivity by layer and by head, its link with the margin, and how kinds of attention agree."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in run.grid():
        looks = None if RANDOM in model else looks_of(run, model, stimuli)
        if looks is None:
            continue
        about, name = f"{model} on {stimuli}", f"{model}-{stimuli}"
        mine = select(tables, model=model, stimuli=stimuli)
        if "layers" in tables:
            drawn[f"layers-{name}"] = draw_layers(_beside_random(tables["layers"], model, stimuli), about)
        if "heads" in mine:
            drawn[f"heads-{name}"] = draw_heads(mine["heads"], about, best=chosen_head(mine["selectivity"]))
        if "links" in mine:
            drawn[f"margin-{name}"] = draw_margin(looks, about, seed=run.seed)
        if looks.best is not None and "attention_map" in run.array_names():
            drawn[f"map-{name}"] = _draw_map(run, model, stimuli, mine["selectivity"])
        if "kinds" in mine:
            drawn[f"kinds-{name}"] = draw_kinds(mine["kinds"], looks.kinds, about)
    return drawn


def _beside_random(layers: pd.DataFrame, model: str, stimuli: str) -> pd.DataFrame:
    """Return the layers of a model, and those of the same architecture with random weights, as lines of a figure."""
    own = layers["model"] == model
    rows = layers[(layers["stimuli"] == stimuli) & (own | layers["model"].str.startswith(model + RANDOM))]
    return rows.assign(line=np.where(rows["model"] == model, "trained", "random weights"))


def _draw_map(run: Run, model: str, stimuli: str, selectivity: pd.DataFrame) -> Drawn:
    """Draw the most selective head's attention in the first sentence."""
    head = chosen_head(selectivity) or (0, 0)
    item, condition, maps = next(run.arrays("attention_map", model=model, stimuli=stimuli))
    items = run.items(stimuli)
    trial = items[(items["item"] == item) & (items["condition"] == condition)].iloc[0].to_dict()
    there = scene(trial | {"language": run.card(stimuli)["language"]}, _asked(run)["query"], _asked(run)["target"])
    return draw_map(maps[head], there.words if there is not None else [], f"{model} on {stimuli}", head=head)


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say what attention selects, and where it does and does not predict the margin; numbers come from the tables."""
    return paragraphs(tables, TELL)
