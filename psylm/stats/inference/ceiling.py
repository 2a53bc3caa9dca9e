"""The noise ceiling: how well people agree with one another, which bounds how well a model can agree with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.correlation import ResampledCorrelation
from psylm.stats.inference.one_model import check_finite, check_one
from psylm.stats.inference.resampling import RESAMPLES, bca_interval, bootstrap, jackknife
from psylm.stats.inference.result import Result

SPLITS = 1000

SPLITS_RESAMPLED = 100
"""Splits whose mean is bootstrapped: the chance in a mean of 100 splits is small beside that in the items."""


@dataclass(frozen=True, kw_only=True)
class Ceiling(Result):
    """The reliability of the mean over subjects, as the correlation of halves corrected to full length.

    `estimate` is Spearman and Brown's coefficient of the mean correlation of halves; `low` and `high` its BCa interval
    by items; `n` the number of items.

    Parameters
    ----------
    halves
        Mean correlation of two halves of the subjects.
    ceiling
        The square root of the reliability: the highest correlation that a model which knows the true means could
        reach with these means, on average.
    splits_low, splits_high
        Between these lie 95% of the splits' coefficients: how much it matters who is in which half.
    subjects
        How many there are.
    splits
        How many ways of halving them were used.
    """

    halves: float = math.nan
    ceiling: float = math.nan
    splits_low: float = math.nan
    splits_high: float = math.nan
    subjects: int = 0
    splits: int = 0


def spearman_brown(r: float, length: float = 2) -> float:
    """Return the reliability of a measurement that is `length` times as long as one whose reliability is r.

    References
    ----------
    Spearman, C. (1910). Correlation calculated from faulty data. British Journal of Psychology, 3, 271-295.
    Brown, W. (1910). Some experimental results in the correlation of mental abilities. British Journal of
    Psychology, 3, 296-322.

    Examples
    --------
    >>> round(spearman_brown(0.6), 3)
    0.75
    """
    return length * r / (1 + (length - 1) * r) if r > -1 / max(length - 1, 1) else -math.inf


def split_half(
    data: pd.DataFrame,
    *,
    items: Sequence[str] = ("item",),
    subject: str = "subject",
    value: str = "value",
    kind: str = "pearson",
    seed: int,
    splits: int = SPLITS,
    resamples: int = RESAMPLES,
) -> Ceiling:
    """Estimate the reliability of mean values of items from random halves of the subjects.

    Parameters
    ----------
    data
        A row a subject and item, as in `human.csv` of one measure; subjects need not have seen every item.
    items
        Columns that tell items apart, for example item and condition.
    subject, value
        Columns.
    kind
        `pearson` or `spearman`: what the model is compared by.
    seed
        Seed of splits and resamples.
    splits
        How many random halves; where there are no more ways than that, each is taken once.
    resamples
        Of the items, for the interval; 0 leaves it out.

    Returns
    -------
    Ceiling
        NaN where halves share fewer than four items.

    Raises
    ------
    InputError
        A column is missing, or there are fewer than two subjects.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> rows = [(i, s, i + random.normal(0, 8)) for i in range(20) for s in range(12)]
    >>> found = split_half(pd.DataFrame(rows, columns=["item", "subject", "value"]), seed=1)
    >>> found.splits, 0.75 < found.estimate < 0.95, found.low < found.estimate < found.high
    (462, True, True)
    """
    missing = [name for name in (*items, subject, value) if name not in data]
    if missing:
        raise InputError(*(Problem(f"column {name!r}", "no such column", ", ".join(data.columns)) for name in missing))
    if kind not in ("pearson", "spearman"):
        raise InputError(Problem("kind", repr(kind), "pearson, spearman"))
    if splits < 1:
        raise InputError(Problem("splits", str(splits), "1 or more"))
    check_one(data, [*items, subject])
    check_finite(value, data[value])
    wide = data.pivot_table(index=list(items), columns=subject, values=value, observed=True).to_numpy(float)
    people = wide.shape[1]
    if people < 2:
        raise InputError(Problem(f"column {subject!r}", f"{people} subject", "two or more"))
    rng = np.random.default_rng(seed)
    first = _halves(people, splits, rng)
    # means of each half, shape (items, splits); NaN where a half lacks the item
    known, filled = (~np.isnan(wide)).astype(float), np.nan_to_num(wide)
    with np.errstate(invalid="ignore"):
        means = [(filled @ half.T) / (known @ half.T) for half in (first, 1 - first)]
    correlations = _Halves(means[0], means[1], kind)
    n = int(known.any(axis=1).sum())
    each = correlations.each(np.ones((1, len(wide))))[0]
    if np.isnan(each).all():
        return Ceiling(estimate=math.nan, n=n, subjects=people, splits=len(first))
    mean = float(np.nanmean(each))
    estimate = spearman_brown(mean)
    low, high = math.nan, math.nan
    if resamples:
        some = _Halves(means[0][:, :SPLITS_RESAMPLED], means[1][:, :SPLITS_RESAMPLED], kind)
        drawn, left_out = bootstrap(some, len(wide), rng, resamples), jackknife(some, len(wide))
        low, high = map(spearman_brown, bca_interval(float(some(np.ones((1, len(wide))))[0]), drawn, left_out))
    between = np.nanquantile(each, [0.025, 0.975])
    return Ceiling(
        estimate=estimate, low=low, high=high, n=n, halves=mean, ceiling=math.sqrt(max(estimate, 0.0)),
        splits_low=spearman_brown(float(between[0])), splits_high=spearman_brown(float(between[1])),
        subjects=people, splits=len(first),
    )  # fmt: skip


def _halves(people: int, splits: int, rng: np.random.Generator) -> np.ndarray:
    """Say who is in the first half, shape (splits, people): every way once where there are few, else random ones."""
    size = people // 2
    even = people % 2 == 0
    if math.comb(people, size) // (2 if even else 1) <= splits:
        # with as many in each half, a half and its complement are one split: keep that with the first subject
        chosen = [half for half in combinations(range(people), size) if not even or half[0] == 0]
        first = np.zeros((len(chosen), people))
        for row, half in enumerate(chosen):
            first[row, list(half)] = 1
        return first
    places = rng.permuted(np.tile(np.arange(people), (splits, 1)), axis=1)
    return (places < size).astype(float)


class _Halves:
    """The correlation of two halves in resamples of the items: of each split, or their mean."""

    def __init__(self, first: np.ndarray, second: np.ndarray, kind: str) -> None:
        self.both = ~(np.isnan(first) | np.isnan(second))
        self.splits = [
            ResampledCorrelation(first[both, split], second[both, split], kind) if both.sum() >= 4 else None
            for split, both in enumerate(self.both.T)
        ]

    def each(self, counts: np.ndarray) -> np.ndarray:
        """Return the correlations, shape (resamples, splits)."""
        found = np.full((len(counts), len(self.splits)), math.nan)
        for split, resampled in enumerate(self.splits):
            if resampled is not None:
                found[:, split] = resampled(counts[:, self.both[:, split]])
        return found

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        return np.asarray(np.nanmean(self.each(counts), axis=1))
