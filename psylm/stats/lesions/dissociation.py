"""Do two impairments come apart? Performance under lesions, dose by dose, and tests of double dissociation.

Data are a long table with a row an item, task and lesion: `task, lesion, seed, item, hit`. Where a lesion draws at
random, `seed` tells its draws apart; every interval is then over items and draws, both resampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from psylm.stats.inference.intervals import LEVEL, mean_interval, proportion_interval
from psylm.stats.inference.multiple import adjusted
from psylm.stats.inference.one_model import check_one

RESAMPLES = 4000

Cube = dict[str, dict[str, np.ndarray]]
"""Hits by task and lesion [draws, items]; the items of a task are the same ones in all of its lesions."""


def cube(hits: pd.DataFrame) -> Cube:
    """Arrange hits by task and lesion; an item that lacks a value in one lesion is left out of its task."""
    made: Cube = {}
    for task, rows in hits.groupby("task", sort=False):
        wide = (
            rows.astype({"hit": float})
            .pivot_table(index=["lesion", "seed"], columns="item", values="hit", sort=False)
            .dropna(axis="columns")
        )
        made[str(task)] = {str(name): part.to_numpy() for name, part in wide.groupby(level="lesion", sort=False)}
    return made


class ResampledPerformance:
    """Sums of mean performances with their intervals, by resamples of items and draws that all comparisons share.

    Items and draws are crossed. To resample both counts what is of neither alone, the residual of item by draw, three
    times (Owen 2007); deviations of the bootstrap are therefore scaled to the standard error that counts it once.

    Parameters
    ----------
    hits
        By task and lesion.
    seed
        Seed of the resampling.
    resamples
        How many.

    References
    ----------
    Owen, A. B. (2007). The pigeonhole bootstrap. *Annals of Applied Statistics*, 1, 386-411.
    """

    def __init__(self, hits: Cube, seed: int, resamples: int = RESAMPLES) -> None:
        draw = np.random.default_rng(seed)
        self.hits = hits
        self.items = {task: _counts(draw, next(iter(of.values())).shape[1], resamples) for task, of in hits.items()}
        self._known: dict[tuple[str, str], np.ndarray] = {}
        sizes = {lesion: len(array) for of in hits.values() for lesion, array in of.items()}
        self.draws = {lesion: _counts(draw, size, resamples) for lesion, size in sizes.items()}

    def estimate(self, weights: Mapping[tuple[str, str], float]) -> tuple[float, float, float, float]:
        """Return a weighted sum of mean performances, its 95% interval and its standard error.

        Parameters
        ----------
        weights
            The weight of each task under a lesion.
        """
        value = sum(weight * float(self.hits[task][lesion].mean()) for (task, lesion), weight in weights.items())
        drawn = sum(weight * self._means(task, lesion) for (task, lesion), weight in weights.items())
        spread, error = float(np.std(drawn)), self._error(weights)
        scale = error / spread if spread > 0 else 1.0
        low, high = value + scale * (np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - value)
        return value, float(low), float(high), error

    def _means(self, task: str, lesion: str) -> np.ndarray:
        if (task, lesion) in self._known:
            return self._known[task, lesion]
        array = self.hits[task][lesion]
        means: np.ndarray = ((self.draws[lesion] @ array) * self.items[task]).sum(1) / array.size
        self._known[task, lesion] = means
        return means

    def _error(self, weights: Mapping[tuple[str, str], float]) -> float:
        """Return the standard error: variance of items and of draws, less the residual that is in both."""
        of_items: dict[str, np.ndarray] = {}
        of_draws: dict[str, np.ndarray] = {}
        twice = 0.0
        for (task, lesion), weight in weights.items():
            array = weight * self.hits[task][lesion]
            draws, items = array.shape
            of_items[task] = of_items.get(task, np.zeros(items)) + array.mean(0)
            if draws > 1:
                of_draws[lesion] = of_draws.get(lesion, np.zeros(draws)) + array.mean(1)
                residual = array - array.mean(0) - array.mean(1, keepdims=True) + array.mean()
                twice += float((residual**2).sum()) / ((draws - 1) * (items - 1)) / array.size
        parts = [float(one.var(ddof=1)) / len(one) for one in of_items.values()]
        others = [float(one.var(ddof=1)) / len(one) for one in of_draws.values()]
        return math.sqrt(max(sum(parts) + sum(others) - twice, sum(parts), sum(others)))


def _counts(draw: np.random.Generator, size: int, resamples: int) -> np.ndarray:
    drawn = draw.integers(size, size=(resamples, size)) + np.arange(resamples)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(float)


def performance(hits: Cube, resampled: ResampledPerformance) -> pd.DataFrame:
    """Return the share of hits of each task under each lesion.

    Returns
    -------
    DataFrame
        Columns `task`, `lesion`, `estimate`, `low`, `high`, `lowest`, `highest`, `draws`, `n`. The interval of a single
        lesion is Wilson's; of several draws, the percentile bootstrap's over items and draws; `lowest` and `highest`
        are the draws' own.
    """
    rows: list[dict[str, Any]] = []
    for task, lesions in hits.items():
        for lesion, array in lesions.items():
            _, low, high, _ = resampled.estimate({(task, lesion): 1.0})
            if len(array) == 1:
                _, low, high = proportion_interval(float(array.sum()), array.shape[1])
            low, high = max(low, 0.0), min(high, 1.0)
            of_draws = array.mean(1)
            rows.append(
                {"task": task, "lesion": lesion, "estimate": array.mean(), "low": low, "high": high,
                 "lowest": of_draws.min(), "highest": of_draws.max(), "draws": len(array), "n": array.shape[1]}
            )  # fmt: skip
    return pd.DataFrame(rows)


def slopes(hits: Cube, doses: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return how much a task loses or gains with each unit of a dose.

    Parameters
    ----------
    hits
        By task and lesion.
    doses
        For each kind of lesion the dose of each of its lesions, the intact model's 0 among them.

    Returns
    -------
    DataFrame
        Columns `task`, `kind`, `estimate`, `low`, `high`, `t`, `df`, `p`, `n`: mean over items of each item's
        least-squares slope, tested by Student's t over items.
    """
    rows: list[dict[str, Any]] = []
    for task, lesions in hits.items():
        for kind, of in doses.items():
            there = [lesion for lesion in of if lesion in lesions]
            dose = np.array([of[lesion] for lesion in there])
            if len(set(dose)) < 2:
                continue
            means = np.stack([lesions[lesion].mean(0) for lesion in there])  # [doses, items]
            centred = dose - dose.mean()
            of_items = centred @ means / (centred @ centred)
            estimate, low, high = mean_interval(of_items)
            test = stats.ttest_1samp(of_items, 0.0) if of_items.std() > 0 else None
            rows.append(
                {"task": task, "kind": kind, "estimate": estimate, "low": low, "high": high,
                 "t": math.nan if test is None else float(test.statistic), "df": len(of_items) - 1,
                 "p": math.nan if test is None else float(test.pvalue), "n": len(of_items)}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["task", "kind", "estimate", "low", "high", "t", "df", "p", "n"])


def dissociations(resampled: ResampledPerformance, lesions: Mapping[str, str]) -> pd.DataFrame:
    """Test each pair of lesions and of tasks for a crossover.

    A lesion that impairs task A more than another lesion does, while that other one impairs task B more, is a double
    dissociation: no single scale of severity explains it, whatever the tasks' difficulty. An interaction alone is
    none, since one task may be harder or have more room to fall.

    Parameters
    ----------
    resampled
        Hits, with their resamples.
    lesions
        The lesions that are compared, each by the name of its kind; several of a kind are not compared.

    Returns
    -------
    DataFrame
        Columns `task_a`, `task_b`, `lesion_1`, `lesion_2`; `effect_a`, `effect_b` (hits under the first lesion minus
        those under the second) and their difference `interaction`, each with `_low` and `_high` by the percentile
        bootstrap; `z`, `p` (the interaction over its bootstrap standard error, normal) and `p_holm`; `crossover`:
        whether both effects' intervals leave out zero, on opposite sides.

    References
    ----------
    Shallice, T. (1988). *From neuropsychology to mental structure*. Cambridge University Press.
    """
    rows = [
        {"task_a": a, "task_b": b, "lesion_1": one, "lesion_2": two}
        | _crossed(resampled, a, b, lesions[one], lesions[two])
        for a, b in combinations(resampled.hits, 2)
        for one, two in combinations(lesions, 2)
    ]
    table = pd.DataFrame(rows)
    if len(table):
        table["p_holm"] = adjusted(table["p"])
    return table


def _crossed(resampled: ResampledPerformance, a: str, b: str, one: str, two: str) -> dict[str, Any]:
    first, second = {(a, one): 1.0, (a, two): -1.0}, {(b, one): 1.0, (b, two): -1.0}
    both = first | {cell: -weight for cell, weight in second.items()}
    found: dict[str, Any] = {}
    error = math.nan
    for name, weights in (("effect_a", first), ("effect_b", second), ("interaction", both)):
        value, low, high, error = resampled.estimate(weights)
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    z = found["interaction"] / error if error > 0 else math.nan
    found |= {"z": z, "p": float(2 * stats.norm.sf(abs(z)))}
    apart = found["effect_a_high"] < 0 < found["effect_b_low"] or found["effect_b_high"] < 0 < found["effect_a_low"]
    return found | {"crossover": bool(apart)}


def among_controls(targeted: float, controls: np.ndarray) -> dict[str, float]:
    """Say where a targeted lesion stands among random ones of its size.

    Parameters
    ----------
    targeted
        Share of hits under the targeted lesion.
    controls
        Share of hits under each random one.

    Returns
    -------
    dict
        `mean`, `lowest` and `highest` of the random ones, `percentile` (the share of them that are worse, a tie
        counting half, times 100), `draws`, and `p`: how often a draw would be at least as bad, the targeted one counted
        among them (one-sided).

    Examples
    --------
    >>> among_controls(0.5, np.array([0.7, 0.8, 0.9, 0.6]))
    {'mean': 0.75, 'lowest': 0.6, 'highest': 0.9, 'percentile': 0.0, 'draws': 4, 'p': 0.2}
    """
    worse, tied = (controls < targeted).sum(), (controls == targeted).sum()
    return {
        "mean": float(controls.mean()),
        "lowest": float(controls.min()),
        "highest": float(controls.max()),
        "percentile": float(100 * (worse + tied / 2) / len(controls)),
        "draws": len(controls),
        "p": float((1 + worse + tied) / (1 + len(controls))),
    }


def midway(
    table: pd.DataFrame, doses: Mapping[str, Mapping[str, float]], intact: str, chance: Mapping[str, float]
) -> dict[str, str]:
    """Choose a lesion of each kind for comparison: the one whose mean over tasks is nearest to midway to chance.

    Severity is matched by the mean of tasks, which knows nothing of the difference between them.

    Parameters
    ----------
    table
        As `performance` returns it.
    doses
        As in `slopes`.
    intact
        The intact model's name among lesions.
    chance
        Chance of each task.
    """
    means = table.groupby("lesion", sort=False)["estimate"].mean()
    goal = (means[intact] + float(np.mean([chance[task] for task in table["task"].unique()]))) / 2
    return {
        kind: min((lesion for lesion in of if lesion != intact), key=lambda lesion: abs(means[lesion] - goal))
        for kind, of in doses.items()
        if any(lesion != intact for lesion in of)
    }


def choices(trials: pd.DataFrame, factor: str, best: str, value: str, *, lower: bool) -> pd.DataFrame:
    """Return how often the best of an item's alternatives is chosen.

    Parameters
    ----------
    trials
        A row a trial: `item`, the factor, and what else tells sets of alternatives apart in `set`.
    factor, best
        The column that tells alternatives apart, and the best one.
    value
        The column by which is chosen.
    lower
        Whether the lowest value is chosen, not the highest.

    Returns
    -------
    DataFrame
        `item` and `hit`: 1 where the best one beats all others, 0 where it does not, a tie counting half; the mean
        over an item's sets of alternatives.
    """
    check_one(trials, ["item", "set", factor])
    rows = pd.DataFrame(_choices(trials, factor, best, value, -1.0 if lower else 1.0), columns=["item", "hit"])
    return rows.groupby("item", sort=False).agg(hit=("hit", "mean")).reset_index()


def _choices(trials: pd.DataFrame, factor: str, best: str, value: str, sign: float) -> Iterator[tuple[str, float]]:
    for (item, _), rows in trials.groupby(["item", "set"], sort=False):
        good = rows.loc[rows[factor] == best, value].to_numpy() * sign
        others = rows.loc[rows[factor] != best, value].to_numpy() * sign
        if len(good) != 1 or not len(others) or np.isnan(good).any() or np.isnan(others).any():
            continue
        yield str(item), float(good[0] > others.max()) + float(good[0] == others.max()) / 2
