"""One contrast of a factorial design, with subjects or with items as the unit; both together as min F'."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.anova import anova
from psylm.stats.inference.intervals import LEVEL, Estimate, noncentral_interval, paired_contrast
from psylm.stats.inference.one_model import check_finite, check_one

Weights = Mapping[str, "Mapping[str, float] | tuple[str, str]"]


def contrast(data: pd.DataFrame, value: str, unit: str, weights: Weights) -> Estimate:
    """Estimate a main effect, a simple effect or an interaction, by subjects or by items.

    The weight of a cell is the product of its levels' weights; what is not named is averaged. So one factor gives a
    main effect, and two give the difference of differences, as in agreement attraction:
    `{"grammatical": ("no", "yes"), "attractor": ("plural", "singular")}`.

    Parameters
    ----------
    data
        A row an observation; several of a unit in a cell are averaged.
    value
        Column of the response.
    unit
        Column of subjects or items.
    weights
        For each factor, the weight of its levels; a pair of levels stands for the first minus the second. Whether
        a factor varies within units or between them is seen from the data.

    Returns
    -------
    Estimate
        In the unit of the response. Within units: the t-test of each unit's contrast, with d_z. With a factor
        between units: Welch's test generalised to several groups, with d in pooled standard deviations. `n` is the
        number of units that have every cell.

    Raises
    ------
    InputError
        A factor or level is not there, a factor varies within some units only, or the rows are those of several models
        (measures, stimulus sets), which would be averaged.

    References
    ----------
    Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are
    involved. Biometrika, 34, 28-35.

    Examples
    --------
    >>> rows = [(s, c, v) for s, pair in enumerate([(1, 3), (2, 3), (4, 7), (3, 6)]) for c, v in zip("ab", pair)]
    >>> data = pd.DataFrame(rows, columns=["subject", "condition", "rt"])
    >>> found = contrast(data, "rt", "subject", {"condition": ("b", "a")})
    >>> found.estimate, round(found.statistic, 2), found.df, round(found.p, 3)
    (2.25, 4.7, 3.0, 0.018)
    """
    signed = {name: _weights(levels) for name, levels in weights.items()}
    _check(data, value, unit, signed)
    check_one(data, [unit, *signed])
    check_finite(f"column {value!r}", data[value])
    used = np.logical_and.reduce([data[name].isin(list(levels)) for name, levels in signed.items()])
    cells = data[used].groupby([unit, *signed], observed=True)[value].mean()
    varies = cells.index.to_frame(index=False).groupby(unit, observed=True)[list(signed)].nunique()
    between = [name for name in signed if (varies[name] == 1).all() and len(signed[name]) > 1]
    within = [name for name in signed if name not in between]
    scores = _scores(cells, unit, within, {name: signed[name] for name in within})
    if not between:
        return paired_contrast(scores)
    groups = cells.index.to_frame(index=False).drop_duplicates(unit).set_index(unit)[between].loc[scores.index]
    combinations = list(product(*(signed[name] for name in between)))
    samples = [scores[(groups == list(levels)).all(axis=1)].to_numpy() for levels in combinations]
    return _between(samples, [math.prod(signed[f][x] for f, x in zip(between, c, strict=True)) for c in combinations])


def _weights(levels: Mapping[str, float] | tuple[str, str]) -> dict[str, float]:
    return dict(levels) if isinstance(levels, Mapping) else {levels[0]: 1.0, levels[1]: -1.0}


def _check(data: pd.DataFrame, value: str, unit: str, weights: dict[str, dict[str, float]]) -> None:
    columns = ", ".join(map(str, data.columns))
    problems = [
        Problem(f"column {name!r}", "no such column", columns) for name in (value, unit, *weights) if name not in data
    ]
    problems += [
        Problem(f"factor {name!r}", f"no level {level!r}", ", ".join(sorted(map(str, data[name].unique()))))
        for name, levels in weights.items()
        if name in data
        for level in levels
        if not (data[name] == level).any()
    ]
    if not weights:
        problems.append(Problem("weights", "no factor", "at least one"))
    if problems:
        raise InputError(*problems)


def _scores(cells: pd.Series, unit: str, within: list[str], weights: dict[str, dict[str, float]]) -> pd.Series:
    """Weigh and sum each unit's cells; units that lack one are left out."""
    if not within:
        return cells.groupby(unit, observed=True).mean()
    wide = cells.groupby([unit, *within], observed=True).mean().unstack(within)
    if len(within) == 1:
        wide.columns = pd.MultiIndex.from_arrays([wide.columns])
    combinations = list(product(*(weights[name] for name in within)))
    weight = [math.prod(weights[name][x] for name, x in zip(within, c, strict=True)) for c in combinations]
    complete = wide.reindex(columns=pd.MultiIndex.from_tuples(combinations)).dropna()
    return pd.Series(complete.to_numpy() @ np.array(weight), complete.index)


def _between(samples: list[np.ndarray], weights: list[float]) -> Estimate:
    n, groups = sum(map(len, samples)), len(samples)
    if min(map(len, samples)) < 2 or all(np.ptp(sample) == 0 for sample in samples):
        nothing = math.nan
        return Estimate(nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, n)
    w = np.array(weights)
    sizes = np.array([len(sample) for sample in samples])
    variances = np.array([sample.var(ddof=1) for sample in samples])
    estimate = float(w @ [sample.mean() for sample in samples])
    parts = w**2 * variances / sizes
    error = math.sqrt(parts.sum())
    df = float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum())
    half = float(stats.t.ppf((1 + LEVEL) / 2, df)) * error
    pooled = math.sqrt(float(((sizes - 1) * variances).sum()) / (n - groups))
    scale = math.sqrt(float((w**2 / sizes).sum()))
    d, t = estimate / pooled, estimate / error
    return Estimate(
        estimate, estimate - half, estimate + half, t, df, float(2 * stats.t.sf(abs(t), df)),
        d, *noncentral_interval(d / scale, n - groups, scale), n,
    )  # fmt: skip


def min_f(
    data: pd.DataFrame,
    value: str,
    factors: Sequence[str],
    *,
    subject: str = "subject",
    item: str = "item",
    between_subjects: Sequence[str] = (),
    between_items: Sequence[str] = (),
) -> pd.DataFrame:
    """Test effects by subjects (F1), by items (F2), and over both at once (min F').

    F1 alone treats the items as the only ones there are, and F2 the subjects; min F' is the smallest value that the
    F over both could have. A mixed model with crossed random effects is the better test; this one is for comparison
    with older literature, and for tables without single trials.

    Parameters
    ----------
    data
        A row a subject and item (and condition).
    value
        Column of the response.
    factors
        Columns of the crossed factors.
    subject, item
        Their columns.
    between_subjects, between_items
        Those of the factors that vary between subjects, and between items.

    Returns
    -------
    DataFrame
        A row an effect: `estimate` is the difference (of differences) of its levels' means, where each of its
        factors has two, first minus second in sorted order, with the interval of min F'; `statistic` is min F',
        with `df`, `df_error` and `p`; `f1`, `df_error1`, `p1`, `f2`, `df_error2`, `p2` (corrected by Greenhouse and
        Geisser's ε where a factor has more than two levels); `n` is the number of subjects and `n_items` of items.

    References
    ----------
    Clark, H. H. (1973). The language-as-fixed-effect fallacy. Journal of Verbal Learning and Verbal Behavior, 12,
    335-359.
    """
    tests = []
    for unit, between in ((subject, list(between_subjects)), (item, list(between_items))):
        within = [name for name in factors if name not in between]
        table = anova(data, value, unit, within=within, between=between)
        tests.append({frozenset(row["effect"].split(":")): row for row in table.to_dict("records")})
    rows = []
    for key, one in tests[0].items():
        two = tests[1][key]
        names = [name for name in factors if name in key]
        f1, f2 = one["statistic"], two["statistic"]
        f = f1 * f2 / (f1 + f2)
        df_error = (f1 + f2) ** 2 / (f1**2 / two["df_error"] + f2**2 / one["df_error"])
        estimate, half = math.nan, math.nan
        if one["df"] == 1:
            pairs = {name: tuple(sorted(data[name].dropna().unique())) for name in names}
            estimate = contrast(data, value, subject, pairs).estimate
            half = float(stats.t.ppf((1 + LEVEL) / 2, df_error)) * abs(estimate) / math.sqrt(f) if f > 0 else math.nan
        rows.append(
            {
                "effect": ":".join(names), "estimate": estimate, "low": estimate - half, "high": estimate + half,
                "statistic": f, "df": one["df"], "df_error": df_error, "p": float(stats.f.sf(f, one["df"], df_error)),
                "f1": f1, "df_error1": one["df_error"], "p1": one["p"], "f2": f2, "df_error2": two["df_error"],
                "p2": two["p"], "n": one["n"], "n_items": two["n"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
