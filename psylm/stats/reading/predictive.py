"""What surprisal predicts of reading times, beyond other properties of words, on text that was not fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from patsy import build_design_matrices, dmatrix
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.one_model import check_columns, check_finite, check_one
from psylm.stats.inference.resampling import CELLS, RESAMPLES, bca_interval, bootstrap, jackknife, permutation_p
from psylm.stats.reading.folds import folds_by

Link = Literal["linear", "log", "power", "smooth"]

POWER = 0.75
"""Exponent of the `power` link: between a logarithm and a line."""

KNOTS = 5
"""Knots of a smooth, at quantiles of the predictor; one parameter fewer, since the intercept is apart."""

OWN = 1e-3
"""Share of a predictor's variance, at least, that the others must leave it (a variance inflation of 1,000)."""

SPLINE = f"0 + cr(x, df={KNOTS - 1}, constraints='center')"

SHAPES: dict[Link, Callable[[np.ndarray], np.ndarray]] = {
    "linear": np.asarray,
    "log": np.log1p,
    "power": lambda values: np.power(values, POWER),
}
"""How a predictor stands in the regression, where it is one column of it."""


@dataclass(frozen=True)
class Gain:
    """What predictors add to a baseline, on held-out data.

    Parameters
    ----------
    delta_log_likelihood, low, high
        Gain in log-likelihood per observation, in nats, with its 95% interval (BCa bootstrap over groups).
    p
        Of a permutation test of groups' gains against zero, two-sided.
    n, groups
        Observations, and groups that are held out together.
    """

    delta_log_likelihood: float
    low: float
    high: float
    p: float
    n: int
    groups: int


def predictive_gain(
    data: pd.DataFrame,
    response: str,
    baseline: Sequence[str],
    predictors: Sequence[str],
    *,
    group: str,
    link: Link = "linear",
    folds: int = 10,
    seed: int = 1,
    resamples: int = 9_999,
) -> Gain:
    """Return how much better held-out responses are predicted with predictors than without.

    Parameters
    ----------
    data, response, baseline, predictors, group, link, folds, seed
        As in `held_out_gains`.
    resamples
        As in `gain_of`.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> words = pd.DataFrame({"item": np.arange(400) // 10, "surprisal": random.gamma(3, 2, 400)})
    >>> words["time"] = 300 + 5 * words["surprisal"] + random.normal(0, 10, 400)
    >>> gain = predictive_gain(words, "time", [], ["surprisal"], group="item")
    >>> gain.low > 0.3, gain.p < 0.001
    (True, True)
    """
    gains = held_out_gains(data, response, baseline, predictors, group=group, link=link, folds=folds, seed=seed)
    return gain_of(gains, data.loc[gains.index, group], seed=seed, resamples=resamples)


def held_out_gains(
    data: pd.DataFrame,
    response: str,
    baseline: Sequence[str],
    predictors: Sequence[str],
    *,
    group: str,
    link: Link = "linear",
    folds: int = 10,
    seed: int = 1,
) -> pd.Series:
    """Return what predictors add to the log-likelihood of each response when it is held out.

    Two regressions, baseline and baseline with predictors, are fitted to all folds but one, and the Gaussian
    log-likelihood of each response of that fold is taken under both, with the error variance of the fit. A predictor
    that the other columns determine in those folds (`beyond`) is left out of the larger one.

    Parameters
    ----------
    data
        One row an observation; rows with a missing value in any of the columns are left out.
    response
        The column that is predicted.
    baseline, predictors
        Columns of both models, and of the larger one only: surprisal, and that of the words before.
    group
        Column of what is held out together: items or texts.
    link
        The shape of a predictor's effect: `linear`; `log`, of 1 + its value; `power`, 0.75; or `smooth`, a natural
        cubic spline.
    folds, seed
        Number of folds (at most that of groups), and the seed of their division.

    Returns
    -------
    Series
        Nats, one value an observation that is complete, by the index of `data`.

    Raises
    ------
    InputError
        Fewer than two groups, or more parameters than observations.

    References
    ----------
    Goodkind, A., & Bicknell, K. (2018). Predictive power of word surprisal for reading times is a linear function of
    language model quality. CMCL. Wilcox, E. G., Pimentel, T., Meister, C., Cotterell, R., & Levy, R. P. (2023). Testing
    the predictions of surprisal theory in 11 languages. TACL, 11. Hoover, J. L., et al. (2023). The plausibility of
    sampling as an algorithmic theory of sentence processing. Open Mind, 7, for the shape of the effect.
    """
    columns = list(dict.fromkeys([response, *baseline, *predictors, group]))
    check_columns(data, columns)
    check_one(data, columns)
    if link not in get_args(Link):
        raise InputError(Problem("link", repr(link), "one of " + ", ".join(get_args(Link))))
    if folds < 2:
        raise InputError(Problem("folds", str(folds), "2 or more"))
    clean = data[columns].dropna()
    for name in (response, *baseline, *predictors):
        check_finite(f"column {name!r}", clean[name])
    count = clean[group].nunique()
    parameters = len(baseline) + (KNOTS - 1 if link == "smooth" else 1) * len(predictors) + 2
    if count < 2 or len(clean) <= 2 * parameters:
        raise InputError(
            Problem(f"column {response!r}", f"{len(clean)} rows in {count} groups", "more rows and groups")
        )
    fold = folds_by(clean[group], folds, seed)
    y = clean[response].to_numpy(dtype=float)
    small = _held_out(y, fold, _designs(clean, baseline, [], link, fold))
    large = _held_out(y, fold, _designs(clean, baseline, predictors, link, fold))
    return pd.Series(large - small, clean.index)


def gain_of(gains: pd.Series, group: pd.Series, *, seed: int = 1, resamples: int = 9_999) -> Gain:
    """Return the mean of gains with its interval and test, by groups.

    Parameters
    ----------
    gains
        One an observation, as `held_out_gains` gives them. The difference of two predictors' gains on the same
        observations compares the predictors: its test is the paired permutation test.
    group
        What each observation was held out with; groups are resampled, and their signs flipped, as wholes.
    seed, resamples
        Of the permutation test (one of few groups is exact) and, 2,000 at most, of the BCa bootstrap. The fits are not
        repeated.
    """
    by_group = gains.groupby(group.to_numpy(), sort=False).agg(["sum", "size"])
    sums, sizes = by_group["sum"].to_numpy(), by_group["size"].to_numpy(dtype=float)
    low, high = _interval(sums, sizes, resamples, seed)
    return Gain(float(gains.mean()), low, high, sign_flip_p(sums, resamples, seed), len(gains), len(sums))


def beyond(data: pd.DataFrame, baseline: Sequence[str], predictors: Sequence[str]) -> list[str]:
    """Return the predictors that have something of their own: those that the other columns do not determine.

    A word's frequency as a predictor, beyond a baseline with the same frequency in another unit, has nothing to add;
    its coefficient is noise of any size.

    Examples
    --------
    >>> words = pd.DataFrame({"log_frequency": [1.0, 2.0, 3.0, 4.0], "a": [9.0, 7.0, 5.0, 3.0], "b": [1.0, 0, 0, 1]})
    >>> beyond(words, ["log_frequency"], ["a", "b"])
    ['b']
    """
    clean = data[[*baseline, *predictors]].dropna().to_numpy(dtype=float)
    known = np.column_stack([np.ones(len(clean)), clean[:, : len(baseline)]])
    own = []
    for name, column in zip(predictors, clean.T[len(baseline) :], strict=True):
        b, *_ = np.linalg.lstsq(known, column, rcond=None)
        left = float(((column - known @ b) ** 2).sum())
        if left > OWN * float(((column - column.mean()) ** 2).sum()):
            own.append(name)
            known = np.column_stack([known, column])
    return own


def shaped(values: np.ndarray, link: Link, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a predictor's columns in a regression: of its values, and of other values by what the first ones say.

    Parameters
    ----------
    values, at
        Shapes (observations,) and (points,).
    link
        As in `held_out_gains`; a smooth has its knots at quantiles of `values`.

    Examples
    --------
    >>> train, test = shaped(np.arange(100.0), "smooth", np.array([3.0, 50.0]))
    >>> train.shape, test.shape, bool(abs(train.mean(0)).max() < 1e-9)
    ((100, 4), (2, 4), True)
    """
    if link == "smooth":
        spline = dmatrix(SPLINE, {"x": values}, NA_action="raise")
        (other,) = build_design_matrices([spline.design_info], {"x": at}, NA_action="raise")
        return np.asarray(spline), np.asarray(other)
    return SHAPES[link](values)[:, None], SHAPES[link](at)[:, None]


def _designs(
    data: pd.DataFrame, baseline: Sequence[str], predictors: Sequence[str], link: Link, fold: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the design matrix of each fold's training rows, and of its own rows by what the training rows say."""
    if link in ("log", "power") and any(data[name].min() < 0 for name in predictors):
        raise InputError(Problem(f"link {link}", "a predictor below 0", "surprisal, which is never below 0"))
    known = np.column_stack([np.ones(len(data)), data[list(baseline)].to_numpy(dtype=float)])
    for number in range(fold.max() + 1):
        there = fold != number
        own = beyond(data[there], baseline, predictors)
        values = [data[name].to_numpy(dtype=float) for name in own]
        pairs = [shaped(column[there], link, column[~there]) for column in values]
        yield (
            np.hstack([known[there], *(train for train, _ in pairs)]),
            np.hstack([known[~there], *(test for _, test in pairs)]),
        )


def _held_out(y: np.ndarray, fold: np.ndarray, designs: Iterator[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the log-likelihood of each response under the regression fitted to the other folds."""
    out = np.empty_like(y)
    for number, (train, test) in enumerate(designs):
        mine = fold == number
        b, *_ = np.linalg.lstsq(train, y[~mine], rcond=None)
        residual = y[~mine] - train @ b
        deviation = math.sqrt(float(residual @ residual) / (len(residual) - np.linalg.matrix_rank(train)))
        out[mine] = stats.norm.logpdf(y[mine], test @ b, deviation)
    return out


def sign_flip_p(gains: np.ndarray, resamples: int = 9_999, seed: int = 1) -> float:
    """Return the two-sided p of gains against zero by flipping their signs; exact where that many flips are enough.

    Examples
    --------
    >>> sign_flip_p(np.array([1.0, 2.0, 3.0, 4.0]))  # 2 of 16 ways to give signs are as extreme
    0.125
    """
    n = len(gains)
    exact = 2.0**n <= resamples
    rng = np.random.default_rng(seed)
    total = 2**n if exact else resamples
    step = max(1, CELLS // n)
    flipped = []
    for start in range(0, total, step):
        rows = min(step, total - start)
        if exact:
            minus = np.arange(start, start + rows)[:, None] >> np.arange(n) & 1
        else:
            minus = rng.integers(2, size=(rows, n), dtype=np.int8)
        flipped.append(gains.sum() - 2 * (minus.astype(float) @ gains))
    return permutation_p(float(gains.sum()), np.concatenate(flipped), exact=exact)


def _interval(sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    def mean(counts: np.ndarray) -> np.ndarray:
        ratio: np.ndarray = (counts @ sums) / (counts @ sizes)
        return ratio

    resampled = bootstrap(mean, len(sums), np.random.default_rng(seed), min(resamples, RESAMPLES))
    return bca_interval(float(sums.sum() / sizes.sum()), resampled, jackknife(mean, len(sums)))
