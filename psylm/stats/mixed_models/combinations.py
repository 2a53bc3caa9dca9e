"""Linear combinations of a model's coefficients: estimates, intervals and tests, with Satterthwaite's df."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Uncertainty:
    """How the coefficients' covariance changes with the variance parameters, and how well known these are.

    Parameters
    ----------
    gradients
        For each variance parameter, the derivative of the coefficients' covariance.
    parameters
        Covariance of the variance parameters.
    residual_df
        Observations less coefficients.
    """

    gradients: list[np.ndarray]
    parameters: np.ndarray
    residual_df: int

    def df(self, weights: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Return the degrees of freedom of combinations, shape (combinations,), whose variances are given.

        References
        ----------
        Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics
        Bulletin, 2, 110-114.
        """
        change = np.array([np.einsum("ij,jk,ik->i", weights, one, weights) for one in self.gradients])
        relative = (change / np.where(variance > 0, variance, np.inf)).T.reshape(len(weights), len(self.gradients))
        spread = np.einsum("ij,jk,ik->i", relative, self.parameters, relative)
        return np.asarray(np.clip(2 / (np.maximum(spread, 0) + 2 / self.residual_df), 1, self.residual_df))


def tested(
    weights: np.ndarray, coefficients: np.ndarray, covariance: np.ndarray, uncertainty: Uncertainty | None
) -> pd.DataFrame:
    """Return combinations of coefficients with 95% intervals and two-sided tests against zero.

    Parameters
    ----------
    weights
        A row a combination, shape (combinations, coefficients).
    coefficients, covariance
        Of the model.
    uncertainty
        For Student's t with Satterthwaite's degrees of freedom; without it, the normal distribution.

    Returns
    -------
    DataFrame
        `estimate`, `se`, `low`, `high`, `statistic`, `df`, `p`.

    Examples
    --------
    >>> table = tested(np.array([[1.0, -1.0]]), np.array([3.0, 1.0]), np.diag([0.5, 0.5]), None)
    >>> table.round(3).to_dict("records")
    [{'estimate': 2.0, 'se': 1.0, 'low': 0.04, 'high': 3.96, 'statistic': 2.0, 'df': inf, 'p': 0.046}]
    """
    estimate = weights @ coefficients
    variance = np.einsum("ij,jk,ik->i", weights, covariance, weights)
    df = np.full(len(weights), np.inf) if uncertainty is None else uncertainty.df(weights, variance)
    se = np.sqrt(variance)
    statistic = np.divide(estimate, se, out=np.full(len(se), np.nan), where=se > 0)
    reach = stats.t.ppf(0.975, df) * se
    return pd.DataFrame(
        {
            "estimate": estimate, "se": se, "low": estimate - reach, "high": estimate + reach,
            "statistic": statistic, "df": df, "p": 2 * stats.t.sf(np.abs(statistic), df),
        }
    )  # fmt: skip
