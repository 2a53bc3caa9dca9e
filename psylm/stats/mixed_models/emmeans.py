"""Estimated marginal means of a mixed model, and contrasts between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.multiple import adjusted
from psylm.stats.mixed_models.combinations import tested
from psylm.stats.mixed_models.fit import MixedModel
from psylm.stats.mixed_models.formula import Terms
from psylm.stats.mixed_models.model_frame import ModelFrame
from psylm.stats.mixed_models.model_matrix import model_matrix
from psylm.stats.mixed_models.variables import columns_in

Values = Mapping[str, float]
Weights = Mapping[str, "Mapping[str, float] | tuple[str, str]"]


@dataclass(frozen=True)
class Grid:
    """The points at which a model's means are taken: every combination of levels, covariates at their mean.

    Parameters
    ----------
    points
        A row a point, a column a variable.
    design
        The fixed effects' columns at each point, those included that were left out of the fit.
    """

    points: pd.DataFrame
    design: np.ndarray


def reference_grid(frame: ModelFrame, terms: Terms, at: Values | None = None) -> Grid:
    """Return the points at which means are taken, with their design matrix.

    Factors have all their levels, and so have columns of two numbers (a condition coded −0.5 and 0.5); other numbers
    are at their mean in the rows that were fitted, or where `at` says.

    Parameters
    ----------
    frame
        The data of a model.
    terms
        Those of its terms whose design is wanted.
    at
        Values of columns of numbers.
    """
    at = dict(at or {})
    needed = columns_in(terms.factors)
    unknown = [name for name in at if name not in needed]
    if unknown:
        raise InputError(Problem("at", ", ".join(unknown), "one of " + ", ".join(needed)))
    values: dict[str, Sequence[Any]] = {name: frame.settings[name] for name in needed}
    for name, value in at.items():
        if isinstance(values[name][0], str):
            raise InputError(
                Problem(f"at, {name}", "a factor", "a column of numbers; all levels of a factor are taken")
            )
        values[name] = [float(value)]
    points = pd.DataFrame(list(product(*values.values())), columns=list(values))
    if not needed:
        points = pd.DataFrame(index=range(1))
    found = frame.variables.at(points, terms.factors)
    return Grid(points, model_matrix(terms, found, len(points)).values)


def marginal_means(fit: MixedModel, factors: Sequence[str], *, at: Values | None = None) -> pd.DataFrame:
    """Return the mean that a model expects at each level of factors, over the levels of all others alike.

    Parameters
    ----------
    fit
        A mixed model.
    factors
        Columns of the formula: text, categories, or two numbers.
    at
        Values of columns of numbers, which are at their mean otherwise: `{"frequency": 3.0}`.

    Returns
    -------
    DataFrame
        A row a combination of levels: the factors, then `estimate`, `se`, `low`, `high`, `df`. Of a logistic model
        log-odds, with the probability that they are in `probability`, `probability_low` and `probability_high`. A
        combination that the data do not determine is NaN.

    Raises
    ------
    InputError
        A name is not a factor of the model.

    References
    ----------
    Searle, S. R., Speed, F. M., & Milliken, G. A. (1980). Population marginal means in the linear model: An alternative
    to least squares means. The American Statistician, 34, 216-221. The R package emmeans gives the same.

    Examples
    --------
    >>> from psylm.stats.mixed_models.fit import fit_mixed
    >>> random = np.random.default_rng(1)
    >>> data = pd.DataFrame({"cond": ["a", "b"] * 100, "s": np.repeat(np.arange(20), 10).astype(str)})
    >>> data["y"] = 3.0 * (data["cond"] == "b") + np.repeat(random.normal(0, 2, 20), 10) + random.normal(0, 1, 200)
    >>> fit = fit_mixed(data, "y ~ cond + (1 | s)")
    >>> marginal_means(fit, ["cond"])[["cond", "estimate", "se"]].round(1).to_dict("list")
    {'cond': ['a', 'b'], 'estimate': [..., ...], 'se': [..., ...]}
    """
    cells, weights = _cells(fit, list(factors), at)
    table = _tested(fit, weights).drop(columns=["statistic", "p"])
    if fit.family == "binomial":
        shown = {"probability": "estimate", "probability_low": "low", "probability_high": "high"}
        table = table.assign(**{name: special.expit(table[column]) for name, column in shown.items()})
    return pd.concat([cells, table], axis=1)


def mean_contrasts(
    fit: MixedModel, factor: str, *, by: Sequence[str] = (), at: Values | None = None, adjust: str = "holm"
) -> pd.DataFrame:
    """Compare the marginal means of every two levels of a factor, at each level of others.

    Parameters
    ----------
    fit, at
        As in `marginal_means`.
    factor
        Whose levels are compared: an earlier one minus a later one.
    by
        Factors at each of whose levels they are compared, for simple effects.
    adjust
        Correction of `p_adjusted` for the comparisons at one level of `by`: as in
        `psylm.stats.inference.multiple.adjusted`.

    Returns
    -------
    DataFrame
        A row a comparison: the levels of `by`, `contrast` (`a - b`), `estimate`, `se`, `low`, `high`, `statistic`,
        `df`, `p` and `p_adjusted`. Intervals are not adjusted.
    """
    cells, weights = _cells(fit, [*by, factor], at)
    rows, combined = [], []
    groups = cells.groupby(list(by), sort=False, observed=True).indices if by else {(): np.arange(len(cells))}
    for key, places in groups.items():
        levels = key if isinstance(key, tuple) else (key,)
        for first, second in combinations(places, 2):
            name = f"{cells[factor][first]} - {cells[factor][second]}"
            rows.append({**dict(zip(by, levels, strict=True)), "contrast": name})
            combined.append(weights[first] - weights[second])
    table = pd.concat([pd.DataFrame(rows), _tested(fit, np.array(combined))], axis=1)
    families = table.groupby(list(by), sort=False, observed=True)["p"] if by else table.groupby(lambda _: 0)["p"]
    return table.assign(p_adjusted=families.transform(lambda p: adjusted(p, adjust)))


def mean_contrast(fit: MixedModel, weights: Weights, *, at: Values | None = None) -> pd.Series:
    """Return one contrast of marginal means: a main effect, or an interaction as a difference of differences.

    Parameters
    ----------
    fit, at
        As in `marginal_means`.
    weights
        For each factor, the weight of its levels; a pair of levels stands for the first minus the second. The weight of
        a cell is the product of its levels' weights; what is not named is averaged.

    Returns
    -------
    Series
        `estimate`, `se`, `low`, `high`, `statistic`, `df`, `p`.
    """
    factors = list(weights)
    cells, means = _cells(fit, factors, at)
    product_ = np.ones(len(cells))
    for factor, given in weights.items():
        signed = dict(given) if isinstance(given, Mapping) else {given[0]: 1.0, given[1]: -1.0}
        levels = {str(level): value for level, value in signed.items()}
        unknown = sorted(set(levels) - set(map(str, cells[factor])))
        if unknown:
            expected = ", ".join(dict.fromkeys(map(str, cells[factor])))
            raise InputError(Problem(f"factor {factor!r}", f"no level {unknown[0]!r}", expected))
        product_ *= [levels.get(str(level), 0.0) for level in cells[factor]]
    return _tested(fit, product_[None, :] @ means).iloc[0]


def _cells(fit: MixedModel, factors: list[str], at: Values | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the combinations of levels, and each one's mean as weights of the coefficients."""
    frame = _frame(fit)
    grid = reference_grid(frame, frame.formula.fixed, at)
    several = [name for name in grid.points if len(frame.settings[str(name)]) > 1 and name not in (at or {})]
    unknown = [name for name in factors if name not in several]
    if unknown or not factors or len(set(factors)) < len(factors):
        expected = "one of " + ", ".join(map(str, several)) if several else "a factor in the formula"
        raise InputError(Problem("factors", ", ".join(unknown or factors) or "none", expected))
    cells = grid.points[factors].drop_duplicates().sort_values(factors, key=lambda x: _order(frame, str(x.name), x))
    keys = grid.points[factors].apply(tuple, axis=1)
    means = np.array([grid.design[(keys == tuple(cell)).to_numpy()].mean(axis=0) for cell in cells.to_numpy()])
    return cells.reset_index(drop=True), means


def _order(frame: ModelFrame, name: str, values: pd.Series) -> pd.Series:
    return values.map({value: place for place, value in enumerate(frame.settings[name])})


def _tested(fit: MixedModel, weights: np.ndarray) -> pd.DataFrame:
    """Test combinations of coefficients; what the data do not determine is NaN."""
    frame = _frame(fit)
    assert fit.covariance is not None
    estimates = fit.fixed["estimate"].to_numpy(dtype=float)
    used = weights[:, frame.kept]
    unknown = ~_estimable(frame, weights)
    for untested in ("estimate", "se"):  # separated data, or a fit without error
        unknown |= (np.abs(used[:, fit.fixed[untested].isna().to_numpy()]) > 0).any(axis=1)
    table = tested(used, np.nan_to_num(estimates), fit.covariance, fit.uncertainty)
    table.loc[unknown] = math.nan
    return table


def _estimable(frame: ModelFrame, weights: np.ndarray) -> np.ndarray:
    """Return which combinations of all columns are the same however the columns that were left out are told apart."""
    dropped = [number for number in range(len(frame.fixed.names)) if number not in frame.kept]
    if not dropped:
        return np.ones(len(weights), dtype=bool)
    x = frame.fixed.values
    among, *_ = np.linalg.lstsq(x[:, frame.kept], x[:, dropped], rcond=None)
    left = weights[:, dropped] - weights[:, frame.kept] @ among
    return np.asarray((np.abs(left) < 1e-8 * (1 + np.abs(weights).max())).all(axis=1))


def _frame(fit: MixedModel) -> ModelFrame:
    if fit.frame is None:
        raise InputError(Problem("fit", "a model without its data", "what fit_mixed returned"))
    return fit.frame
