"""Correction for multiple comparisons."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "bh": "fdr_bh"}


def adjusted(p: ArrayLike, method: str = "holm") -> np.ndarray:
    """Adjust p-values for the number of tests.

    Parameters
    ----------
    p
        p-values of one family of tests; NaN stay NaN and do not count.
    method
        `holm` (Holm 1979, family-wise error) or `bh` (Benjamini & Hochberg 1995, false discovery rate).

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    if known.any():
        result[known] = multipletests(values[known], method=METHODS[method])[1]
    return result
