"""Correlations with item-bootstrap intervals and permutation tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.one_model import check_pairs
from psylm.stats.inference.resampling import (
    CELLS,
    PERMUTATIONS,
    RESAMPLES,
    bca_interval,
    bootstrap,
    jackknife,
    permutation_p,
    permuted_orders,
    permuted_products,
)

TESTS: dict[str, Callable[..., Any]] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}

ROUNDING = 1e-6
"""By how much a probability may lie outside [0, 1]."""

PERMUTED = {"pearson": 2000, "spearman": 2000, "kendall": 200}
"""Up to this many items permutations are drawn; above, they take long, and the usual test's `p` is as good."""


@dataclass(frozen=True)
class Correlation:
    """A correlation, its 95% BCa interval by items, its p-values, and the number of items.

    Parameters
    ----------
    r
        Pearson's r, Spearman's ρ or Kendall's τ-b.
    low, high
        The interval.
    p
        Of the usual test: Student's t for r and ρ; for τ exact without ties in small samples, else normal.
    n
        Number of items.
    p_permutation
        Of the permutation test: exact for up to eight items; NaN for more than 2,000 (τ: 200), where `p` is as good.
    note
        Why there is no correlation; empty where there is one.
    """

    r: float
    low: float
    high: float
    p: float
    n: int
    p_permutation: float = math.nan
    note: str = ""


def correlation(
    x: ArrayLike, y: ArrayLike, *, kind: str, seed: int, resamples: int = RESAMPLES, permutations: int = PERMUTATIONS
) -> Correlation:
    """Correlate two measures of the same items.

    Parameters
    ----------
    x, y
        One value an item; items with a NaN are left out.
    kind
        `pearson`, `spearman` or `kendall` (τ-b, which allows for ties; its time grows with the square of the items).
    seed
        Seed of the bootstrap and the permutations.
    resamples, permutations
        How many. No permutation test is done with 0 of them.

    Returns
    -------
    Correlation
        With the bias-corrected and accelerated interval of resamples of items; NaN where fewer than four items are
        left, one measure is constant, or Pearson's r meets an infinity; `note` says so. Ranks of infinities are ranks.

    Raises
    ------
    InputError
        `kind` is another, or the measures are not of one length.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association, 82,
    171-185. Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika, 33, 239-251.

    Examples
    --------
    >>> found = correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], kind="spearman", seed=1)
    >>> round(found.r, 3), round(found.p_permutation, 3)
    (0.8, 0.133)
    """
    if kind not in TESTS:
        raise InputError(Problem("kind", repr(kind), ", ".join(TESTS)))
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    check_pairs(a, b)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n = len(a)
    if not np.isfinite([a, b]).all():
        if kind == "pearson":
            infinite = int((~np.isfinite(a) | ~np.isfinite(b)).sum())
            return _none(n, f"{infinite} items have an infinite value")
        a, b = stats.rankdata(a), stats.rankdata(b)
    if n < 4:
        return _none(n, f"{n} items: too few")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return _none(n, "one measure is the same for all items")
    test = TESTS[kind](a, b)
    rng = np.random.default_rng(seed)
    resampled = ResampledCorrelation(a, b, kind)
    low, high = bca_interval(float(test.statistic), bootstrap(resampled, n, rng, resamples), jackknife(resampled, n))
    p = _permutation_test(a, b, kind, rng, permutations) if permutations else math.nan
    return Correlation(float(test.statistic), low, high, float(test.pvalue), n, p)


def _none(n: int, note: str) -> Correlation:
    return Correlation(math.nan, math.nan, math.nan, math.nan, n, note=note)


class ResampledCorrelation:
    """The correlation of two measures in resamples of their items, given as counts.

    Parameters
    ----------
    x, y
        One value an item.
    kind
        As in `correlation`.

    Examples
    --------
    >>> resampled = ResampledCorrelation(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 2.0, 3.0, 0.0]), "pearson")
    >>> resampled(np.array([[1, 1, 2, 0]]))
    array([1.])
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, kind: str) -> None:
        self.kind = kind
        # Centred and scaled, so that sums of squares lose no digits; ranks are those of all the items.
        self.x, self.y = ((values - values.mean()) / (values.std() or 1) for values in (x, y))
        self.ties = [np.unique(values, return_inverse=True)[1] for values in (x, y)]

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """Return the correlation in each resample, shape (resamples,); 0 where one measure is constant."""
        weights = counts.astype(float)
        if self.kind == "kendall":
            return self._kendall(weights)
        if self.kind == "pearson":
            return _weighted_pearson(weights, self.x, self.y)
        return _weighted_pearson(weights, *(_weighted_ranks(weights, group) for group in self.ties))

    def _kendall(self, weights: np.ndarray) -> np.ndarray:
        """Sum concordances and ties over pairs as products of counts, some columns at a time."""
        n = weights.shape[1]
        sums = np.zeros((3, len(weights)))
        step = max(1, CELLS // n)
        for start in range(0, n, step):
            some = slice(start, start + step)
            signs = [np.sign(values[:, None] - values[None, some]) for values in (self.x, self.y)]
            pairs = (signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1]))
            for total, matrix in zip(sums, pairs, strict=True):
                total += ((weights @ matrix) * weights[:, some]).sum(axis=1)
        return _ratio(sums[0], np.sqrt(sums[1] * sums[2]))


def _weighted_ranks(weights: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Rank items in each resample, shape (resamples, n): ties, and an item's copies, share their mean rank."""
    # group says which of the ordered distinct values an item has; count each, then add up from the smallest
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    counts = weights.take(order, axis=1)
    if len(starts) < len(order):
        counts = np.add.reduceat(counts, starts, axis=1)
    ranks = np.cumsum(counts, axis=1) - (counts - 1) / 2
    return np.asarray(ranks.take(group, axis=1))


def _weighted_pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Where pairs are weighed none may be left; all sums are 0 then, and the correlation is counted as none.
    if x.ndim == 1:
        sums = weights @ np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
        n, sx, sy, sxx, syy, sxy = sums.T
        n = np.maximum(n, 1)
    else:  # ranks, which differ between resamples
        n = np.maximum(weights.sum(axis=1), 1)
        x = x - (n[:, None] + 1) / 2  # their mean
        y = y - (n[:, None] + 1) / 2
        weighted = weights * x
        sx = sy = np.zeros(len(n))
        sxx, sxy = np.einsum("ij,ij->i", weighted, x), np.einsum("ij,ij->i", weighted, y)
        syy = np.einsum("ij,ij,ij->i", weights, y, y)
    vx, vy = sxx - sx**2 / n, syy - sy**2 / n
    none = (vx <= 1e-12 * sxx) | (vy <= 1e-12 * syy)
    return _ratio(sxy - sx * sy / n, np.where(none, 0, np.sqrt(np.abs(vx * vy))))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    # A resample in which one measure is constant has no correlation; count it as none.
    return np.asarray(np.divide(above, below, out=np.zeros_like(below), where=below > 0))


def _permutation_test(x: np.ndarray, y: np.ndarray, kind: str, rng: np.random.Generator, most: int) -> float:
    n = len(x)
    if n > PERMUTED[kind]:
        return math.nan
    if kind == "kendall":
        orders, exact = permuted_orders(n, rng, most)
        first, second = (np.sign(values[:, None] - values[None, :]) for values in (x, y))
        return permutation_p(float(np.vdot(first, second)), permuted_products(first, second, orders), exact=exact)
    if kind == "spearman":
        x, y = stats.rankdata(x), stats.rankdata(y)
    x, y = x - x.mean(), y - y.mean()
    if n <= CELLS // most:
        orders, exact = permuted_orders(n, rng, most)
        return permutation_p(float(x @ y), y[orders] @ x, exact=exact)
    permuted = np.array([rng.permutation(y) @ x for _ in range(most)])
    return permutation_p(float(x @ y), permuted, exact=False)


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
    outside = p[(p < -ROUNDING) | (p > 1 + ROUNDING)]
    if outside.size:
        raise InputError(Problem("probability", f"{outside.flat[0]:g}", "values between 0 and 1"))
    p = np.clip(p, 0, 1)
    inside = p[(p > 0) & (p < 1)]
    edge = max(float(np.minimum(inside, 1 - inside).min()) / 2, 5e-324) if len(inside) else 0.25
    inner = np.where(p == 0, edge, np.where(p == 1, edge, p))
    odds = np.log(inner) - np.log1p(-inner)
    return np.asarray(np.where(p == 1, -odds, odds))
