"""Correction for multiple comparisons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from psylm.common.errors import InputError, Problem


def adjusted(p: ArrayLike, method: str = "holm") -> np.ndarray:
    """Adjust p-values for the number of tests.

    Parameters
    ----------
    p
        p-values of one family of tests; NaN stay NaN and do not count.
    method
        `holm` (Holm 1979, family-wise error) or `bh` (Benjamini & Hochberg 1995, false discovery rate).

    Raises
    ------
    InputError
        A value is no probability, or the method is another.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    if method not in METHODS:
        raise InputError(Problem("method", repr(method), ", ".join(METHODS)))
    values = np.asarray(p, dtype=float)
    outside = values[(values < 0) | (values > 1)]
    if len(outside):
        raise InputError(Problem("p", f"{outside[0]:g}", "probabilities between 0 and 1"))
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    if known.any():
        result[known] = METHODS[method](values[known])
    return result


def _holm(p: np.ndarray) -> np.ndarray:
    """Multiply each p by the number of those that are not smaller; none falls below a smaller one's."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"holm": _holm, "bh": stats.false_discovery_control}
