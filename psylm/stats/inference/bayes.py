"""Bayes factors with default priors: of a difference of means (JZS), and of a correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import LEVEL
from psylm.stats.inference.one_model import check_pairs
from psylm.stats.inference.result import Result

MEDIUM = math.sqrt(2) / 2
"""The usual scale of the Cauchy prior on standardised effects."""

MEDIUM_CORRELATION = 1 / 3
"""The usual width of the stretched beta prior on correlations."""


@dataclass(frozen=True, kw_only=True)
class BayesFactor(Result):
    """Evidence for an effect over none, with the posterior of the effect.

    `estimate`, `low` and `high` are the posterior's median and central 95% interval of the standardised effect δ (or of
    the correlation ρ) under the alternative; `statistic`, `df` and `p` are those of the ordinary test.

    Parameters
    ----------
    bf10
        How many times more probable the data are under the alternative; below 1 they favour the null. May be
        infinite where `log_bf10` is not.
    log_bf10
        Its natural logarithm.
    """

    bf10: float = math.nan
    log_bf10: float = math.nan


def jzs_t(
    first: ArrayLike, second: ArrayLike | None = None, *, paired: bool = True, scale: float = MEDIUM
) -> BayesFactor:
    """Compare an effect with none: a t-test's Bayes factor, with a Cauchy prior on the standardised effect.

    Parameters
    ----------
    first
        One value a unit; a difference, or a measure that is compared with `second`.
    second
        The other condition or group. NaN are left out, paired ones with their pair.
    paired
        Whether `second` has the same units in the same order; otherwise two groups, of equal variance, are compared.
    scale
        Of the Cauchy prior: half of the prior's mass lies within ± this effect.

    Returns
    -------
    BayesFactor
        NaN for fewer than two values, without variation, or with an infinity.

    References
    ----------
    Rouder, J. N., Speckman, P. L., Sun, D., Morey, R. D., & Iverson, G. (2009). Bayesian t tests for accepting and
    rejecting the null hypothesis. Psychonomic Bulletin & Review, 16, 225-237.

    Examples
    --------
    >>> found = jzs_t([0.3, 1.2, -0.5, 0.8, 2.1, 0.1, 0.9, 1.4, -0.2, 0.6])
    >>> round(found.bf10, 2), round(found.estimate, 2)
    (3.08, 0.7)
    """
    if not 0 < scale < math.inf:
        raise InputError(Problem("scale", f"{scale:g}", "a number above 0"))
    a = np.asarray(first, dtype=float)
    if second is not None and not paired:
        b = np.asarray(second, dtype=float)
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        n = len(a) + len(b)
        if min(len(a), len(b)) < 2 or not np.isfinite([a.sum(), b.sum()]).all() or np.ptp(a) + np.ptp(b) == 0:
            return BayesFactor(estimate=math.nan, n=n)
        return _bayes_factor(float(stats.ttest_ind(a, b).statistic), n - 2, len(a) * len(b) / n, n, scale)
    if second is not None:
        check_pairs(a, np.asarray(second, dtype=float))
    differences = a if second is None else a - np.asarray(second, dtype=float)
    differences = differences[~np.isnan(differences)]
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all() or np.ptp(differences) == 0:
        return BayesFactor(estimate=math.nan, n=n)
    return _bayes_factor(float(stats.ttest_1samp(differences, 0).statistic), n - 1, n, n, scale)


def _bayes_factor(t: float, df: int, effective: float, n: int, scale: float) -> BayesFactor:
    log_bf = log_jzs(t, df, effective, scale)
    delta, error = t / math.sqrt(effective), math.sqrt((1 + t**2 / (2 * df)) / effective)
    grid = np.linspace(delta - 9 * error, delta + 9 * error, 2001)
    # beyond 37 the noncentral t's series is slow to converge; it is normal by then
    likelihood = (
        stats.nct.pdf(t, df, grid * math.sqrt(effective)) if abs(t) < 37 else stats.norm.pdf(grid, delta, error)
    )
    low, median, high = _quantiles(grid, likelihood * stats.cauchy.pdf(grid, scale=scale))
    return BayesFactor(
        estimate=median, low=low, high=high, statistic=t, df=df, p=float(2 * stats.t.sf(abs(t), df)), n=n,
        bf10=math.exp(log_bf) if log_bf < 700 else math.inf, log_bf10=log_bf,
    )  # fmt: skip


def log_jzs(t: float, df: float, n: float, scale: float = MEDIUM) -> float:
    """Return the natural logarithm of the JZS Bayes factor of a t statistic.

    Parameters
    ----------
    t, df
        The statistic and its degrees of freedom.
    n
        Number of units; for two groups n₁n₂ / (n₁ + n₂).
    scale
        Of the Cauchy prior.

    References
    ----------
    Rouder et al. (2009), Equation 1, with g scaled as in Morey & Rouder's R package BayesFactor.

    Examples
    --------
    >>> round(math.exp(log_jzs(2.5, 39, 40)), 3)
    2.635
    """
    # The effect is normal with variance g, and g is inverse-gamma(1/2, scale²/2), which makes the effect Cauchy.
    # Over u = log g the integrand is smooth and falls to nothing on both sides: the trapezoid rule gives all digits.
    b = scale**2 / 2
    u = np.arange(math.log(b) - 5, max(math.log(b), math.log(max(t**2 / n, 1e-300))) + 45, 0.02)
    g = np.exp(u)
    likelihood = -np.log1p(n * g) / 2 - (df + 1) / 2 * np.log1p(t**2 / (df * (1 + n * g)))
    prior = math.log(b) / 2 - math.lgamma(0.5) - u / 2 - b / g
    return float(special.logsumexp(likelihood + prior) + math.log(0.02) + (df + 1) / 2 * math.log1p(t**2 / df))


def jzs_correlation(x: ArrayLike, y: ArrayLike, *, width: float = MEDIUM_CORRELATION) -> BayesFactor:
    """Compare a correlation with none, with a stretched beta prior on Pearson's ρ.

    Parameters
    ----------
    x, y
        One value an item; items with a NaN are left out.
    width
        The prior of (ρ + 1) / 2 is beta(1 / width, 1 / width): 1 is uniform, less is narrower.

    Returns
    -------
    BayesFactor
        `statistic` is Pearson's r; NaN for fewer than four items, without variation, or with an infinity.

    References
    ----------
    Ly, A., Verhagen, J., & Wagenmakers, E.-J. (2016). Harold Jeffreys's default Bayes factor hypothesis tests.
    Journal of Mathematical Psychology, 72, 19-32.

    Examples
    --------
    >>> found = jzs_correlation([1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 5, 4, 7, 6])
    >>> round(found.bf10, 1), found.low < found.estimate < found.high
    (4.1, True)
    """
    if not 0 < width < math.inf:
        raise InputError(Problem("width", f"{width:g}", "a number above 0"))
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    check_pairs(a, b)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n = len(a)
    if n < 4 or not np.isfinite([a, b]).all() or np.ptp(a) == 0 or np.ptp(b) == 0:
        return BayesFactor(estimate=math.nan, n=n)
    test = stats.pearsonr(a, b)
    r = float(np.clip(test.statistic, -1 + 1e-12, 1 - 1e-12))  # the density has no bound at a perfect correlation
    # Over z = atanh ρ the integrand is smooth and falls to nothing on both sides.
    z = np.linspace(-18, 18, 40001)
    rho = np.tanh(z)
    log_one_minus = -2 * np.logaddexp(z, -z) + 2 * math.log(2)  # log(1 - ρ²), without cancellation
    hypergeometric = special.hyp2f1(0.5, 0.5, n - 0.5, (1 + rho * r) / 2) / special.hyp2f1(0.5, 0.5, n - 0.5, 0.5)
    likelihood = (n - 1) / 2 * log_one_minus - (n - 1.5) * np.log1p(-rho * r) + np.log(hypergeometric)
    shape = 1 / width
    prior = shape * log_one_minus - (2 * shape - 1) * math.log(2) - special.betaln(shape, shape)  # of ρ, times dρ/dz
    log_bf = float(special.logsumexp(likelihood + prior) + math.log(z[1] - z[0]))
    posterior = np.exp(likelihood + prior - (likelihood + prior).max())
    low, median, high = np.tanh(_quantiles(z, posterior))
    return BayesFactor(
        estimate=float(median), low=float(low), high=float(high), statistic=r, df=n - 2, p=float(test.pvalue), n=n,
        bf10=math.exp(log_bf) if log_bf < 700 else math.inf, log_bf10=log_bf,
    )  # fmt: skip


def _quantiles(grid: np.ndarray, density: np.ndarray) -> tuple[float, float, float]:
    """Return the lower bound, the median and the upper bound of a density on a grid."""
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    low, median, high = np.interp([(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], below / below[-1], grid)
    return float(low), float(median), float(high)
