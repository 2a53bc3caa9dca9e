"""Analysis of variance with crossed factors: within units, between them, or both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import LEVEL
from psylm.stats.inference.one_model import check_finite, check_one


def anova(
    data: pd.DataFrame, value: str, unit: str, *, within: Sequence[str] = (), between: Sequence[str] = ()
) -> pd.DataFrame:
    """Test main effects and interactions of factors, with subjects or with items as the unit.

    Sums of squares are of type III (each effect beyond all others), with effects that sum to zero. Each effect is
    tested against its own error stratum: the unit's differences for effects with factors within units, the units
    themselves for effects between them. Where a within factor has more than two levels, p is corrected for
    departures from sphericity (Greenhouse & Geisser 1959).

    Parameters
    ----------
    data
        A row an observation; several in a cell are averaged. Units with an empty cell are left out.
    value
        Column of the response.
    unit
        Column of subjects (F1) or items (F2).
    within, between
        Columns of the factors that vary within a unit, and between units.

    Returns
    -------
    DataFrame
        A row an effect, named as in R (`a:b`): `estimate` is partial η² with its interval `low`, `high` (noncentral
        F), `generalised` is generalised η² with its interval; `statistic` is F; `df` and `df_error`; `epsilon` is
        Greenhouse and Geisser's ε (1 where sphericity cannot be violated); `p` is corrected by ε, `p_uncorrected` is
        not; `n` is the number of units.

    Raises
    ------
    InputError
        A factor does not vary as it is said to, too few units are complete, or the rows are those of several models.

    References
    ----------
    Greenhouse, S. W., & Geisser, S. (1959). On methods in the analysis of profile data. Psychometrika, 24, 95-112.
    Olejnik, S., & Algina, J. (2003). Generalized eta and omega squared statistics. Psychological Methods, 8, 434-447.
    Steiger, J. H. (2004). Beyond the F test. Psychological Methods, 9, 164-182.

    Examples
    --------
    >>> rows = [(s, c, v) for s, pair in enumerate([(1, 3), (2, 3), (4, 7), (3, 6)]) for c, v in zip("ab", pair)]
    >>> table = anova(pd.DataFrame(rows, columns=["subject", "condition", "rt"]), "rt", "subject", within=["condition"])
    >>> table[["effect", "statistic", "df", "df_error", "p"]].round(3).to_dict("records")
    [{'effect': 'condition', 'statistic': 22.091, 'df': 1, 'df_error': 3, 'p': 0.018}]
    """
    layout = _layout(data, value, unit, list(within), list(between))
    strata = {effect: _stratum(layout, effect) for effect in _effects(within)}
    errors = sum(one.error for one in strata.values())
    rows = []
    for inner, stratum in strata.items():
        for outer in _effects(between):
            if inner or outer:
                effect = stratum.effects[outer]
                rows.append((outer + inner, _row(effect, stratum, errors, len(layout.values))))
    order = sorted(rows, key=lambda row: (len(row[0]), [[*between, *within].index(name) for name in row[0]]))
    return pd.DataFrame([{"effect": ":".join(names)} | row for names, row in order])


@dataclass(frozen=True)
class _Layout:
    """Complete data: values (units, cells), levels of the within factors, coding of the between factors."""

    values: np.ndarray
    levels: dict[str, int]
    coding: dict[tuple[str, ...], np.ndarray]  # columns of the design (units, degrees of freedom) of each effect


@dataclass(frozen=True)
class _Effect:
    hypothesis: float
    df: int


@dataclass(frozen=True)
class _Stratum:
    """Sums of squares of the effects that share an error term, and how far that departs from sphericity."""

    effects: dict[tuple[str, ...], _Effect]
    error: float
    df: int
    epsilon: float


def _effects(factors: Sequence[str]) -> list[tuple[str, ...]]:
    return [names for size in range(len(factors) + 1) for names in combinations(factors, size)]


def _layout(data: pd.DataFrame, value: str, unit: str, within: list[str], between: list[str]) -> _Layout:
    missing = [name for name in (value, unit, *within, *between) if name not in data]
    if missing:
        raise InputError(*(Problem(f"column {name!r}", "no such column", ", ".join(data.columns)) for name in missing))
    check_one(data, [unit, *within, *between])
    check_finite(f"column {value!r}", data[value])
    if not within and not between:
        raise InputError(Problem("within, between", "no factor", "at least one"))
    known = data.dropna(subset=[value, unit, *within, *between])
    for name in between:
        if (known.groupby(unit)[name].nunique() > 1).any():
            raise InputError(Problem(f"factor {name!r}", f"several levels in a {unit}", "one level in each, or within"))
    keys = [unit, *between]
    if within:
        wide = known.pivot_table(index=keys, columns=within, values=value, aggfunc="mean", observed=True)
        cells = math.prod(known[name].nunique() for name in within)
        if wide.shape[1] < cells:
            raise InputError(Problem(f"factors {', '.join(within)}", f"{wide.shape[1]} cells", f"{cells}"))
        wide = wide.dropna()
    else:
        wide = known.groupby(keys, observed=True)[[value]].mean()
    coding = _between_coding(wide.index.to_frame(index=False), between)
    parameters = sum(columns.shape[1] for columns in coding.values())
    design = np.hstack(list(coding.values())) if len(wide) else np.empty((0, parameters))
    if len(wide) <= parameters or np.linalg.matrix_rank(design) < parameters:
        expected = f"more than {parameters}, in every cell between them"
        raise InputError(Problem(f"{unit}s with all cells", str(len(wide)), expected))
    return _Layout(wide.to_numpy(float), {name: known[name].nunique() for name in within}, coding)


def _between_coding(units: pd.DataFrame, between: list[str]) -> dict[tuple[str, ...], np.ndarray]:
    """Code each effect between units by columns that sum to zero over its levels."""
    single = {}
    for name in between:
        codes, levels = pd.factorize(units[name], sort=True)
        if len(levels) < 2:
            raise InputError(Problem(f"factor {name!r}", f"{len(levels)} level", "two or more"))
        single[name] = np.vstack([np.eye(len(levels) - 1), -np.ones(len(levels) - 1)])[codes]
    coding = {}
    for names in _effects(between):
        columns = np.ones((len(units), 1))
        for name in names:
            columns = (columns[:, :, None] * single[name][:, None, :]).reshape(len(units), -1)
        coding[names] = columns
    return coding


def _stratum(layout: _Layout, effect: tuple[str, ...]) -> _Stratum:
    """Take the data to the orthonormal contrasts of a within effect, and regress these on the between factors."""
    contrasts = np.ones((1, 1))
    for name, levels in layout.levels.items():
        mean = np.full((levels, 1), 1 / math.sqrt(levels))
        contrasts = np.kron(contrasts, _orthonormal(levels) if name in effect else mean)
    z = layout.values @ contrasts  # (units, contrasts of this effect)
    design = np.hstack(list(layout.coding.values()))
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ z
    residuals = z - design @ coefficients
    scatter = residuals.T @ residuals
    df = len(z) - design.shape[1]
    found, start = {}, 0
    for names, columns in layout.coding.items():
        own = slice(start, start + columns.shape[1])
        start = own.stop
        b = coefficients[own]
        sum_of_squares = float(np.trace(b.T @ np.linalg.solve(inverse[own, own], b)))
        found[names] = _Effect(sum_of_squares, columns.shape[1] * z.shape[1])
    spread = float((scatter**2).sum())
    epsilon = float(np.trace(scatter)) ** 2 / (z.shape[1] * spread) if spread > 0 else 1.0
    return _Stratum(found, float(np.trace(scatter)), df * z.shape[1], epsilon)


def _orthonormal(levels: int) -> np.ndarray:
    """Return contrasts of unit length that sum to zero, shape (levels, levels - 1)."""
    helmert = np.array([[1.0] * k + [-float(k)] + [0.0] * (levels - k - 1) for k in range(1, levels)]).T
    return np.asarray(helmert / np.linalg.norm(helmert, axis=0))


def _row(effect: _Effect, stratum: _Stratum, errors: float, n: int) -> dict[str, Any]:
    if stratum.error <= 0:
        return dict.fromkeys(("estimate", "low", "high", "statistic"), math.nan) | {"p": math.nan, "n": n}
    f = (effect.hypothesis / effect.df) / (stratum.error / stratum.df)
    df, df_error = effect.df * stratum.epsilon, stratum.df * stratum.epsilon
    low, high = partial_eta_interval(f, df, df_error)
    others = errors - stratum.error

    def generalised(partial: float) -> float:
        """Turn partial η² to generalised: with the other strata's error in the denominator, too."""
        hypothesis = stratum.error * partial / (1 - partial)
        return hypothesis / (hypothesis + stratum.error + others)

    estimate = effect.hypothesis / (effect.hypothesis + stratum.error)
    return {
        "estimate": estimate, "low": low, "high": high, "generalised": generalised(estimate),
        "generalised_low": generalised(low), "generalised_high": generalised(high), "statistic": f, "df": effect.df,
        "df_error": stratum.df, "epsilon": stratum.epsilon, "p": float(stats.f.sf(f, df, df_error)),
        "p_uncorrected": float(stats.f.sf(f, effect.df, stratum.df)), "n": n,
    }  # fmt: skip


def partial_eta_interval(f: float, df: float, df_error: float) -> tuple[float, float]:
    """Return the 95% interval of partial η², from the noncentralities that put F at both tails.

    Parameters
    ----------
    f, df, df_error
        The F statistic and its degrees of freedom.

    References
    ----------
    Steiger, J. H. (2004). Beyond the F test. Psychological Methods, 9, 164-182.

    Examples
    --------
    >>> [round(x, 3) for x in partial_eta_interval(9.0, 1, 30)]
    [0.023, 0.446]
    """
    if not math.isfinite(f):
        return math.nan, math.nan

    def bound(tail: float) -> float:
        def excess(noncentrality: float) -> float:
            return float(stats.ncf.cdf(f, df, df_error, noncentrality)) - tail

        if stats.f.cdf(f, df, df_error) <= tail:
            return 0.0
        above = 10.0 + 2 * f * df
        while excess(above) > 0:
            above *= 2
        found = float(optimize.brentq(excess, 0, above))
        return found / (found + df + df_error + 1)

    return bound((1 + LEVEL) / 2), bound((1 - LEVEL) / 2)
