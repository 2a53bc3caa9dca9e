"""Minimal pairs in a factorial design: the margin of each pair, and what the other factors do to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import pandas as pd

from psylm.stats.intervals import mean_interval, paired_contrast, proportion_interval

GOOD, BAD = "grammatical", "ungrammatical"
"""Values of the column `grammaticality`."""


def margins(trials: pd.DataFrame, factors: Sequence[str], cost: str) -> pd.DataFrame:
    """Return by how much the ungrammatical sentence of each pair costs more than the grammatical one.

    The last of the factors is the one whose levels make up a pair; the others are what pairs differ in.

    Parameters
    ----------
    trials
        One row a sentence: `item`, the factors, `grammaticality` (`grammatical` or `ungrammatical`), and the cost.
    factors
        Factors that vary within items.
    cost
        Column of what a sentence costs, its surprisal (bits) for example.

    Returns
    -------
    DataFrame
        One row a pair: `item`, the other factors, `good`, `bad` (costs) and `margin`, bad minus good.

    Examples
    --------
    >>> trials = pd.DataFrame({"item": "1", "attractor": ["match", "match"], "grammaticality": [GOOD, BAD]})
    >>> margins(trials.assign(surprisal=[2.0, 7.5]), ["attractor", "grammaticality"], "surprisal")
      item attractor  good  bad  margin
    0    1     match   2.0  7.5     5.5
    """
    keys = ["item", *factors[:-1]]
    wide = trials.pivot_table(index=keys, columns="grammaticality", values=cost, sort=False, observed=True)
    wide = wide.reindex(columns=[GOOD, BAD]).rename(columns={GOOD: "good", BAD: "bad"})
    wide.columns.name = None
    return wide.assign(margin=wide["bad"] - wide["good"]).dropna(subset=["margin"]).reset_index()


def margin_table(pairs: pd.DataFrame, by: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give accuracy and mean margin, with 95% intervals, of all pairs and of those of each combination of levels.

    Parameters
    ----------
    pairs
        One row a pair: the columns of `by`, and `margin`.
    by
        Columns whose levels are told apart.

    Yields
    ------
    dict
        `condition` (levels joined by `/`, or `all`), `accuracy` (share of margins above 0, a tie counts half; Wilson's
        interval), `estimate` (the mean margin; Student's t over items) and their bounds, `items`, `n` (pairs).
    """
    cells = [("all", pairs)]
    if by:
        cells += [("/".join(map(str, levels)), rows) for levels, rows in pairs.groupby(list(by), sort=False)]
    for condition, rows in cells:
        hits = float((rows["margin"] > 0).sum() + (rows["margin"] == 0).sum() / 2)
        share, share_low, share_high = proportion_interval(hits, len(rows))
        items = rows.groupby("item", sort=False)["margin"].mean()
        mean, low, high = mean_interval(items)
        yield {
            "condition": condition, "estimate": mean, "low": low, "high": high, "accuracy": share,
            "accuracy_low": share_low, "accuracy_high": share_high, "items": len(items), "n": len(rows),
        }  # fmt: skip


def main_effects(pairs: pd.DataFrame, factors: Mapping[str, Sequence[str]], value: str) -> Iterator[dict[str, Any]]:
    """Give the effect of each factor within items on a value, averaged over the levels of the others.

    Where the value is a margin in which grammaticality is a difference, this is grammaticality's interaction with the
    factor: the attraction effect, where the factor is the attractor's number.

    Parameters
    ----------
    pairs
        One row an item and combination of levels: `item`, the factors, and the value.
    factors
        Levels of each factor, in order; an effect is an earlier level minus a later one.
    value
        Its column.

    Yields
    ------
    dict
        `factor`, `contrast`, and an `Estimate` by the paired t-test over items.

    Examples
    --------
    >>> pairs = pd.DataFrame({"item": ["1", "1", "2", "2"], "a": ["x", "y", "x", "y"], "margin": [3.0, 1.0, 5.0, 2.0]})
    >>> [(row["contrast"], row["estimate"], row["n"]) for row in main_effects(pairs, {"a": ["x", "y"]}, "margin")]
    [('x − y', 2.5, 2)]
    """
    for factor, levels in factors.items():
        wide = pairs.pivot_table(index="item", columns=factor, values=value, sort=False, observed=True)
        for first, second in combinations(levels, 2):
            if {first, second} <= set(wide.columns):
                found = paired_contrast(wide[first] - wide[second])
                yield {"factor": factor, "contrast": f"{first} − {second}"} | asdict(found)
