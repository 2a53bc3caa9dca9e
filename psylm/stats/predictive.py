"""What surprisal predicts of reading times, beyond other properties of words, on text that was not fitted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from patsy import build_design_matrices, dmatrix
from scipy import stats

from psylm.errors import InputError, Problem

Link = Literal["linear", "log", "power", "smooth"]

POWER = 0.75
"""Exponent of the `power` link: between a logarithm and a line."""

KNOTS = 5
"""Knots of a smooth, at quantiles of the predictor; one parameter fewer, since the intercept is apart."""

SHAPES: dict[Link, str] = {
    "linear": "{}",
    "log": "np.log1p({})",
    "power": f"np.power({{}}, {POWER})",
    "smooth": f"cr({{}}, df={KNOTS - 1}, constraints='center')",
}
"""How a predictor stands in the formula."""


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


def with_previous(data: pd.DataFrame, columns: Sequence[str], words: int, within: Sequence[str]) -> pd.DataFrame:
    """Add the values of the words before: what spills over into a word's reading time.

    Parameters
    ----------
    data
        One row a word, in reading order.
    columns
        The columns to take from earlier words.
    words
        How many words back.
    within
        Columns whose change begins a new text: nothing spills over into it.

    Returns
    -------
    DataFrame
        With a column NAME_1 for the word before, NAME_2 for the one before that, …; missing at the beginning.

    Examples
    --------
    >>> words = pd.DataFrame({"text": [1, 1, 2, 2], "surprisal": [5.0, 6.0, 7.0, 8.0]})
    >>> with_previous(words, ["surprisal"], 1, ["text"])["surprisal_1"].tolist()
    [nan, 5.0, nan, 7.0]
    """
    grouped = data.groupby(list(within), sort=False)
    earlier = {f"{name}_{back}": grouped[name].shift(back) for name in columns for back in range(1, words + 1)}
    return data.assign(**earlier)


def folds_by(groups: pd.Series, folds: int, seed: int) -> np.ndarray:
    """Give every row the number of a fold, groups whole, folds of about the same number of rows.

    Examples
    --------
    >>> folds_by(pd.Series(list("aabbbc")), 2, seed=1).tolist()
    [1, 1, 0, 0, 0, 1]
    """
    sizes = groups.value_counts(sort=False)
    order = sizes.sample(frac=1, random_state=seed).sort_values(ascending=False, kind="stable")
    filled = np.zeros(min(folds, len(order)))
    fold = {}
    for group, size in order.items():
        fold[group] = int(filled.argmin())
        filled[fold[group]] += size
    return groups.map(fold).to_numpy(dtype=int)


def blocks(text: pd.Series, sentence: pd.Series, words: int) -> pd.Series:
    """Divide texts into stretches of successive whole sentences, of a number of words or more.

    Neighbouring words share what the regression does not know, so that single words must not be held out.

    Parameters
    ----------
    text, sentence
        The text and the sentence of each word, in reading order.
    words
        Words of a stretch, at least; the last of a text takes what is left.

    Examples
    --------
    >>> text, sentence = pd.Series(list("aaaaaab")), pd.Series(list("AABBCCD"))
    >>> blocks(text, sentence, 3).tolist()
    ['a.0', 'a.0', 'a.0', 'a.0', 'a.0', 'a.0', 'b.0']
    >>> blocks(text, sentence, 2).tolist()
    ['a.0', 'a.0', 'a.1', 'a.1', 'a.2', 'a.2', 'b.0']
    """
    sizes = pd.DataFrame({"text": text, "sentence": sentence}).value_counts(sort=False)
    number: dict[tuple[object, object], str] = {}
    for name in text.unique():
        mine = list(dict.fromkeys(sentence[text == name]))
        block, filled, left = 0, 0, int((text == name).sum())
        for one in mine:
            if filled >= words and left >= words:
                block, filled = block + 1, 0
            number[name, one] = f"{name}.{block}"
            filled += int(sizes[name, one])
            left -= int(sizes[name, one])
    return pd.Series([number[pair] for pair in zip(text, sentence, strict=True)], index=text.index, dtype="string")


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
    log-likelihood of each response of that fold is taken under both, with the error variance of the fit.

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
    clean = data[list(dict.fromkeys([response, *baseline, *predictors, group]))].dropna()
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
        Of the BCa bootstrap and the permutation test; a test of few groups is exact. The fits are not repeated.
    """
    by_group = gains.groupby(group.to_numpy(), sort=False).agg(["sum", "size"])
    sums, sizes = by_group["sum"].to_numpy(), by_group["size"].to_numpy(dtype=float)
    low, high = _interval(sums, sizes, resamples, seed)
    return Gain(float(gains.mean()), low, high, sign_flip_p(sums, resamples, seed), len(gains), len(sums))


def _designs(
    data: pd.DataFrame, baseline: Sequence[str], predictors: Sequence[str], link: Link, fold: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the design matrix of each fold's training rows, and of its own rows by what the training rows say."""
    values = data[[*baseline, *predictors]].to_numpy(dtype=float)
    named = {f"x{number}": column for number, column in enumerate(values.T)}  # names of columns are the user's
    added = list(named)[len(baseline) :]
    if link in ("log", "power") and any(named[name].min() < 0 for name in added):
        raise InputError(Problem(f"link {link}", "a predictor below 0", "surprisal, which is never below 0"))
    formula = " + ".join(["1", *list(named)[: len(baseline)], *(SHAPES[link].format(name) for name in added)])
    whole = pd.DataFrame({"row": fold} | named)
    for number in range(fold.max() + 1):
        train = dmatrix(formula, whole[fold != number], NA_action="raise")
        (test,) = build_design_matrices([train.design_info], whole[fold == number], NA_action="raise")
        yield np.asarray(train), np.asarray(test)


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
    found = stats.permutation_test(
        (gains,), np.sum, permutation_type="samples", n_resamples=resamples, rng=np.random.default_rng(seed)
    )
    return float(found.pvalue)


def _interval(sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    def mean(gain: np.ndarray, n: np.ndarray, axis: int = -1) -> np.ndarray:
        ratio: np.ndarray = gain.sum(axis) / n.sum(axis)
        return ratio

    draws = np.random.default_rng(seed)
    found = stats.bootstrap(
        (sums, sizes), mean, paired=True, vectorized=True, method="BCa", n_resamples=resamples, rng=draws
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
