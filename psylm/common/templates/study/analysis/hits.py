"""A worked example of an analysis module: how often is the target the model's own first choice?

A module names the measures that it needs, and has three functions of a run: its tables, its figures (here none) and a
summary in plain words. It reads tables, never a model, so `psylm analyze RUN` repeats it in a moment.
"""

from __future__ import annotations

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.runs.run import Run

REQUIRES = ("cloze",)


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Share of targets of rank 1, by model, set and condition."""
    ranks = run.scores(measure="rank")
    hits = ranks.assign(first=ranks["value"] == 1).groupby(["model", "stimuli", "condition"], sort=False)["first"]
    return {"hits": hits.agg(share="mean", n="size").reset_index()}


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """No figures."""
    return {}


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """One sentence for each condition, under the model's name."""
    said: dict[str, list[str]] = {}
    for row in tables["hits"].itertuples():
        sentence = f"The target is the model's own first choice in {row.share:.0%} of {row.n} {row.condition} items."
        said.setdefault(f"{row.model} on {row.stimuli}", []).append(sentence)
    return said
