"""Means, differences of means and proportions, with their 95% intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint

from psylm.common.errors import InputError, Problem

LEVEL = 0.95
"""Coverage of every interval."""


@dataclass(frozen=True)
class Estimate:
    """An estimate as a table shows it; NaN where the data do not allow it.

    Parameters
    ----------
    estimate, low, high
        The estimate and its 95% interval, in the unit of the data.
    statistic, df, p
        Test of the estimate against zero; two-sided.
    effect_size, effect_low, effect_high
        Standardised effect and its 95% interval.
    n
        Number of items.
    """

    estimate: float
    low: float
    high: float
    statistic: float
    df: float
    p: float
    effect_size: float
    effect_low: float
    effect_high: float
    n: int


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Return a mean and its 95% interval by Student's t; NaN bounds for fewer than two values, and NaN for infinities.

    Parameters
    ----------
    values
        One value an item; NaN are left out.

    Examples
    --------
    >>> [round(x, 3) for x in mean_interval([1.0, 2.0, 3.0, 4.0])]
    [2.5, 0.446, 4.554]
    """
    clean = _clean(values)
    if not len(clean) or not np.isfinite(clean).all():
        return math.nan, math.nan, math.nan
    mean = float(clean.mean())
    if len(clean) < 2:
        return mean, math.nan, math.nan
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(clean) - 1) * clean.std(ddof=1) / math.sqrt(len(clean)))
    return mean, mean - half, mean + half


def within_intervals(wide: pd.DataFrame) -> pd.DataFrame:
    """Return each condition's mean and its 95% interval for comparison within items: differences between items removed.

    Two means whose intervals are compared by eye must differ by about as much as a paired test asks for; intervals
    by `mean_interval` are wider where some items are surprising in every condition.

    Parameters
    ----------
    wide
        A row an item, a column a condition; items that lack one of the conditions are left out.

    Returns
    -------
    DataFrame
        A row a condition, with `estimate`, `low`, `high` and `n`: values are centred by item (Cousineau) and the
        variance is enlarged by M / (M - 1) for M conditions (Morey); Student's t with n - 1 degrees of freedom.
        With one condition there is nothing to compare, and bounds are NaN.

    References
    ----------
    Cousineau, D. (2005). Confidence intervals in within-subject designs. Tutorials in Quantitative Methods for
    Psychology, 1, 42-45.
    Morey, R. D. (2008). Confidence intervals from normalized data: A correction to Cousineau (2005). Tutorials in
    Quantitative Methods for Psychology, 4, 61-64.

    Examples
    --------
    >>> wide = pd.DataFrame({"good": [10.0, 20.0, 30.0], "bad": [12.0, 22.0, 33.0]})
    >>> within_intervals(wide).round(2).to_dict("list")
    {'estimate': [20.0, 22.33], 'low': [18.99, 21.32], 'high': [21.01, 23.35], 'n': [3, 3]}
    """
    whole = wide.dropna()
    n, conditions = whole.shape
    means = whole.mean()
    centred = whole.sub(whole.mean(axis="columns"), axis="index")
    half = means * math.nan
    if n > 1 and conditions > 1:
        error = centred.std(ddof=1) * math.sqrt(conditions / (conditions - 1) / n)
        half = error * float(stats.t.ppf((1 + LEVEL) / 2, n - 1))
    return pd.DataFrame({"estimate": means, "low": means - half, "high": means + half, "n": n})


def paired_contrast(differences: ArrayLike) -> Estimate:
    """Test whether differences within items have a mean of zero: paired t-test with Cohen's d_z.

    Parameters
    ----------
    differences
        One difference an item (or one difference of differences, for an interaction); NaN are left out.

    Returns
    -------
    Estimate
        The mean difference; `effect_size` is d_z = mean / SD of the differences, with the interval that the
        noncentral t distribution gives.

    References
    ----------
    Cumming, G., & Finch, S. (2001). A primer on the understanding, use, and calculation of confidence intervals
    that are based on central and noncentral distributions. Educational and Psychological Measurement, 61, 532-574.

    Examples
    --------
    >>> result = paired_contrast([1.0, 2.0, 3.0, 4.0])
    >>> round(result.statistic, 3), result.df, round(result.p, 4), round(result.effect_size, 3)
    (3.873, 3.0, 0.0305, 1.936)
    """
    clean = _clean(differences)
    mean, low, high = mean_interval(clean)
    n = len(clean)
    if n < 2 or not np.isfinite(clean).all() or clean.std(ddof=1) == 0:
        nothing = math.nan
        return Estimate(mean, low, high, nothing, nothing, nothing, nothing, nothing, nothing, n)
    t = float(mean / (clean.std(ddof=1) / math.sqrt(n)))
    p = float(2 * stats.t.sf(abs(t), n - 1))
    scale = math.sqrt(1 / n)
    return Estimate(mean, low, high, t, float(n - 1), p, t * scale, *noncentral_interval(t, n - 1, scale), n)


def independent_contrast(first: ArrayLike, second: ArrayLike) -> Estimate:
    """Test whether two groups of items have the same mean: Welch's t-test with Cohen's d_s.

    Parameters
    ----------
    first, second
        One value an item; NaN are left out.

    Returns
    -------
    Estimate
        The mean of the first minus that of the second; `effect_size` is the difference over the pooled SD.

    References
    ----------
    Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are
    involved. Biometrika, 34, 28-35.
    """
    a, b = _clean(first), _clean(second)
    n = len(a) + len(b)
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    difference = float(a.mean() - b.mean()) if len(a) and len(b) and finite else math.nan
    if not finite or min(len(a), len(b)) < 2 or a.std() + b.std() == 0:
        nothing = math.nan
        return Estimate(difference, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, n)
    test = stats.ttest_ind(a, b, equal_var=False)
    interval = test.confidence_interval(LEVEL)
    pooled = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2))
    scale = math.sqrt(1 / len(a) + 1 / len(b))
    d = difference / pooled
    return Estimate(
        difference, float(interval.low), float(interval.high), float(test.statistic), float(test.df),
        float(test.pvalue), d, *noncentral_interval(d / scale, n - 2, scale), n,
    )  # fmt: skip


def proportion_interval(successes: float, n: int) -> tuple[float, float, float]:
    """Return a proportion and its 95% interval (Wilson 1927); a tie may count as half a success.

    Examples
    --------
    >>> [round(x, 3) for x in proportion_interval(0, 10)]
    [0.0, 0.0, 0.278]
    """
    if n == 0:
        return math.nan, math.nan, math.nan
    if not 0 <= successes <= n:
        raise InputError(Problem("successes", f"{successes:g} of {n}", f"0 to {n}"))
    low, high = proportion_confint(successes, n, alpha=1 - LEVEL, method="wilson")
    return successes / n, float(low), float(high)


def noncentral_interval(t: float, df: float, scale: float) -> tuple[float, float]:
    """Return the 95% interval of a standardised effect: the noncentralities that put t at both tails, rescaled.

    Parameters
    ----------
    t, df
        The statistic and its degrees of freedom.
    scale
        The effect that a noncentrality of 1 is; for d_z it is 1 / sqrt(n).

    References
    ----------
    Cumming, G., & Finch, S. (2001). A primer on the understanding, use, and calculation of confidence intervals
    that are based on central and noncentral distributions. Educational and Psychological Measurement, 61, 532-574.

    Examples
    --------
    >>> [round(x, 3) for x in noncentral_interval(2.0, 24, 0.2)]
    [-0.012, 0.804]
    """
    if not math.isfinite(t):
        return math.nan, math.nan
    if t < 0:  # the far tails can be computed on one side only
        low, high = noncentral_interval(-t, df, scale)
        return -high, -low
    reach = 8 * math.sqrt(1 + t**2 / (2 * df))

    def bound(tail: float) -> float:
        def excess(ncp: float) -> float:
            below = float(stats.nct.cdf(t, df, ncp))
            if math.isnan(below):  # too near to 0 or 1 to be computed
                below = float(ncp < t)
            return below - tail

        return float(optimize.brentq(excess, t - reach, t + reach)) * scale

    if t > 37:  # beyond this the noncentral distribution's tails cannot be computed; it is normal by then
        half = float(stats.norm.ppf((1 + LEVEL) / 2)) * reach / 8 * scale
        return t * scale - half, t * scale + half
    return bound((1 + LEVEL) / 2), bound((1 - LEVEL) / 2)


def _clean(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return np.asarray(array[~np.isnan(array)])
