"""Bootstrap by item counts and permutation tests: the machinery that correlations, ceilings and RSA share.

A resample of n items is the count of times each of them was drawn. A statistic is a function of a matrix of counts, a
row a resample; with counts there is no copying of data, and most statistics become matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np
from scipy import stats

from psylm.stats.inference.intervals import LEVEL

Statistic = Callable[[np.ndarray], np.ndarray]

RESAMPLES = 2000
PERMUTATIONS = 10_000

CELLS = 2**20
"""Largest number of counts that are held at once."""

ENUMERATED = 8
"""Up to this many items, all permutations are gone through: 8! = 40,320."""


def bootstrap(statistic: Statistic, n: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> np.ndarray:
    """Compute a statistic of resamples of n items, with replacement.

    Parameters
    ----------
    statistic
        Takes counts, shape (resamples, n), and returns a value for each row.
    n
        Number of items.
    rng
        Random numbers.
    resamples
        How many.

    Returns
    -------
    ndarray
        Shape (resamples,).
    """
    return np.concatenate([statistic(counts) for counts in _resampled(n, rng, resamples)])


def _resampled(n: int, rng: np.random.Generator, resamples: int) -> Iterator[np.ndarray]:
    step = max(1, CELLS // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)


def jackknife(statistic: Statistic, n: int) -> np.ndarray:
    """Compute a statistic with each of n items left out; parameters as in `bootstrap`."""
    step = max(1, CELLS // n)
    parts = []
    for start in range(0, n, step):
        counts = np.ones((min(step, n - start), n))
        counts[np.arange(len(counts)), start + np.arange(len(counts))] = 0
        parts.append(statistic(counts))
    return np.concatenate(parts)


def bca_constants(estimate: float, resampled: np.ndarray, left_out: np.ndarray) -> tuple[float, float]:
    """Return the bias correction z₀ and the acceleration a of a bootstrap.

    Parameters
    ----------
    estimate
        The statistic of the data.
    resampled
        The statistic of each resample.
    left_out
        The statistic with each item left out.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association, 82,
    171-185.
    """
    below = float((resampled < estimate).mean() + (resampled == estimate).mean() / 2)
    d = left_out.mean() - left_out
    spread = float((d**2).sum())
    return float(stats.norm.ppf(below)), float((d**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def bca_interval(estimate: float, resampled: np.ndarray, left_out: np.ndarray) -> tuple[float, float]:
    """Return the bias-corrected and accelerated 95% interval; parameters and reference as in `bca_constants`.

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(10, 2, 50)
    >>> mean = lambda counts: counts @ values / counts.sum(axis=1)
    >>> resampled = bootstrap(mean, 50, np.random.default_rng(2))
    >>> [round(float(x), 1) for x in bca_interval(values.mean(), resampled, jackknife(mean, 50))]
    [9.4, 10.4]
    """
    bias, acceleration = bca_constants(estimate, resampled, left_out)
    if not math.isfinite(bias):  # every resample lies on one side: a statistic at the edge of what it can be
        return float(resampled.min()), float(resampled.max())
    z = bias + stats.norm.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    tails = stats.norm.cdf(bias + z / (1 - acceleration * z))
    low, high = np.quantile(resampled, tails, method="weibull")
    return float(low), float(high)


def permuted_orders(n: int, rng: np.random.Generator, most: int = PERMUTATIONS) -> tuple[np.ndarray, bool]:
    """Return orders of n items, shape (orders, n): every one for up to eight items, else `most` random ones.

    Returns
    -------
    ndarray, bool
        The orders, and whether they are all there are.
    """
    if n <= ENUMERATED:
        return np.array(list(permutations(range(n)))), True
    return rng.permuted(np.tile(np.arange(n, dtype=np.int32), (most, 1)), axis=1), False


def permutation_p(observed: float, permuted: np.ndarray, *, exact: bool) -> float:
    """Return the two-sided p-value: the share of permutations that are at least as far from zero.

    Parameters
    ----------
    observed
        The statistic of the data.
    permuted
        The statistic of each permutation.
    exact
        Whether these are all permutations. Among random ones, the data's own order counts as one more, so that p is
        never 0.

    References
    ----------
    Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in
    Genetics and Molecular Biology, 9, Article 39.

    Examples
    --------
    >>> permutation_p(0.9, np.array([0.1, -0.95, 0.2]), exact=False)
    0.5
    """
    tolerance = 1e-9 * max(abs(observed), 1e-300)
    extreme = int((np.abs(permuted) >= abs(observed) - tolerance).sum())
    return extreme / len(permuted) if exact else (extreme + 1) / (len(permuted) + 1)


def permuted_products(first: np.ndarray, second: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Sum the products of two square matrices, with rows and columns of the second in each order.

    Parameters
    ----------
    first, second
        Shape (n, n).
    orders
        Shape (orders, n).

    Returns
    -------
    ndarray
        Shape (orders,).
    """
    n = len(first)
    if n > 16:  # copying whole rows, then columns, is faster than picking cells
        return np.array([np.vdot(first, second[order].take(order, axis=1)) for order in orders])
    flat = first.ravel()
    step = max(1, CELLS // n**2)
    return np.concatenate(
        [
            second[some[:, :, None], some[:, None, :]].reshape(len(some), -1) @ flat
            for some in (orders[start : start + step] for start in range(0, len(orders), step))
        ]
    )
