"""Calibration: does a model that gives a word a probability of .3 mean what people mean, three answers in ten?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike
from scipy import special, stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.correlation import log_odds
from psylm.stats.inference.intervals import LEVEL, mean_interval
from psylm.stats.inference.one_model import check_pairs
from psylm.stats.inference.resampling import RESAMPLES, bca_interval, bootstrap, jackknife

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How well probabilities agree with the shares of people who answered so.

    Parameters
    ----------
    table
        A row a quantity, with `estimate`, `low`, `high`, `statistic`, `df`, `p` and `n`: see `calibration`.
    curve
        A row a bin: `predicted` and `observed` are the mean probability and the mean share of its items, `low` and
        `high` the 95% interval of the share (Student's t over items), `n` the number of items. It is what
        `psylm.figures.calibration.calibration_curve` draws.
    """

    table: pd.DataFrame
    curve: pd.DataFrame


def calibration(
    model: ArrayLike,
    human: ArrayLike,
    respondents: ArrayLike | None = None,
    *,
    bins: int = BINS,
    seed: int,
    resamples: int = RESAMPLES,
) -> Calibration:
    """Compare probabilities of a model with shares of people, such as cloze.

    Parameters
    ----------
    model, human
        A probability and a share an item, in [0, 1]; items with a NaN are left out.
    respondents
        How many people answered each item (or one number for all); from it the part of the scores that is due to so few
        answers is taken out.
    bins
        Of the curve: as nearly equal in number of items as ties allow.
    seed
        Seed of the bootstrap of items.
    resamples
        How many.

    Returns
    -------
    Calibration
        The table's rows:

        - `slope`: of a logistic regression of shares on the model's log-odds; 1 if calibrated, below 1 if the model's
          probabilities are too extreme. `statistic` and `p` test it against 1.
        - `intercept`: in the same regression with the slope held at 1, in log-odds; 0 if calibrated, below 0 if the
          model's probabilities are too high. Tested against 0. Both with standard errors that allow for any variance
          (HC3) and Student's t.
        - `expected calibration error`: the mean over items of how far their bin's mean probability and share are apart.
          It is never negative and grows with the number of bins.
        - `Brier score`: the mean squared distance between the probability and each single answer (1 or 0). It is the
          sum of `Brier divergence`, the squared distance from the people's share, and `Brier uncertainty`, h(1 - h),
          which no model can avoid.
        - `log score`: the mean of -log2 of the probability given to each single answer, in bits; likewise the sum of
          `log divergence` (Kullback-Leibler) and `log uncertainty`. Infinite if the model rules out what someone wrote.

        With `respondents`, the Brier divergence and uncertainty are unbiased (the share of a few people varies by
        itself), and the divergence may be slightly negative. Intervals of the last rows are BCa by items.

    Raises
    ------
    InputError
        A value is no probability.

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika, 45, 562-565.
    Bröcker, J. (2009). Reliability, sufficiency, and the decomposition of proper scores. Quarterly Journal of the
    Royal Meteorological Society, 135, 1512-1519. Nixon, J., Dusenberry, M., Zhang, L., Jerfel, G., & Tran, D. (2019).
    Measuring calibration in deep learning. CVPR Workshops.

    Examples
    --------
    >>> found = calibration([0.1, 0.2, 0.4, 0.6, 0.9], [0.2, 0.3, 0.4, 0.5, 0.7], seed=1, bins=5)
    >>> found.table.set_index("quantity").loc["expected calibration error", "estimate"].round(3)
    np.float64(0.1)
    """
    p, h = np.asarray(model, dtype=float), np.asarray(human, dtype=float)
    check_pairs(p, h)
    if bins < 1:
        raise InputError(Problem("bins", str(bins), "1 or more"))
    size = np.broadcast_to(np.nan if respondents is None else np.asarray(respondents, dtype=float), p.shape)
    known = ~(np.isnan(p) | np.isnan(h))
    p, h, size = p[known], h[known], size[known]
    for name, values in (("model", p), ("human", h)):
        if ((values < 0) | (values > 1)).any():
            wrong = float(values[(values < 0) | (values > 1)][0])
            raise InputError(Problem(name, f"{wrong:g}", "probabilities between 0 and 1"))
    n = len(p)
    rows = [{"quantity": "slope"} | _slope(p, h), {"quantity": "intercept"} | _intercept(p, h)]
    groups = _bins(p, bins)
    rng = np.random.default_rng(seed)
    rows.append({"quantity": "expected calibration error"} | _interval(_Error(p, h, groups), n, rng, resamples))
    for name, score in _scores(p, h, size).items():
        rows.append({"quantity": name} | _interval(_Mean(score), n, rng, resamples))
    curve = []
    for group in range(groups.max() + 1 if n else 0):
        share, low, high = mean_interval(h[groups == group])
        there = {"predicted": float(p[groups == group].mean()), "observed": share, "low": low, "high": high}
        curve.append(there | {"n": int((groups == group).sum())})
    return Calibration(pd.DataFrame(rows), pd.DataFrame(curve))


def _slope(p: np.ndarray, h: np.ndarray) -> dict[str, float]:
    x = log_odds(p)
    if len(p) < 4 or np.ptp(x) == 0 or np.ptp(h) == 0:
        return _wald(math.nan, math.nan, math.nan, 1.0, len(p))
    fit = sm.GLM(h, sm.add_constant(x), family=sm.families.Binomial()).fit()
    inside = fit.get_hat_matrix_diag()
    return _wald(fit.params[1], _robust(sm.add_constant(x), fit.mu, h, inside)[1], len(p) - 2, 1.0, len(p))


def _intercept(p: np.ndarray, h: np.ndarray) -> dict[str, float]:
    if len(p) < 4 or np.ptp(h) == 0:
        return _wald(math.nan, math.nan, math.nan, 0.0, len(p))
    one = np.ones((len(p), 1))
    fit = sm.GLM(h, one, family=sm.families.Binomial(), offset=log_odds(p)).fit()
    return _wald(fit.params[0], _robust(one, fit.mu, h, fit.get_hat_matrix_diag())[0], len(p) - 1, 0.0, len(p))


def _robust(design: np.ndarray, mean: np.ndarray, h: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Return standard errors that allow for any variance, corrected for leverage (HC3)."""
    bread = np.linalg.inv((design.T * (mean * (1 - mean))) @ design)
    scores = design * ((h - mean) / (1 - leverage))[:, None]
    return np.asarray(np.sqrt(np.diag(bread @ scores.T @ scores @ bread)))


def _wald(estimate: float, error: float, df: float, null: float, n: int) -> dict[str, float]:
    half = float(stats.t.ppf((1 + LEVEL) / 2, df)) * error
    t = (estimate - null) / error
    return {
        "estimate": float(estimate), "low": float(estimate - half), "high": float(estimate + half),
        "statistic": float(t), "df": float(df), "p": float(2 * stats.t.sf(abs(t), df)), "n": n,
    }  # fmt: skip


def _bins(p: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each item, from 0: bins of equal size, but equal probabilities together, and none empty."""
    if not len(p):
        return np.zeros(0, int)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def _scores(p: np.ndarray, h: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        uncertainty = h * (1 - h)
        counted = size > 1  # of n people's share, h(1 - h) underestimates the variance of an answer by (n - 1) / n
        true = np.where(counted, uncertainty * size / (size - 1), uncertainty)
        entropy = (special.entr(h) + special.entr(1 - h)) / math.log(2)
        divergence = (special.rel_entr(h, p) + special.rel_entr(1 - h, 1 - p)) / math.log(2)
    brier = (p - h) ** 2 + uncertainty
    return {
        "Brier score": brier, "Brier divergence": brier - true, "Brier uncertainty": true,
        "log score": divergence + entropy, "log divergence": divergence, "log uncertainty": entropy,
    }  # fmt: skip


class _Mean:
    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        return np.asarray(counts @ self.values / counts.sum(axis=1))


class _Error:
    """The expected calibration error of resamples; the bins stay as they are."""

    def __init__(self, p: np.ndarray, h: np.ndarray, groups: np.ndarray) -> None:
        member = np.eye(groups.max() + 1 if len(groups) else 0)[groups]
        self.apart = member * (p - h)[:, None]

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(counts @ self.apart).sum(axis=1) / counts.sum(axis=1))


def _interval(statistic: _Mean | _Error, n: int, rng: np.random.Generator, resamples: int) -> dict[str, float]:
    nothing = {"statistic": math.nan, "df": math.nan, "p": math.nan, "n": n}
    if not n:
        return {"estimate": math.nan, "low": math.nan, "high": math.nan} | nothing
    estimate = float(statistic(np.ones((1, n)))[0])
    low, high = math.nan, math.nan
    if n >= 4 and math.isfinite(estimate):
        low, high = bca_interval(estimate, bootstrap(statistic, n, rng, resamples), jackknife(statistic, n))
    return {"estimate": estimate, "low": low, "high": high} | nothing
