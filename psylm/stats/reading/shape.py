"""The shape of a predictor's effect: a smooth curve with its interval, and the straight line beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import LEVEL
from psylm.stats.inference.one_model import check_columns, check_finite, check_one
from psylm.stats.reading.predictive import KNOTS, Link, shaped

POINTS = 60
"""Points of a curve."""

REACH = (0.5, 99.5)
"""Percentiles of the predictor between which a curve is drawn: beyond them there are too few words."""


def smooth_effect(
    data: pd.DataFrame, response: str, baseline: Sequence[str], predictors: Sequence[str], *, group: str
) -> pd.DataFrame:
    """Return how a response changes over the first predictor, the others and the baseline held fixed.

    Parameters
    ----------
    data
        One row an observation; rows with a missing value are left out.
    response, baseline
        Columns.
    predictors
        Columns of the predictor at the word, and at the words before it. All are smooth: natural cubic splines, as in
        `psylm.stats.reading.predictive`.
    group
        Column of what observations are dependent within: standard errors are robust to it.

    Returns
    -------
    DataFrame
        One row a point: `value` of the predictor; `effect` on the response, in its unit, from its mean over all
        observations; `low`, `high` of the pointwise 95% interval; `linear`, the effect where the predictors are linear;
        and `share`, of the observations whose value is nearest to this point.

    References
    ----------
    Smith, N. J., & Levy, R. (2013). The effect of word predictability on reading time is logarithmic. Cognition, 128,
    302-319. Liang, K.-Y., & Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models.
    Biometrika, 73, 13-22, for the standard errors.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> words = pd.DataFrame({"item": np.arange(2000) // 10, "surprisal": random.gamma(3, 2, 2000)})
    >>> words["time"] = 300 + 5 * words["surprisal"] + random.normal(0, 10, 2000)
    >>> curve = smooth_effect(words, "time", [], ["surprisal"], group="item")
    >>> slope = (curve["effect"].iloc[-1] - curve["effect"].iloc[0]) / np.ptp(curve["value"])
    >>> round(float(slope))
    5
    """
    columns = list(dict.fromkeys([response, *baseline, *predictors, group]))
    check_columns(data, columns)
    check_one(data, columns)
    clean = data[columns].dropna()
    count = clean[group].nunique()
    if count < 2 or clean[predictors[0]].nunique() < KNOTS:
        found = f"{count} groups, {clean[predictors[0]].nunique()} different values of {predictors[0]!r}"
        raise InputError(Problem(f"column {response!r}", found, f"2 groups and {KNOTS} values, or more"))
    for name in (response, *baseline, *predictors):
        check_finite(f"column {name!r}", clean[name])
    lags = [clean[name].to_numpy(dtype=float) for name in predictors]
    own = lags[0]
    at = np.linspace(np.percentile(own, REACH[0]), np.percentile(own, REACH[1]), POINTS)
    inside = own[(own >= at[0]) & (own <= at[-1])]
    nearest = np.abs(inside[:, None] - at).argmin(1)
    known = np.column_stack([np.ones(len(clean)), clean[list(baseline)].to_numpy(dtype=float)])
    times, clusters = clean[response].to_numpy(dtype=float), pd.factorize(clean[group])[0]
    return pd.DataFrame({"value": at}).assign(
        **_curve(times, known, lags, "smooth", at, clusters),
        linear=_curve(times, known, lags, "linear", at, clusters)["effect"],
        share=np.bincount(nearest, minlength=POINTS) / len(clean),
    )


def _curve(
    response: np.ndarray, known: np.ndarray, lags: list[np.ndarray], link: Link, at: np.ndarray, clusters: np.ndarray
) -> dict[str, np.ndarray]:
    """Fit a regression; return the first predictor's part of it at some values, with its interval."""
    own, points = shaped(lags[0], link, at)
    rest = [shaped(values, link, values)[0] for values in lags[1:]]
    fit = sm.OLS(response, np.hstack([own, *rest, known])).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    width = own.shape[1]
    away = points - own.mean(0)
    effect = away @ fit.params[:width]
    error = np.sqrt(np.einsum("ij,jk,ik->i", away, fit.cov_params()[:width, :width], away))
    half = stats.t.ppf((1 + LEVEL) / 2, clusters.max()) * error
    return {"effect": effect, "low": effect - half, "high": effect + half}
