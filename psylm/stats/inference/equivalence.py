"""Tests that an effect is too small to matter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.one_model import check_pairs
from psylm.stats.inference.result import Result

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Equivalence(Result):
    """A mean difference, its 90% interval (which is what two one-sided 5% tests look at), and both tests.

    `statistic` and `p` are those of the test that rejects less: p < .05 means that the 90% interval lies within the
    bounds.

    Parameters
    ----------
    statistic_low, p_low
        Test that the difference lies above the lower bound.
    statistic_high, p_high
        Test that it lies below the upper bound.
    """

    statistic_low: float = math.nan
    p_low: float = math.nan
    statistic_high: float = math.nan
    p_high: float = math.nan


def tost(
    first: ArrayLike, second: ArrayLike | None = None, *, bounds: tuple[float, float], paired: bool = True
) -> Equivalence:
    """Test whether a mean, or a difference of means, lies within bounds: two one-sided t-tests.

    Parameters
    ----------
    first
        One value a unit; a difference, or a measure that is compared with `second`.
    second
        The other condition or group. NaN are left out, paired ones with their pair.
    bounds
        Lower and upper, in the unit of the data: the smallest effects that would matter. They are chosen before the
        data are seen, for reasons that lie outside them.
    paired
        Whether `second` has the same units in the same order; otherwise Welch's test compares two groups.

    Returns
    -------
    Equivalence
        The difference, first minus second; `n` is the number of units.

    Raises
    ------
    InputError
        The bounds are not in order.

    References
    ----------
    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach for assessing
    the equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics, 15, 657-680.
    Lakens, D. (2017). Equivalence tests. Social Psychological and Personality Science, 8, 355-362.

    Examples
    --------
    >>> found = tost([0.1, -0.2, 0.3, 0.0, -0.1, 0.2], bounds=(-0.5, 0.5))
    >>> round(found.estimate, 3), round(found.low, 3), round(found.high, 3), round(found.p, 4)
    (0.05, -0.104, 0.204, 0.001)
    """
    lower, upper = bounds
    if not lower < upper:
        raise InputError(Problem("bounds", f"{bounds}", "a lower and a higher one"))
    a = np.asarray(first, dtype=float)
    if second is None:
        return _test(a[~np.isnan(a)], None, lower, upper)
    b = np.asarray(second, dtype=float)
    if paired:
        check_pairs(a, b)
        differences = a - b
        return _test(differences[~np.isnan(differences)], None, lower, upper)
    return _test(a[~np.isnan(a)], b[~np.isnan(b)], lower, upper)


def _test(a: np.ndarray, b: np.ndarray | None, lower: float, upper: float) -> Equivalence:
    samples = [a] if b is None else [a, b]
    n = sum(map(len, samples))
    if (
        min(map(len, samples)) < 2
        or not all(np.isfinite(sample).all() for sample in samples)
        or all(np.ptp(sample) == 0 for sample in samples)
    ):
        return Equivalence(estimate=math.nan, n=n)
    parts = [float(sample.var(ddof=1)) / len(sample) for sample in samples]
    error = math.sqrt(sum(parts))
    df = sum(parts) ** 2 / sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, samples, strict=True))
    estimate = float(a.mean()) - (0.0 if b is None else float(b.mean()))
    half = float(stats.t.ppf(1 - ALPHA, df)) * error
    above, below = (estimate - lower) / error, (estimate - upper) / error
    p_low, p_high = float(stats.t.sf(above, df)), float(stats.t.cdf(below, df))
    return Equivalence(
        estimate=estimate, low=estimate - half, high=estimate + half, df=df, n=n,
        statistic=above if p_low > p_high else below, p=max(p_low, p_high),
        statistic_low=above, p_low=p_low, statistic_high=below, p_high=p_high,
    )  # fmt: skip
