"""Standardised differences of means, with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import noncentral_interval
from psylm.stats.inference.one_model import check_pairs
from psylm.stats.inference.result import Result


@dataclass(frozen=True, kw_only=True)
class StandardisedEffect(Result):
    """Cohen's d (`estimate`, `low`, `high`), the t-test it comes from, and Hedges' g: d without its bias.

    Parameters
    ----------
    g, g_low, g_high
        Hedges' g and its 95% interval.
    """

    g: float = math.nan
    g_low: float = math.nan
    g_high: float = math.nan


def cohens_d(first: ArrayLike, second: ArrayLike = 0.0, *, kind: str) -> StandardisedEffect:
    """Standardise a difference of means, first minus second.

    Parameters
    ----------
    first, second
        One value a unit. Paired, for `z` and `av`: pairs with a NaN are left out. Independent, for `s`.
    kind
        What the difference is divided by. `z`: the SD of the differences (what the paired test sees; grows with the
        correlation of the pairs). `av`: the mean variance's root of the two conditions (comparable with designs
        between units). `s`: the pooled SD of two groups.

    Returns
    -------
    StandardisedEffect
        Intervals from the noncentral t distribution: exact under normality for `z` and `s` (with equal variances),
        approximate for `av` (Algina & Keselman 2003). `n` is the number of pairs, or of values in both groups.

    Raises
    ------
    InputError
        `kind` is another, or pairs are not of one length.

    References
    ----------
    Lakens, D. (2013). Calculating and reporting effect sizes to facilitate cumulative science. Frontiers in
    Psychology, 4, 863. Algina, J., & Keselman, H. J. (2003). Approximate confidence intervals for effect sizes.
    Educational and Psychological Measurement, 63, 537-553. Hedges, L. V. (1981). Distribution theory for Glass's
    estimator of effect size and related estimators. Journal of Educational Statistics, 6, 107-128.

    Examples
    --------
    >>> found = cohens_d([3, 4, 6, 7, 9], [1, 3, 4, 6, 6], kind="z")
    >>> round(found.estimate, 2), round(found.g, 2), round(found.p, 3)
    (2.15, 1.72, 0.009)
    """
    if kind not in ("z", "av", "s"):
        raise InputError(Problem("kind", repr(kind), "z, av, s"))
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if kind != "s":
        check_pairs(a, b)
    if kind == "s":
        return _independent(a[~np.isnan(a)], b[~np.isnan(b)])
    a, b = np.broadcast_arrays(a, b)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n = len(a)
    if n < 2 or not np.isfinite(a - b).all() or np.ptp(a - b) == 0:
        return StandardisedEffect(estimate=math.nan, n=n)
    difference, spread = float((a - b).mean()), float((a - b).std(ddof=1))
    unit = spread if kind == "z" else math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    return _effect(difference / (spread / math.sqrt(n)), n - 1, spread / math.sqrt(n) / unit, n)


def _independent(a: np.ndarray, b: np.ndarray) -> StandardisedEffect:
    n = len(a) + len(b)
    if min(len(a), len(b)) < 2 or not np.isfinite([a.sum(), b.sum()]).all() or np.ptp(a) + np.ptp(b) == 0:
        return StandardisedEffect(estimate=math.nan, n=n)
    pooled = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2))
    scale = math.sqrt(1 / len(a) + 1 / len(b))
    return _effect(float(a.mean() - b.mean()) / (pooled * scale), n - 2, scale, n)


def _effect(t: float, df: int, scale: float, n: int) -> StandardisedEffect:
    low, high = noncentral_interval(t, df, scale)
    # Hedges' J is exact; J → 1 for large samples, where its gamma functions would overflow
    j = math.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / math.sqrt(df / 2) if df > 1 else math.nan
    return StandardisedEffect(
        estimate=t * scale, low=low, high=high, statistic=t, df=df, p=float(2 * stats.t.sf(abs(t), df)), n=n,
        g=j * t * scale, g_low=j * low, g_high=j * high,
    )  # fmt: skip
