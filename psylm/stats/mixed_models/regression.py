"""What predictors add to covariates: mixed models of reading times and amplitudes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from psylm.common.errors import InputError
from psylm.stats.inference.one_model import check_columns, check_one
from psylm.stats.mixed_models.fit import MixedModel, compare
from psylm.stats.mixed_models.maximal import fit_maximal
from psylm.stats.mixed_models.model_matrix import independent


@dataclass(frozen=True)
class RegressionEffect:
    """What a predictor adds to the covariates.

    Parameters
    ----------
    estimate, low, high
        Change of the response for one unit of the predictor, with its 95% interval.
    standardised, standardised_low, standardised_high
        The same in SD of the response for one SD of the predictor.
    statistic, df, p
        t-test with Satterthwaite degrees of freedom.
    delta_log_likelihood
        Gain in log-likelihood by the predictor, per observation, in nats.
    p_likelihood_ratio
        Likelihood-ratio test of the model with against the one without the predictor.
    n, groups
        Observations and levels of the grouping.
    note
        In words, what is to be known of the fit; empty where all is well.
    """

    estimate: float
    low: float
    high: float
    standardised: float
    standardised_low: float
    standardised_high: float
    statistic: float
    df: float
    p: float
    delta_log_likelihood: float
    p_likelihood_ratio: float
    n: int
    groups: int
    note: str


def predictor_effect(
    data: pd.DataFrame, response: str, predictor: str, covariates: Sequence[str], group: str
) -> RegressionEffect:
    """Fit response ~ covariates + predictor + (1 | group) by maximum likelihood, with and without the predictor.

    Parameters
    ----------
    data
        One row an observation; rows with a missing value are left out.
    response, predictor
        Columns.
    covariates
        Columns that are in both models.
    group
        Column whose levels have a random intercept: the sentence of a word.

    Returns
    -------
    RegressionEffect
        All predictors are standardised for the fit; the estimate is given in their units, too.

    References
    ----------
    Bates, D., et al. (2015). Fitting linear mixed-effects models using lme4. Journal of Statistical Software, 67(1).
    Goodkind, A., & Bicknell, K. (2018). Predictive power of word surprisal for reading times is a linear function
    of language model quality. CMCL.
    """
    columns = [response, predictor, *covariates]
    _check(data, [*columns, group])
    clean = data[[*columns, group]].dropna()
    spread = clean[columns].std()
    # A constant column has no spread beyond rounding.
    varies = spread > 1e-9 * clean[columns].abs().max()
    usable = [name for name in covariates if varies[name]]
    if len(clean) < len(columns) + 3 or not (varies[response] and varies[predictor]):
        return _no_effect(clean, group, "too few data, or no variation")
    # Names of columns are the user's; the formula is ours.
    fixed = [f"c{number}" for number in range(len(usable))]
    scaled = pd.DataFrame({"group": clean[group].astype(str), "y": _z(clean[response]), "x": _z(clean[predictor])})
    scaled[fixed] = np.column_stack([_z(clean[name]) for name in usable]) if usable else np.empty((len(clean), 0))
    base = " + ".join(["1", *fixed])
    if len(fixed) + 1 not in independent(np.column_stack([np.ones(len(scaled)), scaled[[*fixed, "x"]]])):
        return _no_effect(clean, group, "the covariates determine the predictor")
    try:
        test, _, full = compare(scaled, f"y ~ {base} + (1 | group)", f"y ~ {base} + x + (1 | group)")
    except InputError as error:
        return _no_effect(clean, group, str(error))
    row: dict[Any, float] = full.fixed.set_index("term").astype(float).loc["x"].to_dict()
    unit = float(np.divide(spread[response], spread[predictor]))
    return RegressionEffect(
        estimate=row["estimate"] * unit,
        low=row["low"] * unit,
        high=row["high"] * unit,
        standardised=row["estimate"],
        standardised_low=row["low"],
        standardised_high=row["high"],
        statistic=row["statistic"],
        df=row["df"],
        p=row["p"],
        delta_log_likelihood=test.delta_log_likelihood,
        p_likelihood_ratio=test.p,
        n=full.n,
        groups=full.groups["group"],
        note="; ".join(filter(None, [full.trouble, left_out(covariates, usable, full, fixed)])),
    )


def _check(data: pd.DataFrame, names: Sequence[str]) -> None:
    check_columns(data, names)
    check_one(data, names)


def _no_effect(clean: pd.DataFrame, group: str, note: str) -> RegressionEffect:
    values = dict.fromkeys((field.name for field in fields(RegressionEffect)), math.nan)
    return RegressionEffect(**values | {"n": len(clean), "groups": int(clean[group].nunique()), "note": note})  # type: ignore[arg-type]


def left_out(covariates: Sequence[str], usable: Sequence[str], fit: MixedModel, columns: Sequence[str]) -> str:
    """Say which covariates are not in a fit: those that do not vary, and those that others determine."""
    there = set(fit.fixed["term"])
    lost = [name for name, column in zip(usable, columns, strict=True) if column not in there]
    names = [name for name in covariates if name not in usable or name in lost]
    return f"covariates left out, since they do not vary or others determine them: {', '.join(names)}" if names else ""


LAGGED = [
    "words_back", "estimate", "low", "high", "standardised", "standardised_low", "standardised_high", "statistic", "df",
    "p", "chi_squared", "chi_df", "p_likelihood_ratio", "n", "random", "note",
]  # fmt: skip
"""Columns of `lagged_effects`."""


def lagged_effects(
    data: pd.DataFrame, response: str, predictors: Sequence[str], covariates: Sequence[str], groups: Sequence[str]
) -> pd.DataFrame:
    """Estimate the effects of a predictor at the word and at the words before it, in one mixed model.

    The model, response ~ covariates + predictors + (1 | group) for each group, is fitted by maximum likelihood. Where
    one of the groups is `subject`, the effect at the word itself may differ between subjects,
    (1 + predictor | subject), reduced as `fit_maximal` says where the data do not carry it.

    Parameters
    ----------
    data
        One row an observation; rows with a missing value are left out.
    response
        Column.
    predictors
        Columns: the predictor at the word, at the word before, and so on.
    covariates
        Columns of what else has an effect.
    groups
        Columns whose levels have random intercepts: sentence, text, subject.

    Returns
    -------
    DataFrame
        One row a predictor: `words_back` (0 is the word itself); `estimate`, `low`, `high`: change of the response for
        one unit of the predictor; `standardised` and its interval: in SDs of both; `statistic`, `df`, `p`: *t* with
        Satterthwaite's degrees of freedom. The same in every row: `chi_squared`, `chi_df`, `p_likelihood_ratio` of the
        test of all predictors together; `n`; `random` effects; `note`, what is to be known of the fit.
    """
    columns = list(dict.fromkeys([response, *predictors, *covariates]))
    _check(data, [*columns, *groups])
    clean = data[[*columns, *groups]].dropna()
    spread = clean[columns].std()
    if len(clean) < 2 * (len(columns) + 2) or not (spread[[response, *predictors]] > 0).all():
        nothing = pd.DataFrame({"words_back": range(len(predictors))}).reindex(columns=LAGGED)
        return nothing.assign(n=len(clean), random="", note="too few data, or no variation")
    usable = [name for name in covariates if spread[name] > 1e-9 * clean[name].abs().max()]
    # Names of columns are the user's; the formula is ours.
    named = {f"x{number}": clean[name] - clean[name].mean() for number, name in enumerate(predictors)}
    named |= {f"c{number}": pd.Series(_z(clean[name]), clean.index) for number, name in enumerate(usable)}
    scaled = pd.DataFrame({"y": clean[response]} | named).assign(**{one: clean[one].astype(str) for one in groups})
    base = " + ".join(["y ~ 1", *(f"c{number}" for number in range(len(usable)))])
    effects = " + ".join(f"x{number}" for number in range(len(predictors)))
    random = {one: ["x0"] if one == "subject" else [] for one in groups}
    try:
        terms = _random_terms(scaled, f"{base} + {effects}", random)
        test, _, full = compare(scaled, f"{base} + {terms}", f"{base} + {effects} + {terms}")
    except InputError as error:
        nothing = pd.DataFrame({"words_back": range(len(predictors))}).reindex(columns=LAGGED)
        return nothing.assign(n=len(clean), random="", note=str(error))
    units = spread[list(predictors)].to_numpy() / spread[response]
    # a predictor that the columns before determine has no row: its estimates are NaN
    rows = (
        full.fixed.set_index("term").reindex([f"x{number}" for number in range(len(predictors))]).reset_index(drop=True)
    )
    columns = [f"c{number}" for number in range(len(usable))]
    note = "; ".join(filter(None, [full.trouble, left_out(covariates, usable, full, columns)]))
    return rows.assign(
        words_back=range(len(predictors)), standardised=rows["estimate"] * units, standardised_low=rows["low"] * units,
        standardised_high=rows["high"] * units, chi_squared=test.chi_squared, chi_df=test.df,
        p_likelihood_ratio=test.p, n=full.n, random=_counted(full), note=note,
    )[LAGGED]  # fmt: skip


def _random_terms(data: pd.DataFrame, fixed: str, random: dict[str, list[str]]) -> str:
    """Return the random terms of the model: the maximal ones that the data carry."""
    if not any(random.values()):
        return " + ".join(f"(1 | {one})" for one in random)
    formula = fit_maximal(data, fixed, random, reml=False).formula
    return formula.removeprefix(f"{fixed} + ")


def _counted(fit: MixedModel) -> str:
    return ", ".join(f"{count} {group}s" for group, count in fit.groups.items())


def _z(column: pd.Series) -> np.ndarray:
    values = column.to_numpy(dtype=float)
    return np.asarray((values - values.mean()) / values.std(ddof=1))
