"""Which heads select: the best head, chosen on other items than it is judged by, and tests of all heads at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import LEVEL, Estimate, paired_contrast
from psylm.stats.inference.multiple import adjusted
from psylm.stats.inference.result import Result

FOLDS = 5
PERMUTATIONS = 10_000


@dataclass(frozen=True)
class HeldOut:
    """What the best head does on items that it was not chosen by.

    Parameters
    ----------
    result
        Mean over items of the head's value on held-out items, its interval, and p of the whole procedure.
    items
        A row an item: `item`, `fold`, `layer` and `head` that were chosen on the items of all other folds, and `value`.
    agreement
        Share of folds that chose the head that most folds chose.
    """

    result: Result
    items: pd.DataFrame
    agreement: float

    @property
    def chosen(self) -> pd.DataFrame:
        """The head that each fold chose: `fold`, `layer`, `head`."""
        return self.items[["fold", "layer", "head"]].drop_duplicates().sort_values("fold").reset_index(drop=True)


def best_head(
    values: ArrayLike,
    items: Sequence[object],
    *,
    folds: int = FOLDS,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> HeldOut:
    """Judge the best head by items that it was not chosen by.

    The items are divided into folds. For the items of a fold the head with the highest mean over all other items is
    taken, and its values on the fold's own items are kept: choosing among hundreds of heads gains nothing where there
    is nothing to gain.

    Folds share most of the items that they choose by, so that held-out values are not independent, and a t-test of them
    would reject three times too often. The interval is widened for it (Nadeau & Bengio), and p is the share of sign
    flips of items whose best head, chosen anew in each, does at least as well on held-out items.

    Parameters
    ----------
    values
        Of each trial [trials, layers, heads], selectivity for example; NaN are left out.
    items
        The item of each trial; those of an item are averaged.
    folds
        Number of folds.
    permutations
        Random sign flips, or all that there are where that is fewer; 0 for no p.
    seed
        Seed of folds and flips.

    Returns
    -------
    HeldOut
        p is one-sided: that the best head's mean is above 0.

    Raises
    ------
    InputError
        There are fewer items than folds, or fewer than two folds.

    References
    ----------
    Kriegeskorte et al. (2009), Circular analysis in systems neuroscience: the dangers of double dipping, Nature
    Neuroscience 12, 535-540; Nadeau & Bengio (2003), Inference for the generalization error, Machine Learning 52,
    239-281.

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(size=(40, 3, 4))
    >>> values[:, 2, 1] += 2
    >>> found = best_head(values, range(40))
    >>> found.chosen[["layer", "head"]].drop_duplicates().values.tolist(), found.agreement
    ([[2, 1]], 1.0)
    """
    names, means = by_item(values, items)
    if not 2 <= folds <= len(names):
        raise InputError(Problem("folds", str(folds), f"from 2 to the number of items, {len(names)}"))
    n = len(names)
    fold = np.random.default_rng(seed).permutation(np.arange(n) % folds)
    x = means.reshape(n, -1)
    heads, observed = _held_out(np.ones((1, n)), x, fold)
    rows = []
    for item, mine in enumerate(fold):
        layer, head = divmod(int(heads[0, mine]), means.shape[2])
        rows.append((names[item], int(mine), layer, head, means[item, layer, head]))
    table = pd.DataFrame(rows, columns=["item", "fold", "layer", "head", "value"])
    above, tried = 0, 0
    for signs in _flips(n, permutations, seed) if permutations else []:
        above += int((_held_out(signs, x, fold)[1] >= observed[0] - 1e-9).sum())
        tried += len(signs)
    exact = int(2**n <= permutations)
    found = table["value"].dropna()
    if len(found) < 2:
        return HeldOut(Result(estimate=math.nan, n=len(found)), table, math.nan)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(found) - 1) * found.std() * math.sqrt(_widened(folds) / len(found)))
    estimate = float(observed[0])
    p = (above + 1 - exact) / (tried + 1 - exact) if tried else math.nan
    agreement = float(np.bincount(heads[0]).max() / folds)
    result = Result(estimate=estimate, low=estimate - half, high=estimate + half, p=p, n=len(found))
    return HeldOut(result, table, agreement)


def _held_out(signs: np.ndarray, x: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose a head for each fold on the others; return the choices [flips, folds] and held-out means [flips].

    Parameters
    ----------
    signs
        What each item's values are multiplied by [flips, items].
    x
        Values [items, heads], with NaN.
    fold
        The fold of each item.
    """
    there = ~np.isnan(x)
    x = np.where(there, x, 0.0)
    whole, number = signs @ x, there.sum(0)
    chosen = []
    total, count = np.zeros(len(signs)), np.zeros(len(signs))
    for mine in range(int(fold.max()) + 1):
        own = fold == mine
        sums, counts = signs[:, own] @ x[own], there[own].sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            others = (whole - sums) / (number - counts)
        best = np.where(np.isnan(others), -math.inf, others).argmax(1)
        total += sums[np.arange(len(signs)), best]
        count += counts[best]
        chosen.append(best)
    with np.errstate(invalid="ignore"):
        return np.stack(chosen, 1), total / count


def _widened(folds: int) -> float:
    """Return what the variance of a mean of held-out values is multiplied by (Nadeau & Bengio's n₂/n₁ included)."""
    return 1 + folds / (folds - 1)


def average_head(values: ArrayLike, items: Sequence[object]) -> Estimate:
    """Average over all heads and layers, then test the mean over items against 0; parameters as in `best_head`.

    Examples
    --------
    >>> round(average_head(np.ones((4, 2, 2)) * [[[1]], [[2]], [[3]], [[4]]], range(4)).estimate, 2)
    2.5
    """
    _, means = by_item(values, items)
    return paired_contrast(nanmean(means.reshape(len(means), -1), 1))


def head_tests(
    values: ArrayLike, items: Sequence[object], *, permutations: int = PERMUTATIONS, seed: int = 1
) -> pd.DataFrame:
    """Test each head against 0 by flipping the signs of items, and correct for the number of heads.

    Under the null hypothesis an item's value is as likely below 0 as above it, in all heads together: the signs of
    whole items are flipped, and the largest absolute t of any head is kept. All flips are tried where that is fewer.

    Parameters
    ----------
    values
        Of each trial [trials, layers, heads]: something that is 0 where a head does not select, such as selectivity or
        its difference from a baseline. NaN are left out.
    items
        The item of each trial; those of an item are averaged.
    permutations
        Random sign flips.
    seed
        Seed of the flips.

    Returns
    -------
    DataFrame
        A row a head: `layer`, `head`, `estimate` (mean), `statistic` (t), `p` (two-sided, of this head alone),
        `p_max` (by the largest statistic of any head: family-wise error, keeps the dependence between heads), `p_holm`
        (family-wise), `p_bh` (false discovery rate), `n` items.

    References
    ----------
    Nichols & Holmes (2002), Nonparametric permutation tests for functional neuroimaging, Human Brain Mapping 15, 1-25;
    Phipson & Smyth (2010), Permutation p-values should never be zero, Statistical Applications in Genetics and
    Molecular Biology 9, 39.

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(size=(30, 2, 3))
    >>> values[:, 1, 2] += 1
    >>> table = head_tests(values, range(30))
    >>> table[table["p_max"] < 0.05][["layer", "head"]].values.tolist()
    [[1, 2]]
    """
    _, means = by_item(values, items)
    x = means.reshape(len(means), -1)
    there = ~np.isnan(x)
    n = there.sum(0)
    x = np.where(there, x, 0.0)
    squares = (x**2).sum(0)
    observed = _t(x.sum(0), squares, n)
    above, above_max, tried = np.zeros(x.shape[1]), np.zeros(x.shape[1]), 0
    for signs in _flips(len(x), permutations, seed):
        flipped = np.nan_to_num(np.abs(_t(signs @ x, squares, n)))
        above += (flipped >= np.abs(observed) - 1e-9).sum(0)
        above_max += (flipped.max(1)[:, None] >= np.abs(observed) - 1e-9).sum(0)
        tried += len(signs)
    exact = int(2 ** len(x) <= permutations)  # then the data as they are were among those tried
    p, p_max = ((count + 1 - exact) / (tried + 1 - exact) for count in (above, above_max))
    nothing = np.isnan(observed)
    layer, head = np.divmod(np.arange(x.shape[1]), means.shape[2])
    with np.errstate(invalid="ignore"):
        table = pd.DataFrame({"layer": layer, "head": head, "estimate": x.sum(0) / n, "statistic": observed})
    table["p"], table["p_max"] = np.where(nothing, np.nan, p), np.where(nothing, np.nan, p_max)
    table["p_holm"], table["p_bh"] = adjusted(table["p"], "holm"), adjusted(table["p"], "bh")
    return table.assign(n=n)


def by_item(values: ArrayLike, items: Sequence[object]) -> tuple[list[object], np.ndarray]:
    """Average the trials of each item [items, layers, heads]; items in the order in which they come.

    Examples
    --------
    >>> names, means = by_item(np.array([1.0, 2.0, 5.0]).reshape(3, 1, 1), ["a", "a", "b"])
    >>> names, means[:, 0, 0].tolist()
    (['a', 'b'], [1.5, 5.0])
    """
    array = np.asarray(values, dtype=float)
    if np.isinf(array).any() or not len(array):
        raise InputError(
            Problem("values", "infinity" if len(array) else "no trials", "numbers, [trials, layers, heads]")
        )
    codes, names = pd.factorize(np.asarray(items, dtype=object))
    if array.ndim != 3 or len(array) != len(codes):
        raise InputError(Problem("values", f"shape {array.shape}", f"[{len(codes)} trials, layers, heads]"))
    return list(names), np.stack([nanmean(array[codes == code], 0) for code in range(len(names))])


def nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    """Average what is not NaN; NaN, without a warning, where all are."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, values, 0.0).sum(axis) / there.sum(axis)
    return mean


def _t(sums: np.ndarray, squares: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return one-sample t of sums [..., heads]; flipping signs leaves the sum of squares as it is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (squares - sums**2 / n).clip(min=0) / (n - 1)
        t: np.ndarray = sums / np.sqrt(n * variance)
    return np.where(n > 1, t, np.nan)


def _flips(n: int, permutations: int, seed: int, size: int = 1000) -> Sequence[np.ndarray]:
    """Return signs of items [flips, n], in pieces: all that there are, where they are not more than asked for."""
    if 2**n <= permutations:
        numbers = np.arange(2**n)[:, None] >> np.arange(n)
        return [1.0 - 2.0 * (numbers & 1)]
    random = np.random.default_rng(seed)
    sizes = [min(size, permutations - begun) for begun in range(0, permutations, size)]
    return [random.choice([-1.0, 1.0], size=(count, n)) for count in sizes]
