"""How often a pair of texts that mean the same is more similar than one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.stats.inference.intervals import proportion_interval
from psylm.stats.inference.one_model import check_one


def preference_table(trials: pd.DataFrame, factors: dict[str, list[str]], value: str) -> Iterator[dict[str, Any]]:
    """Compare the two levels of the first factor within items, at every pair of levels of the others.

    Parameters
    ----------
    trials
        One row an item and condition, with a column a factor.
    factors
        Each factor's levels, in order; the first factor has two, the first of which should have the larger value.
    value
        The column.

    Yields
    ------
    dict
        `comparison`, the share of items in which the first level's value is the larger one, a tie counting half, with
        its 95% interval (Wilson 1927), and `n` items.

    Examples
    --------
    >>> cells = {"item": [1, 1, 2, 2], "meaning": ["same", "different"] * 2, "cosine": [0.9, 0.5, 0.4, 0.6]}
    >>> next(preference_table(pd.DataFrame(cells), {"meaning": ["same", "different"]}, "cosine"))["estimate"]
    0.5
    """
    check_one(trials, ["item", *factors])
    first, *others = factors
    levels = [" ".join(one) for one in product(*(factors[name] for name in others))]
    at = trials[others].agg(" ".join, axis=1) if others else pd.Series("", trials.index)
    wide = trials.assign(at=at).pivot_table(index="item", columns=[first, "at"], values=value, sort=False)
    for mine, theirs in product(levels, levels):
        names = [(level, place) for level, place in zip(factors[first], (mine, theirs), strict=True)]
        if not set(names) <= set(wide.columns):
            continue
        margin = (wide[names[0]] - wide[names[1]]).dropna()
        hits = float((margin > 0).sum() + (margin == 0).sum() / 2)
        share, low, high = proportion_interval(hits, len(margin))
        comparison = " above ".join(", ".join(part for part in name if part) for name in names)
        yield {"comparison": comparison, "estimate": share, "low": low, "high": high, "n": len(margin)}
