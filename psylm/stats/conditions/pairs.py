"""Minimal pairs in a factorial design: the margin of each pair, and what the other factors do to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from psylm.stats.inference.intervals import mean_interval, paired_contrast, proportion_interval
from psylm.stats.inference.one_model import check_one

GOOD, BAD = "grammatical", "ungrammatical"
"""Values of the column `grammaticality`."""

FEWEST, MOST = 4, 6
"""Items that a group of items has at least, and groups that there are at most."""


@dataclass(frozen=True)
class Pairs:
    """The minimal pairs of a stimulus set, with what was measured.

    Parameters
    ----------
    factors
        What pairs differ in, with levels in order: the set's factors within items but the last.
    groups
        Columns that divide the items (their structure, say), the finest first.
    table
        A row a pair: `item`, the factors, the groups, `good`, `bad`, `margin`, and a column for each further measure:
        the mean of the pair's two sentences.
    sentences
        A row a sentence: the set's columns, and one for each measure.
    """

    factors: dict[str, list[str]]
    groups: list[str]
    table: pd.DataFrame
    sentences: pd.DataFrame

    @property
    def keys(self) -> list[str]:
        """Columns that tell pairs apart."""
        return ["item", *self.factors]

    @property
    def cells(self) -> list[str]:
        """The condition of each pair."""
        return ["/".join(levels) for levels in self.table[list(self.factors)].astype(str).itertuples(index=False)]


def pair_up(
    items: pd.DataFrame, factors: Mapping[str, Sequence[str]], between: Sequence[str], scores: pd.DataFrame
) -> Pairs | None:
    """Bring what was measured of the two sentences of each pair together.

    Parameters
    ----------
    items
        The set's items; `grammaticality` says which sentences are grammatical.
    factors, between
        As its card has them. The last factor within items is what a pair differs in.
    scores
        `item`, `condition`, and a column for each measure: `surprisal`, and whatever else there is.

    Returns
    -------
    Pairs or None
        None where the set has no minimal pairs, or nothing was measured of any.

    Raises
    ------
    InputError
        Scores of several models.
    """
    check_one(scores, ["item", "condition"])
    within = {name: list(levels) for name, levels in factors.items() if name not in between}
    if "grammaticality" not in items or not within:
        return None
    keys = {"item": "string", "condition": "string"}
    measured = [column for column in scores.columns if column not in keys]
    own = items.drop(columns=[column for column in measured if column in items])
    sentences = own.astype(keys).merge(scores.astype(keys), on=list(keys))
    others = dict(list(within.items())[:-1])
    table = margins(sentences, list(within), "surprisal")
    if table.empty:
        return None
    more = [column for column in measured if column != "surprisal"]
    means = sentences.groupby(["item", *others], sort=False)[more].mean().reset_index()
    groups = item_groups(items, list(factors))
    table = table.merge(means, on=["item", *others]).merge(
        sentences.drop_duplicates("item")[["item", *groups]], on="item"
    )
    return Pairs(others, groups, table, sentences)


def item_groups(items: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """Find the columns that divide items into a few groups of several items each, the finest division first.

    Examples
    --------
    >>> items = pd.DataFrame({"item": range(8), "kind": list("aaaabbbb"), "sentence": list("stuvwxyz")})
    >>> item_groups(items, [])
    ['kind']
    """
    found = {}
    for column in items.columns.difference(["item", "condition", "grammaticality", *factors], sort=False):
        by_item = items.groupby("item", sort=False)[column].agg(["nunique", "first"])
        sizes = by_item["first"].value_counts()
        if (by_item["nunique"] == 1).all() and 2 <= len(sizes) <= MOST and sizes.min() >= FEWEST:
            found[str(column)] = len(sizes)
    return sorted(found, key=lambda column: -found[column])


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
    check_one(trials, ["item", *factors])
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
    check_one(pairs, ["item", *by])
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
    check_one(pairs, ["item", *factors])
    for factor, levels in factors.items():
        wide = pairs.pivot_table(index="item", columns=factor, values=value, sort=False, observed=True)
        for first, second in combinations(levels, 2):
            if {first, second} <= set(wide.columns):
                found = paired_contrast(wide[first] - wide[second])
                yield {"factor": factor, "contrast": f"{first} − {second}"} | asdict(found)
