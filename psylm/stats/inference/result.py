"""What a test returns: one form for all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """An estimate, its 95% interval, and its test; NaN for what a test does not have or the data do not allow.

    Parameters
    ----------
    estimate, low, high
        The estimate and its interval, in the unit that the test states.
    statistic, df, p
        The test statistic, its degrees of freedom, and the two-sided p-value where nothing else is said.
    n
        Number of items (or subjects, or pairs of them: what the test says).
    """

    estimate: float
    low: float = math.nan
    high: float = math.nan
    statistic: float = math.nan
    df: float = math.nan
    p: float = math.nan
    n: int
