"""Which words does a model put near which? Association tests on vectors, layer by layer.

Needs the measure `embedding`, and sets whose one factor has four levels: two target sets X and Y, and two attribute
sets A and B, in this order. The effect size d says how much closer X is to A than to B, compared with Y (Caliskan et
al. 2017; May et al. 2019, of sentences; with the unit `target`, of words in sentences).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from psylm.figures.similarity import layer_curves
from psylm.figures.style import SINGLE, new_figure
from psylm.prose.apa import interval, number, p_value
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.multiple import adjusted
from psylm.stats.similarity.association import association
from psylm.stats.similarity.spaces import STATIC, spaces

REQUIRES = ("embedding",)


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Test the association of every set in every layer of every model; Holm's correction over layers."""
    rows: list[dict[str, Any]] = []
    for model, stimuli, space in spaces(run):
        factors = run.card(stimuli)["factors"]
        if len(factors) != 1 or len(next(iter(factors.values()))) != 4:
            continue
        (factor, levels), trials = next(iter(factors.items())), space.trials
        for layer, (vectors, _) in space.layers.items():
            sets = [vectors[(trials[factor] == level).to_numpy()] for level in levels]
            found = association(*sets, seed=run.manifest["seed"])
            about = {"model": model, "stimuli": stimuli, "layer": layer, "test": _test(levels)}
            rows.append(about | {key: value for key, value in asdict(found).items() if key not in ("statistic", "df")})
    if not rows:
        return {}
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby(["model", "stimuli"], sort=False)["p"].transform(adjusted)
    return {"tests": table}


def _test(levels: list[str]) -> str:
    x, y, a, b = (level.replace("_", " ") for level in levels)
    return f"{x} against {y}: {a} against {b}"


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw the effect size by layer, a line a set, for each model."""
    drawn: dict[str, Drawn] = {}
    for model, rows in tables.get("tests", pd.DataFrame({"model": []})).groupby("model", sort=False):
        if rows["layer"].nunique() < 2:
            continue
        figure, panels = new_figure(SINGLE, 2.6)
        axes = layer_curves(rows.assign(name=rows["test"].str.partition(":")[0]), "name", axes=panels[0])
        axes.axhline(0, color="0.5", linewidth=0.6, zorder=1)
        axes.set_ylabel("Association (effect size d)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=1)
        tests = "; ".join(dict.fromkeys(rows["test"]))
        drawn[f"layers-{model}"] = Drawn(
            figure,
            f"Association tests by layer, {model}: {tests}. Effect size d with 95% intervals (percentile bootstrap of "
            f"the targets); static: the embedding matrix. n = {int(rows['n'].max())} targets a test.",
        )
    return drawn


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in words how strong the association is in the last layer, and in the embedding matrix where it was asked."""
    said: dict[str, list[str]] = {}
    for (model, test), rows in tables.get("tests", pd.DataFrame({"model": [], "test": []})).groupby(
        ["model", "test"], sort=False
    ):
        last = rows.loc[rows["layer"].idxmax()]
        sentences = [f"{str(test).capitalize()}, last layer: {_found(last)} ({int(last['n'])} targets)."]
        if (rows["layer"] == STATIC).any():
            sentences.append(f"In the embedding matrix, {_found(rows.loc[rows['layer'].idxmin()])}.")
        said.setdefault(str(model), []).extend(sentences)
    return said


def _found(row: pd.Series) -> str:
    return f"d = {number(row['estimate'])}, {interval(row['low'], row['high'])}, one-sided {p_value(row['p'])}"
