"""Linear and logistic mixed models with crossed random effects, by lme4's formulas, without R."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tools.numdiff import approx_hess

from psylm.common.errors import InputError, Problem

Family = Literal["gaussian", "binomial"]

BARS = re.compile(r"\([^|()]+\|\|?[^|()]+\)")
"""A random term: `(1 + condition | subject)`, with two bars for uncorrelated ones."""

NEARLY_ONE = 0.999
"""A correlation of random effects beyond this is at the edge of what is possible."""


@dataclass(frozen=True)
class MixedModel:
    """A fitted mixed model.

    Parameters
    ----------
    formula, family, reml
        What was fitted.
    fixed
        A row a fixed effect: `term`, `estimate`, `se`, `low`, `high`, `statistic`, `df`, `p`. For a linear model
        *t* with Satterthwaite's degrees of freedom; for a logistic one *z*, estimates being log-odds.
    variances
        A row a variance or covariance of random effects: `group`, `term`, `with` (empty for a variance), `value`,
        and `correlation` for covariances; the residual's group is `residual`.
    log_likelihood, parameters
        At the optimum (of the restricted likelihood, where that was maximised), and how many were estimated.
    n, groups
        Observations, and levels of each grouping.
    converged, singular
        Whether the optimiser was content, and whether a random effect has no variance, or two are perfectly
        correlated.
    steps
        How the model came to be, where a maximal one was reduced.
    """

    formula: str
    family: Family
    reml: bool
    fixed: pd.DataFrame
    variances: pd.DataFrame
    log_likelihood: float
    parameters: int
    n: int
    groups: dict[str, int]
    converged: bool
    singular: bool
    steps: list[str] = field(default_factory=list)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def note(self) -> str:
        """What is to be known of the fit, in plain words; empty where all is well."""
        said = []
        if not self.converged:
            said.append("the optimiser did not converge: estimates are not to be trusted")
        if self.singular:
            said.append("singular: a random effect has no variance, or two are perfectly correlated")
        return "; ".join(said)


def fit_mixed(data: pd.DataFrame, formula: str, *, family: Family = "gaussian", reml: bool = True) -> MixedModel:
    """Fit a mixed model.

    Parameters
    ----------
    data
        One row an observation; rows with a missing value in a column of the formula are left out.
    formula
        As lme4 takes it: `time ~ condition + (1 + condition | subject) + (1 | item)`; two bars, `||`, for random
        effects without correlations.
    family
        `gaussian`, or `binomial` for a response of 0 and 1 (Laplace approximation).
    reml
        Maximise the restricted likelihood (a linear model's variances are then unbiased), not the likelihood itself.

    Raises
    ------
    InputError
        The formula has no random term, or names a column that there is not.

    References
    ----------
    Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear mixed-effects models using lme4. Journal of
    Statistical Software, 67(1). Kuznetsova, A., Brockhoff, P. B., & Christensen, R. H. B. (2017). lmerTest package.
    Journal of Statistical Software, 82(13), for Satterthwaite's degrees of freedom.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> data = pd.DataFrame({"x": np.tile([-0.5, 0.5], 100), "s": np.repeat(np.arange(20), 10).astype(str)})
    >>> data["y"] = 3 * data["x"] + np.repeat(random.normal(0, 2, 20), 10) + random.normal(0, 1, 200)
    >>> fit = fit_mixed(data, "y ~ x + (1 | s)")
    >>> [round(float(value), 1) for value in fit.fixed["estimate"]], fit.n, fit.groups
    ([..., 3...], 200, {'s': 20})
    """
    import mixedlm

    clean = checked(data, formula)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of the fit is told in the note
        if family == "binomial":
            control: Any = mixedlm.glmerControl(ftol=1e-12, gtol=1e-8, xtol=1e-10, tolPwrss=1e-10)
            result: Any = mixedlm.glmer(formula, clean, family=mixedlm.families.Binomial(), control=control)
        else:
            control = mixedlm.lmerControl(ftol=1e-14, gtol=1e-8, xtol=1e-10)
            result = mixedlm.lmer(formula, clean, REML=reml, control=control)
        fit = _summary(result, formula, family, reml and family == "gaussian", len(clean))
        return fit if family == "gaussian" or fit.singular else _with_errors(fit, result, clean, control)


def _with_errors(fit: MixedModel, result: Any, clean: pd.DataFrame, control: Any) -> MixedModel:
    """Return a logistic model with standard errors that know that variances are estimates too, as lme4's do.

    They come from the curvature of the deviance in all parameters; those for given variances are too small.
    """
    import mixedlm

    parsed = mixedlm.glFormula(fit.formula, clean, family=mixedlm.families.Binomial())
    deviance = mixedlm.mkGlmerDevfun(parsed, control=control)
    at = np.concatenate([result.theta, result.beta])
    curvature = approx_hess(at, deviance) / 2
    if np.linalg.eigvalsh(curvature).min() <= 0:
        return fit  # no minimum in every direction: what the optimiser gave is all there is
    covariance = np.linalg.inv(curvature)[len(result.theta) :, len(result.theta) :]
    fixed = fit.fixed.assign(se=np.sqrt(np.diag(covariance)))
    return replace(fit, fixed=_tested(fixed, np.full(len(fixed), np.inf)))


def checked(data: pd.DataFrame, formula: str) -> pd.DataFrame:
    """Return the rows and columns that a formula needs, those with missing values left out; errors as `fit_mixed`."""
    if not BARS.search(formula):
        expected = "a random term, for example (1 | subject)"
        raise InputError(Problem(f"formula {formula!r}", "no random term", expected))
    names = set(re.findall(r"[A-Za-z_.][A-Za-z0-9_.]*", formula))
    absent = sorted(names - set(data.columns))
    if absent:
        raise InputError(
            Problem(f"formula {formula!r}", ", ".join(absent), "one of " + ", ".join(map(str, data.columns)))
        )
    return data[sorted(names)].dropna().reset_index(drop=True)


def _summary(result: Any, formula: str, family: Family, reml: bool, n: int) -> MixedModel:
    table = result.tidy()
    table = table[table["effect"] == "fixed"].rename(columns={"std.error": "se"})
    fixed = table[["term", "estimate", "se"]].astype({"estimate": float, "se": float}).reset_index(drop=True)
    fixed = _tested(fixed, table["df"].fillna(np.inf).to_numpy(dtype=float))
    variances = _variances(result, family)
    correlations = variances["correlation"].dropna().abs()
    singular = bool(result.isSingular()) or bool((correlations > NEARLY_ONE).any())
    likelihood = result.logLik()
    return MixedModel(
        formula=formula,
        family=family,
        reml=reml,
        fixed=fixed,
        variances=variances,
        log_likelihood=float(likelihood.value),
        parameters=int(likelihood.df),
        n=n,
        groups={str(name): int(count) for name, count in result.ngrps().items()},
        converged=bool(result.converged),
        singular=singular,
    )


def _tested(fixed: pd.DataFrame, df: np.ndarray) -> pd.DataFrame:
    """Return estimates with intervals and tests by Student's t; by the normal distribution where df is infinite."""
    reach = stats.t.ppf(0.975, df) * fixed["se"]
    statistic = fixed["estimate"] / fixed["se"]
    return fixed[["term", "estimate", "se"]].assign(
        low=fixed["estimate"] - reach,
        high=fixed["estimate"] + reach,
        statistic=statistic,
        df=df,
        p=2 * stats.t.sf(statistic.abs(), df),
    )


def _variances(result: Any, family: Family) -> pd.DataFrame:
    components = result.VarCorr()
    rows: list[dict[str, Any]] = []
    for group in components.groups.values():
        terms = list(group.term_names)
        cov = np.asarray(group.cov, dtype=float).reshape(len(terms), len(terms))
        corr = np.asarray(group.corr, dtype=float).reshape(cov.shape) if group.corr is not None else np.eye(len(terms))
        for i, term in enumerate(terms):
            rows.append({"group": group.grouping_factor, "term": term, "with": "", "value": cov[i, i]})
        for i, j in combinations(range(len(terms)), 2):
            if cov[i, j]:
                names = {"group": group.grouping_factor, "term": terms[i], "with": terms[j]}
                rows.append(names | {"value": cov[i, j], "correlation": corr[i, j]})
    if family == "gaussian":
        rows.append({"group": "residual", "term": "", "with": "", "value": float(result.sigma) ** 2})
    return pd.DataFrame(rows, columns=["group", "term", "with", "value", "correlation"])


@dataclass(frozen=True)
class Comparison:
    """A likelihood-ratio test of nested models.

    Parameters
    ----------
    chi_squared, df, p
        Twice the gain in log-likelihood, the parameters that it took, and the probability of such a gain by chance.
    delta_log_likelihood
        The gain per observation, in nats.
    """

    chi_squared: float
    df: int
    p: float
    delta_log_likelihood: float


def compare(
    data: pd.DataFrame, smaller: str, larger: str, *, family: Family = "gaussian"
) -> tuple[Comparison, MixedModel, MixedModel]:
    """Test whether a larger model fits better than a smaller one that it contains; both by maximum likelihood.

    Parameters
    ----------
    data
        One row an observation; both models are fitted to the rows that have every column of either.
    smaller, larger
        Formulas.
    family
        As in `fit_mixed`.

    Raises
    ------
    InputError
        The larger formula estimates no more than the smaller one.
    """
    clean = checked(data, f"{larger} {smaller}")
    first, second = (fit_mixed(clean, formula, family=family, reml=False) for formula in (smaller, larger))
    df = second.parameters - first.parameters
    if df < 1:
        raise InputError(Problem(f"formula {larger!r}", f"{-df} parameters fewer than {smaller!r}", "a larger model"))
    gain = max(second.log_likelihood - first.log_likelihood, 0.0)
    found = Comparison(2 * gain, df, float(stats.chi2.sf(2 * gain, df)), gain / first.n)
    return found, first, second
