"""Correlations with item-bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

RESAMPLES = 2000


@dataclass(frozen=True)
class Correlation:
    """A correlation, its 95% BCa interval by items, its p-value, and the number of items."""

    r: float
    low: float
    high: float
    p: float
    n: int


def correlation(x: ArrayLike, y: ArrayLike, *, kind: str, seed: int) -> Correlation:
    """Correlate two measures of the same items.

    Parameters
    ----------
    x, y
        One value an item; items with a NaN are left out.
    kind
        `pearson` or `spearman`.
    seed
        Seed of the bootstrap.

    Returns
    -------
    Correlation
        With the bias-corrected and accelerated interval of 2,000 resamples of items; NaN where fewer than four
        items are left or one measure is constant.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association, 82,
    171-185.

    Examples
    --------
    >>> round(correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], kind="spearman", seed=1).r, 3)
    0.8
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if len(a) < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(math.nan, math.nan, math.nan, math.nan, len(a))
    test = stats.pearsonr(a, b) if kind == "pearson" else stats.spearmanr(a, b)
    interval = stats.bootstrap(
        (a, b), _pearson if kind == "pearson" else _spearman, paired=True, vectorized=True,
        n_resamples=RESAMPLES, batch=200, method="BCa", rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Correlation(float(test.statistic), float(interval.low), float(interval.high), float(test.pvalue), len(a))


def _pearson(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    a = a - a.mean(axis=axis, keepdims=True)
    b = b - b.mean(axis=axis, keepdims=True)
    spread = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    # A resample in which one measure is constant has no correlation; count it as none.
    return np.asarray(np.divide((a * b).sum(axis=axis), spread, out=np.zeros_like(spread), where=spread > 0))


def _spearman(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    rank: Callable[[np.ndarray], np.ndarray] = lambda values: stats.rankdata(values, axis=axis)  # noqa: E731
    return _pearson(rank(a), rank(b), axis)


def log_odds(probability: ArrayLike) -> np.ndarray:
    """Return ln(p / (1 - p)); probabilities of 0 and 1 are moved inwards first.

    Parameters
    ----------
    probability
        Values in [0, 1]. A 0 becomes half the smallest probability above 0, and a 1 as near to 1 as that.

    Examples
    --------
    >>> log_odds([0.5, 0.2, 0.0]).round(3).tolist()
    [0.0, -1.386, -2.197]
    """
    p = np.asarray(probability, dtype=float)
    inside = p[(p > 0) & (p < 1)]
    edge = max(float(np.minimum(inside, 1 - inside).min()) / 2, 5e-324) if len(inside) else 0.25
    inner = np.where(p == 0, edge, np.where(p == 1, edge, p))
    odds = np.log(inner) - np.log1p(-inner)
    return np.asarray(np.where(p == 1, -odds, odds))
