"""Linear and logistic mixed models with crossed random effects, by lme4's formulas, without R."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tools.numdiff import approx_hess

from psylm.common.errors import InputError, Problem
from psylm.stats.mixed_models.combinations import Uncertainty, tested
from psylm.stats.mixed_models.model_frame import Family, ModelFrame, model_frame
from psylm.stats.mixed_models.model_matrix import INTERCEPT, independent
from psylm.stats.mixed_models.separation import separating

NEARLY_ONE = 0.999
"""A correlation of random effects beyond this is at the edge of what is possible."""

NOTHING = 1e-9
"""A residual standard deviation of this share of the response's range is rounding."""

UNTESTED = ["se", "low", "high", "statistic", "p"]


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
    notes: tuple[str, ...] = ()
    frame: ModelFrame | None = field(default=None, repr=False, compare=False)
    covariance: np.ndarray | None = field(default=None, repr=False, compare=False)
    uncertainty: Uncertainty | None = field(default=None, repr=False, compare=False)
    random: tuple[np.ndarray, ...] = field(default=(), repr=False, compare=False)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def trouble(self) -> str:
        """What is wrong with the random effects, in plain words; empty where all is well."""
        said = []
        if not self.converged:
            said.append("the optimiser did not converge: estimates are not to be trusted")
        if self.singular:
            said.append("singular: a random effect has no variance, or two are perfectly correlated")
        return "; ".join(said)

    @property
    def note(self) -> str:
        """What is to be known of the fit, in plain words: trouble, and what was left out; empty where all is well."""
        return "; ".join(filter(None, [self.trouble, *self.notes]))


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
    frame = model_frame(data, formula, family)
    text, table = _plain(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of the fit is reported in the note
        result, control = _optimised(text, table, family, reml)
        fit = _summary(result, frame, family, reml and family == "gaussian")
        if family == "gaussian":
            return _without_tests_of_nothing(fit)
        if not fit.singular:
            fit = _with_errors(fit, result, text, table, control)
    return _without_the_unlimited(fit)


def _plain(frame: ModelFrame) -> tuple[str, pd.DataFrame]:
    """Return the model as a formula of plain columns, and these: design matrices are ours, mixedlm optimises."""
    table = {"y": frame.response}
    sides = []
    random = ((f"z{k}_", block.matrix.values, block.matrix.names) for k, block in enumerate(frame.blocks))
    for prefix, values, names in (("x", frame.x, frame.names), *random):
        columns = {f"{prefix}{j}": values[:, j] for j, name in enumerate(names) if name != INTERCEPT}
        table |= columns
        sides.append(" + ".join(["1" if INTERCEPT in names else "0", *columns]))
    bars = []
    for k, (block, side) in enumerate(zip(frame.blocks, sides[1:], strict=True)):
        table[f"g{k}"] = block.codes
        bars.append(f"({side} {'|' if block.bar.correlated or len(block.matrix.names) < 2 else '||'} g{k})")
    return " + ".join([f"y ~ {sides[0]}", *bars]), pd.DataFrame(table)


def _optimised(text: str, table: pd.DataFrame, family: Family, reml: bool) -> tuple[Any, Any]:
    import mixedlm

    # which columns are determined by others is found before, by R's rule
    if family == "binomial":
        control: Any = mixedlm.glmerControl(ftol=1e-12, gtol=1e-8, xtol=1e-10, tolPwrss=1e-10, check_rankX="ignore")
        return mixedlm.glmer(text, table, family=mixedlm.families.Binomial(), control=control), control
    control = mixedlm.lmerControl(ftol=1e-14, gtol=1e-8, xtol=1e-10, check_rankX="ignore")
    return mixedlm.lmer(text, table, REML=reml, control=control), control


def _with_errors(fit: MixedModel, result: Any, text: str, table: pd.DataFrame, control: Any) -> MixedModel:
    """Return a logistic model with standard errors that know that variances are estimates too, as lme4's do.

    They come from the curvature of the deviance in all parameters; those for given variances are too small.
    """
    import mixedlm

    parsed = mixedlm.glFormula(text, table, family=mixedlm.families.Binomial())
    deviance = mixedlm.mkGlmerDevfun(parsed, control=control)
    at = np.concatenate([result.theta, result.beta])
    curvature = approx_hess(at, deviance) / 2
    if np.linalg.eigvalsh(curvature).min() <= 0:
        return fit  # no minimum in every direction: what the optimiser gave is all there is
    covariance = np.linalg.inv(curvature)[len(result.theta) :, len(result.theta) :]
    return replace(fit, fixed=_fixed(fit.fixed["term"], result.beta, covariance, None), covariance=covariance)


def _without_tests_of_nothing(fit: MixedModel) -> MixedModel:
    """Take the tests off a model that fits its data to the last digit: their errors are those of rounding."""
    assert fit.frame is not None
    residual = float(fit.variances["value"].iloc[-1])
    if residual > (NOTHING * float(np.ptp(fit.frame.response))) ** 2:
        return fit
    fixed = fit.fixed.assign(**dict.fromkeys(UNTESTED, np.nan))
    return replace(fit, fixed=fixed, notes=(*fit.notes, "the model fits without error, so nothing is tested"))


def _without_the_unlimited(fit: MixedModel) -> MixedModel:
    """Take the estimates off whose maximum likelihood lies at infinity, and name them."""
    assert fit.frame is not None
    found = separating(fit.frame.x, fit.frame.response)
    if not found:
        return fit
    fixed = fit.fixed.copy()
    fixed.loc[found, ["estimate", *UNTESTED]] = np.nan
    names = ", ".join(fixed["term"].iloc[found])
    said = f"separation: {names} predict some answers without exception, so the estimates have no limit"
    return replace(fit, fixed=fixed, notes=(*fit.notes, said))


def _summary(result: Any, frame: ModelFrame, family: Family, reml: bool) -> MixedModel:
    from mixedlm.inference.ddf import _vcov_derivatives

    covariance = np.asarray(result.vcov(), dtype=float)
    uncertainty = None
    if family == "gaussian":
        uncertainty = Uncertainty(*_vcov_derivatives(result), frame.n - len(frame.kept))
    fixed = _fixed(frame.names, result.beta, covariance, uncertainty)
    random = _covariances(result, frame)
    variances = _variances(frame, random, float(result.sigma) ** 2 if family == "gaussian" else None)
    correlations = variances["correlation"].dropna().abs()
    singular = bool(result.isSingular()) or bool((correlations > NEARLY_ONE).any())
    likelihood = result.logLik()
    return MixedModel(
        formula=frame.formula.text,
        family=family,
        reml=reml,
        fixed=fixed,
        variances=variances,
        log_likelihood=float(likelihood.value),
        parameters=int(likelihood.df),
        n=frame.n,
        groups=frame.groups,
        converged=bool(result.converged),
        singular=singular,
        notes=frame.notes,
        frame=frame,
        covariance=covariance,
        uncertainty=uncertainty,
        random=random,
    )


def _fixed(
    names: Sequence[str] | pd.Series, beta: np.ndarray, covariance: np.ndarray, uncertainty: Uncertainty | None
) -> pd.DataFrame:
    table = tested(np.eye(len(beta)), np.asarray(beta, dtype=float), covariance, uncertainty)
    table.insert(0, "term", list(names))
    return table


def _covariances(result: Any, frame: ModelFrame) -> tuple[np.ndarray, ...]:
    """Return each random term's covariance matrix, by its columns."""
    groups = {group.grouping_factor: group for group in result.VarCorr().groups.values()}
    sizes = [len(block.matrix.names) for block in frame.blocks]
    return tuple(np.asarray(groups[f"g{k}"].cov, dtype=float).reshape(size, size) for k, size in enumerate(sizes))


def _variances(frame: ModelFrame, random: tuple[np.ndarray, ...], residual: float | None) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for block, cov in zip(frame.blocks, random, strict=True):
        group, terms = block.bar.name, block.matrix.names
        rows += [{"group": group, "term": term, "with": "", "value": cov[i, i]} for i, term in enumerate(terms)]
        for i, j in combinations(range(len(terms)), 2):
            if cov[i, j]:
                correlation = cov[i, j] / math.sqrt(cov[i, i] * cov[j, j])
                names = {"group": group, "term": terms[i], "with": terms[j]}
                rows.append(names | {"value": cov[i, j], "correlation": correlation})
    if residual is not None:
        rows.append({"group": "residual", "term": "", "with": "", "value": residual})
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
        The larger formula estimates no more than the smaller one, or lacks its response, fixed or random effects.
    """
    frames = [model_frame(data, formula, family) for formula in (smaller, larger)]
    both = np.logical_and.reduce([frame.variables.kept for frame in frames])
    first, second = (fit_mixed(data[both], formula, family=family, reml=False) for formula in (smaller, larger))
    assert first.frame is not None and second.frame is not None
    lacking = _lacking(first.frame, second.frame)
    if lacking:
        raise InputError(Problem(f"formula {larger!r}", f"a model that does not contain {smaller!r}", lacking))
    df = second.parameters - first.parameters
    if df < 1:
        raise InputError(Problem(f"formula {larger!r}", f"{-df} parameters fewer than {smaller!r}", "a larger model"))
    gain = max(second.log_likelihood - first.log_likelihood, 0.0)
    if len(data) > first.n:
        said = f"{len(data) - first.n} of {len(data)} rows left out, for missing values in either model"
        first, second = (replace(fit, notes=(said, *fit.notes)) for fit in (first, second))
    found = Comparison(2 * gain, df, float(stats.chi2.sf(2 * gain, df)), gain / first.n)
    return found, first, second


def _lacking(smaller: ModelFrame, larger: ModelFrame) -> str:
    """Say what a model lacks to contain another one; nothing where it does."""

    def spans(wide: np.ndarray, narrow: np.ndarray) -> bool:
        return len(independent(np.hstack([wide, narrow]))) == len(independent(wide))

    def of(frame: ModelFrame, group: str) -> np.ndarray:
        parts = [block.matrix.values for block in frame.blocks if block.bar.name == group]
        return np.hstack([np.empty((frame.n, 0)), *parts])

    if not np.array_equal(smaller.response, larger.response):
        return "the same response"
    if not spans(larger.x, smaller.x):
        return "its fixed effects too"
    lost = [group for group in smaller.groups if not spans(of(larger, group), of(smaller, group))]
    return f"its random effects of {', '.join(lost)} too" if lost else ""
