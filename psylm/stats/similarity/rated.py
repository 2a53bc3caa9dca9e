"""Similarities of texts by layer, beside people's ratings and the conditions of the set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.human.agreement import with_human
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.one_model import check_one

SIGNS = {"similarity": 1, "dot_product": 1, "euclidean_distance": -1}
"""Measures, and which way each goes with similarity."""

RATING = "similarity"
"""What a card calls people's ratings of similarity."""


def trials_with_ratings(run: Run, rows: pd.DataFrame, stimuli: str) -> pd.DataFrame:
    """Return the set's items with the measure as `value`, and people's ratings, where there are any."""
    items = run.items(stimuli)
    trials = items.merge(rows[["item", "condition", "value"]], on=["item", "condition"])
    human = run.human(stimuli)
    return trials if human is None else with_human(trials, human, run.card(stimuli)["factors"])


def judges_meaning(card: dict[str, Any]) -> bool:
    """Whether the set's first factor says which pairs mean the same."""
    return next(iter(card["factors"]), "") == "meaning" and "meaning" not in card["between"]


def rating_rows(trials: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    """Correlate the measure with people's ratings over items: Spearman's ρ and Pearson's r, with BCa intervals."""
    check_one(trials, ["item", "condition"])
    for kind in ("spearman", "pearson"):
        found = correlation(trials["value"], trials[f"human_{RATING}"], kind=kind, seed=seed)
        yield {
            "with": "human ratings of similarity", "coefficient": kind, "estimate": found.r, "low": found.low,
            "high": found.high, "p": found.p, "p_permutation": found.p_permutation, "n": found.n,
        }  # fmt: skip


def last_layer(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the highest layer of each model, set and measure."""
    return table[table["layer"] == table.groupby(["model", "stimuli", "measure"])["layer"].transform("max")]
