"""Design matrices with R's columns: which factor is coded by contrasts, which by levels, and what is aliased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from psylm.stats.mixed_models.formula import Factors, Terms
from psylm.stats.mixed_models.variables import Variable

INTERCEPT = "(Intercept)"

TOLERANCE = 1e-7
"""A column is determined by those before it where this share of its length, or less, is its own; R's `qr` has it."""


@dataclass(frozen=True)
class ModelMatrix:
    """A design matrix.

    Parameters
    ----------
    values
        Shape (observations, columns).
    names
        Of columns, as R has them: `condb` is the level `b` of `cond`.
    labels
        The term that each column belongs to.
    """

    values: np.ndarray
    names: list[str]
    labels: list[str]


def model_matrix(terms: Terms, variables: Mapping[str, Variable], n: int) -> ModelMatrix:
    """Return the design matrix of one side of a formula.

    A factor of a term is coded by its contrasts where the rest of the term is within an earlier term, so that its
    average over levels is in the model already, and by a column a level where it is not.

    Parameters
    ----------
    terms
        What `psylm.stats.mixed_models.formula.terms_of` returns.
    variables
        Each factor's values.
    n
        Observations.

    References
    ----------
    Chambers, J. M., & Hastie, T. J. (1992). Statistical models in S, chapter 2. R's `model.matrix` differs from
    the textbook rule in formulas such as `a:b` without main effects, and is followed here.

    Examples
    --------
    >>> from psylm.stats.mixed_models.formula import terms_of
    >>> a = Variable(np.array([0, 0, 1, 1]), ("p", "q"))
    >>> x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> [model_matrix(terms_of(f), {"a": a, "x": x}, 4).names for f in ("a*x", "a/x", "0 + a")]
    [['(Intercept)', 'aq', 'x', 'aq:x'], ['(Intercept)', 'aq', 'ap:x', 'aq:x'], ['ap', 'aq']]
    """
    blocks = [np.ones((n, 1))] if terms.intercept else []
    names, labels = ([INTERCEPT], [INTERCEPT]) if terms.intercept else ([], [])
    for number, term in enumerate(terms.terms):
        values, these = np.ones((n, 1)), [""]
        for factor in term:
            full = _full(terms, number, factor, variables)
            columns, own = variables[factor].coded(factor, full=full)
            # the first factor of a term varies fastest
            values = (columns[:, :, None] * values[:, None, :]).reshape(n, len(own) * len(these))
            these = [f"{one}:{two}" if one else two for two in own for one in these]
        blocks.append(values)
        names = [*names, *these]
        labels = [*labels, *[":".join(term)] * len(these)]
    return ModelMatrix(np.hstack(blocks) if blocks else np.empty((n, 0)), names, labels)


def _full(terms: Terms, number: int, factor: str, variables: Mapping[str, Variable]) -> bool:
    """Return whether a factor has a column a level in a term."""
    if variables[factor].levels is None:
        return False
    rest = set(terms.terms[number]) - {factor}
    marginal = not rest or any(rest <= set(earlier) for earlier in terms.terms[:number])
    if not marginal:
        return True
    return not terms.intercept and _first_factor(terms, variables) == (number, factor)


def _first_factor(terms: Terms, variables: Mapping[str, Variable]) -> tuple[int, str] | None:
    """Return the term and factor that stand for the intercept where there is none."""
    found: list[tuple[int, Factors]] = list(enumerate(terms.terms))
    return next(
        ((number, factor) for number, term in found for factor in term if variables[factor].levels is not None), None
    )


def independent(values: np.ndarray) -> list[int]:
    """Return the columns that are not determined by those before them, as R and lme4 keep them.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> independent(np.stack([np.ones(3), x, 2 * x - 1, np.full(3, 7.0)], axis=1))
    [0, 1]
    """
    r = np.asarray(np.linalg.qr(values, mode="r"))  # has the same dependencies among its columns, in as many rows
    basis = np.empty((len(r), 0))
    kept: list[int] = []
    for number, column in enumerate(r.T):
        left = column - basis @ (basis.T @ column)
        left = left - basis @ (basis.T @ left)  # once more, for orthogonality to the last digit
        length = float(np.linalg.norm(left))
        if length > TOLERANCE * float(np.linalg.norm(column)) and len(kept) < len(values):
            basis = np.column_stack([basis, left / length])
            kept.append(number)
    return kept
