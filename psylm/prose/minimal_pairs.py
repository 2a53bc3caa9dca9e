"""Sentences of a results section about minimal pairs: accuracy and margin by method."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import count, interval, number, percent, share
from psylm.stats.collect import groups
from psylm.stats.conditions.minimal_pairs import SHOWN

METHODS_IN_WORDS = {
    "whole sentence": "the surprisal of whole sentences",
    "one prefix": "surprisal after the same prefix",
    "critical word": "the surprisal of the critical word",
    "asked": "its answer when asked",
}
"""What a sentence calls a method, where not by its name."""

UNITLESS = "NormLP (Div)"


def phenomena(rows: pd.DataFrame) -> Iterator[str]:
    """Say how often one model preferred the good sentence by each method, and its best and worst phenomena.

    Parameters
    ----------
    rows : DataFrame
        Rows of `psylm.stats.conditions.minimal_pairs.accuracy_rows` of one model, by phenomenon and method; the
        phenomenon `all` is every pair.
    """
    whole = rows["phenomenon"] == "all"
    for row in rows[whole].to_dict("records"):
        unit = "" if row["method"] == UNITLESS else " bits"
        chance = "above" if row["low"] > 0.5 else "below" if row["high"] < 0.5 else "not significantly different from"
        yield (
            f"By {METHODS_IN_WORDS.get(row['method'], row['method'])}, the model preferred the good sentence in "
            f"{share(row['estimate'], row['low'], row['high'], count(row['n'], 'pair'))}, {chance} chance (50%); "
            f"the mean margin was {number(row['margin'])}{unit}, "
            f"{interval(row['margin_low'], row['margin_high'])}."
        )
    yield from _extremes(rows[~whole])


def _extremes(rows: pd.DataFrame) -> Iterator[str]:
    """Of one method of each kind, the phenomena with the highest and the lowest accuracy, where they differ."""
    for (method,), mine in groups(rows[rows["method"].isin(SHOWN)], ["method"]):
        if mine["estimate"].nunique() > 1:
            best, worst = mine.iloc[int(mine["estimate"].argmax())], mine.iloc[int(mine["estimate"].argmin())]
            yield (
                f"By {METHODS_IN_WORDS.get(method, method)}, accuracy was highest for {best['phenomenon']} "
                f"({percent(best['estimate'])}) and lowest for {worst['phenomenon']} ({percent(worst['estimate'])})."
            )
