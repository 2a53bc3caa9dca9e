"""Does something that is measured inside a model predict what the model does, item by item?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from psylm.stats.maximal import fit_maximal
from psylm.stats.mixed import MixedModel

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
        yield _row(name, "all", fit_maximal(table, "y ~ x", {"item": ["x"]}))
        if dummies.shape[1]:
            fixed = " + ".join(["y ~ x", *dummies.columns])
            joined = pd.concat([table, dummies], axis=1)
            yield _row(name, "within conditions", fit_maximal(joined, fixed, {"item": ["x"]}))


def _dummies(data: pd.DataFrame, cells: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
    """Return a column for each combination of levels of the cells but one, and for each level of groups but one."""
    coded = [pd.DataFrame(index=data.index)]
    if cells:
        coded.append(pd.get_dummies(data[list(cells)].astype(str).agg("/".join, axis=1), drop_first=True))
    coded += [pd.get_dummies(data[group].astype(str), drop_first=True) for group in groups]
    found = pd.concat(coded, axis=1).astype(float)
    found.columns = pd.Index([f"c{number}" for number in range(found.shape[1])])  # names of levels are the user's
    return found


def _row(name: str, differences: str, fit: MixedModel) -> dict[str, Any]:
    slope: dict[Any, Any] = fit.fixed[fit.fixed["term"] == "x"].drop(columns="term").iloc[0].to_dict()
    about = {"n": fit.n, "items": fit.groups["item"], "formula": fit.formula, "note": fit.note}
    return {"predictor": name, "differences": differences} | slope | about


def covariances(values: np.ndarray, response: Sequence[float], cells: Sequence[str]) -> np.ndarray:
    """Return what each trial adds to the correlation of a value with a response within conditions.

    Both are standardised within each condition, so that the mean over all trials is Pearson's r pooled over conditions.
    Given to `psylm.stats.heads.head_tests`, with the items, every head's correlation is tested at once.

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
    for rows in pd.Series(range(len(values))).groupby(list(cells)).groups.values():
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
