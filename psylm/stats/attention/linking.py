"""Does something that is measured inside a model predict what the model does, item by item?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from psylm.common.errors import InputError
from psylm.stats.mixed_models.maximal import fit_maximal

RESAMPLES = 2000
"""Bootstraps of items."""

FEW = 3
"""Fewer different values of a predictor than this are no predictor."""


def links(
    data: pd.DataFrame,
    response: str,
    predictors: Mapping[str, str],
    *,
    cells: Sequence[str] = (),
    groups: Sequence[str] = (),
    item: str = "item",
) -> Iterator[dict[str, Any]]:
    """Regress a response on one predictor at a time: mixed models with random intercepts and slopes by item.

    Parameters
    ----------
    data
        One row an item and condition.
    response
        Its column.
    predictors
        Columns, each with the name that the table gives it; standardised for the fit.
    cells
        Factors within items. With them, each predictor is also tested beyond the condition: the means of all
        combinations of their levels are covariates, so that only differences within conditions count.
    groups
        Factors between items that are covariates, too.
    item
        Column of the items.

    Yields
    ------
    dict
        `predictor`; `differences` (`all`, or `within conditions`); `estimate`, the change of the response with one SD
        of the predictor, with `se`, `low`, `high`, `statistic` (t), `df` (Satterthwaite), `p`; `n`, `items`; `formula`
        and `note` of the fit, reduced as `fit_maximal` says. Constant predictors are left out.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"item": np.repeat(np.arange(40), 2).astype(str), "a": ["x", "y"] * 40})
    >>> data["look"] = rng.normal(size=80)
    >>> data["margin"] = 2 * data["look"] + (data["a"] == "x") + rng.normal(size=80)
    >>> [(row["differences"], round(row["estimate"])) for row in links(data, "margin", {"looks": "look"}, cells=["a"])]
    [('all', 2), ('within conditions', 2)]
    """
    dummies = _dummies(data, cells, groups)
    for name, column in predictors.items():
        spread = data[column].std()
        if data[column].nunique() < FEW or not spread > 0:
            continue
        table = pd.DataFrame(
            {"y": data[response], "x": (data[column] - data[column].mean()) / spread, "item": data[item].astype(str)}
        )
        yield _row(name, "all", table, "y ~ x")
        if dummies.shape[1]:
            fixed = (
                f"y ~ {' + '.join(dummies.columns)} + x"  # last, so that what conditions determine is not its effect
            )
            joined = pd.concat([table, dummies], axis=1)
            yield _row(name, "within conditions", joined, fixed)


def _dummies(data: pd.DataFrame, cells: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
    """Return a column for each combination of levels of the cells but one, and for each level of groups but one."""
    coded = [pd.DataFrame(index=data.index)]
    if cells:
        coded.append(pd.get_dummies(data[list(cells)].astype(str).agg("/".join, axis=1), drop_first=True))
    coded += [pd.get_dummies(data[group].astype(str), drop_first=True) for group in groups]
    found = pd.concat(coded, axis=1).astype(float)
    found.columns = pd.Index([f"c{number}" for number in range(found.shape[1])])  # names of levels are the user's
    return found


def _row(name: str, differences: str, table: pd.DataFrame, fixed: str) -> dict[str, Any]:
    about: dict[str, Any] = {"predictor": name, "differences": differences}
    try:
        fit = fit_maximal(table, fixed, {"item": ["x"]})
    except InputError as error:
        known = table.dropna()
        nothing = dict.fromkeys(["estimate", "se", "low", "high", "statistic", "df", "p"], np.nan)
        return about | nothing | {"n": len(known), "items": known["item"].nunique(), "formula": "", "note": str(error)}
    slope: dict[Any, Any] = fit.fixed.set_index("term").reindex(["x"]).iloc[0].to_dict()
    return about | slope | {"n": fit.n, "items": fit.groups["item"], "formula": fit.formula, "note": fit.note}


def covariances(values: np.ndarray, response: Sequence[float], cells: Sequence[str]) -> np.ndarray:
    """Return what each trial adds to the correlation of a value with a response within conditions.

    Both are standardised within each condition, so that the mean over all trials is Pearson's r pooled over conditions.
    Given to `psylm.stats.attention.heads.head_tests`, with the items, every head's correlation is tested at once.

    Parameters
    ----------
    values
        Of each trial [trials, ...]; NaN add nothing.
    response
        Of each trial.
    cells
        The condition of each trial.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])[:, None]
    >>> found = covariances(values, [2.0, 4.0, 6.0, 3.0, 2.0, 1.0], list("aaabbb"))
    >>> found[:, 0].reshape(2, 3).mean(1).round(6).tolist()
    [1.0, -1.0]
    """
    found = np.full(values.shape, np.nan)
    answers = np.asarray(response, dtype=float).reshape(-1, *[1] * (values.ndim - 1))
    for rows in pd.Series(range(len(values))).groupby(np.asarray(cells, dtype=str)).groups.values():
        mine = list(rows)
        found[mine] = _z(np.asarray(values[mine], dtype=float)) * _z(answers[mine])
    return found


def _z(values: np.ndarray) -> np.ndarray:
    """Standardise over the first axis (population SD); what does not vary is not a number."""
    there = ~np.isnan(values)
    n = there.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = values - np.where(there, values, 0).sum(0) / n
        spread = np.sqrt((np.where(there, centred, 0) ** 2).sum(0) / n)
        return np.asarray(centred / np.where(spread > 0, spread, np.nan))


def mediated(
    data: pd.DataFrame,
    response: str,
    predictor: str,
    factor: str,
    levels: tuple[str, str],
    cells: Sequence[str],
    *,
    item: str = "item",
    seed: int = 1,
) -> dict[str, float]:
    """Estimate how much of a factor's effect on a response goes with its effect on a predictor.

    The product of the factor's effect on the predictor, and of the slope of the response on the predictor within
    conditions: the indirect effect of mediation, which supposes that nothing else moves both.

    Parameters
    ----------
    data
        One row an item and condition.
    response, predictor
        Columns.
    factor, levels
        A factor within items; its effect is the first level minus the second.
    cells
        The condition of each row.
    item
        Column of the items.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        `total`, the factor's effect on the response; `estimate`, the part that goes with the predictor, with `low` and
        `high` (percentiles of 2,000 bootstraps of items; a part that is 0 has 0 in it); `n` items.

    References
    ----------
    Preacher, K. J., & Hayes, A. F. (2004). SPSS and SAS procedures for estimating indirect effects in simple mediation
    models. Behavior Research Methods, Instruments, & Computers, 36, 717-731.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"item": np.repeat(np.arange(50), 2), "a": ["x", "y"] * 50})
    >>> data["look"] = (data["a"] == "x") + rng.normal(size=100)
    >>> data["margin"] = 2 * data["look"] + (data["a"] == "x") + rng.normal(0, 0.1, size=100)
    >>> found = mediated(data, "margin", "look", "a", ("x", "y"), data["a"])
    >>> round(found["total"] - found["estimate"], 1), found["low"] > 1
    (1.0, True)
    """
    table = pd.DataFrame(
        {"item": data[item].astype(str), "level": data[factor], "y": data[response], "x": data[predictor]}
    )
    within = table[["x", "y"]] - table[["x", "y"]].groupby(np.asarray(cells, dtype=str)).transform("mean")
    sums = (within.multiply(within["x"], axis=0)).groupby(table["item"]).sum()  # x * x and x * y of each item
    means = table.pivot_table(index="item", columns="level", values=["x", "y"], observed=True)
    moved = pd.DataFrame({name: means[name][levels[0]] - means[name][levels[1]] for name in ("x", "y")}).dropna()
    sums = sums.loc[moved.index]

    def through(rows: np.ndarray) -> np.ndarray:
        """Return the indirect effect of items [samples, items]."""
        slope = sums["y"].to_numpy()[rows].sum(-1) / sums["x"].to_numpy()[rows].sum(-1)
        return np.asarray(moved["x"].to_numpy()[rows].mean(-1) * slope)

    n = len(moved)
    resampled = through(np.random.default_rng(seed).integers(0, n, (RESAMPLES, n)))
    low, high = np.percentile(resampled, [2.5, 97.5])
    estimate = float(through(np.arange(n)))
    return {"total": float(moved["y"].mean()), "estimate": estimate, "low": float(low), "high": float(high), "n": n}
