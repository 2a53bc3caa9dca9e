"""Do predictors separate answers of 0 and 1, so that their log-odds have no limit?"""

from __future__ import annotations

import numpy as np
from scipy import optimize


def separating(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Return the columns whose estimates in a logistic regression have no limit; none where the data overlap.

    Data are separated, completely or in part, where some weighted sum of the predictors is never negative for an
    answer of 1, never positive for 0, and not always 0: the likelihood then grows with the weights for ever. The
    search for such weights is a linear program.

    Parameters
    ----------
    x
        Design matrix, shape (observations, columns).
    y
        Answers of 0 and 1.

    References
    ----------
    Albert, A., & Anderson, J. A. (1984). On the existence of maximum likelihood estimates in logistic regression
    models. Biometrika, 71, 1-10. Konis, K. (2007). Linear programming algorithms for detecting separated data in binary
    logistic regression models. DPhil thesis, University of Oxford.

    Examples
    --------
    >>> x = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    >>> separating(x, np.array([0, 1, 1, 1])), separating(x, np.array([0, 1, 0, 1]))
    ([1], [])
    """
    if not x.shape[1]:
        return []
    scaled = x / np.maximum(np.abs(x).max(axis=0), 1e-300)
    rows = np.unique(np.where(y[:, None] > 0, scaled, -scaled), axis=0)
    # The sum is the greatest where every row that can be above 0 is, so the solution shows all separated directions.
    solution = optimize.linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1))
    if not solution.success or solution.x is None or rows.sum(axis=0) @ solution.x < 1e-6:
        return []
    return [int(number) for number in np.flatnonzero(np.abs(solution.x) > 1e-6)]
