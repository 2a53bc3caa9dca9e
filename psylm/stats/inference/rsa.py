"""Representational similarity: do two spaces, or a space and people, hold the same items alike?"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.correlation import ResampledCorrelation
from psylm.stats.inference.resampling import (
    CELLS,
    PERMUTATIONS,
    RESAMPLES,
    bca_interval,
    bootstrap,
    jackknife,
    permutation_p,
    permuted_orders,
    permuted_products,
)
from psylm.stats.inference.result import Result

METRICS = ("cosine", "correlation", "euclidean")


def dissimilarity(vectors: ArrayLike, metric: str = "correlation") -> np.ndarray:
    """Return the representational dissimilarity matrix of items.

    Parameters
    ----------
    vectors
        Shape (items, dimensions): embeddings, or ratings on scales.
    metric
        `cosine` (1 - cos), `correlation` (1 - Pearson's r over dimensions) or `euclidean`.

    Returns
    -------
    ndarray
        Shape (items, items), symmetric, zeros in the diagonal.

    Raises
    ------
    InputError
        The metric is another, or a vector has no direction.

    References
    ----------
    Kriegeskorte, N., Mur, M., & Bandettini, P. (2008). Representational similarity analysis: connecting the branches
    of systems neuroscience. Frontiers in Systems Neuroscience, 2, 4.

    Examples
    --------
    >>> dissimilarity([[1, 0], [0, 1], [2, 0]], "cosine").round(2).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if metric not in METRICS:
        raise InputError(Problem("metric", repr(metric), ", ".join(METRICS)))
    table = np.asarray(vectors, dtype=float)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise InputError(
            Problem("vectors", f"shape {table.shape}, or NaN or infinity in it", "numbers, [items, dimensions]")
        )
    length = np.ptp(table, axis=1) if metric == "correlation" else np.abs(table).max(axis=1)
    if metric != "euclidean" and (length == 0).any():
        row = int(np.argmin(length))
        raise InputError(Problem(f"vectors, row {row}", "a constant or zero vector", f"one that has a {metric}"))
    return np.asarray(squareform(pdist(table, cast(Any, metric))))


def mantel(
    first: ArrayLike,
    second: ArrayLike,
    *,
    kind: str = "spearman",
    seed: int,
    permutations: int = PERMUTATIONS,
    resamples: int = RESAMPLES,
) -> Result:
    """Correlate two dissimilarity matrices of the same items, and test it by permuting the items.

    Pairs of items are not independent (an item is in n - 1 of them), so neither the test nor the interval treats them
    as such: the test reorders items, rows and columns together, and the interval draws items. Where an item is drawn
    twice, the pair of its copies, whose dissimilarity of zero is none that was measured, is left out.

    Parameters
    ----------
    first, second
        Shape (items, items), symmetric; the diagonal is not used.
    kind
        `spearman` or `pearson`.
    seed
        Seed of permutations and resamples.
    permutations, resamples
        How many; 0 leaves out the test or the interval. Up to eight items, all permutations are used.

    Returns
    -------
    Result
        The correlation over pairs, p of the Mantel test, and the BCa interval of resamples of items; `n` is the number
        of items. The interval is too wide, not too narrow, where the two spaces have nothing in common. NaN where
        there are fewer than four items, or one matrix is constant.

    Raises
    ------
    InputError
        A matrix is not square, not symmetric, or has a NaN or an infinity, or the two differ in shape.

    References
    ----------
    Mantel, N. (1967). The detection of disease clustering and a generalized regression approach. Cancer Research,
    27, 209-220. Schütt, H. H., Kipnis, A. D., Diedrichsen, J., & Kriegeskorte, N. (2023). Statistical inference on
    representational geometries. eLife, 12, e82566.

    Examples
    --------
    >>> points = np.array([[0, 0], [0, 1], [5, 5], [6, 8], [9, 0]])
    >>> found = mantel(dissimilarity(points, "euclidean"), dissimilarity(points + [[0, 2]] * 5, "euclidean"), seed=1)
    >>> round(found.estimate, 3), round(found.p, 3)
    (1.0, 0.008)
    """
    a, b = (_checked(matrix, name) for matrix, name in ((first, "first"), (second, "second")))
    n = len(a)
    if a.shape != b.shape:
        raise InputError(Problem("second", f"{len(b)} items", f"{n}, as in the first"))
    if kind not in ("spearman", "pearson"):
        raise InputError(Problem("kind", repr(kind), "spearman, pearson"))
    pairs = np.triu_indices(n, 1)
    x, y = a[pairs], b[pairs]
    if n < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Result(estimate=math.nan, n=n)
    rng = np.random.default_rng(seed)
    statistic = _ItemsDrawn(x, y, kind, n)
    estimate = float(statistic(np.ones((1, n)))[0])
    p = _mantel_test(x, y, kind, n, rng, permutations) if permutations else math.nan
    low, high = math.nan, math.nan
    if resamples:
        low, high = bca_interval(estimate, bootstrap(statistic, n, rng, resamples), jackknife(statistic, n))
    return Result(estimate=estimate, low=low, high=high, p=p, n=n)


def _checked(matrix: ArrayLike, name: str) -> np.ndarray:
    found = np.asarray(matrix, dtype=float)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise InputError(Problem(name, f"shape {found.shape}", "a square matrix"))
    if not np.isfinite(found).all() or not np.allclose(found, found.T):
        raise InputError(
            Problem(name, "NaN or infinity, or other values below the diagonal than above", "a symmetric matrix")
        )
    return found


class _ItemsDrawn:
    """The correlation over pairs of different items; a pair counts as often as its items were drawn together."""

    def __init__(self, x: np.ndarray, y: np.ndarray, kind: str, n: int) -> None:
        self.pairs = np.triu_indices(n, 1)
        self.correlation = ResampledCorrelation(x, y, kind)

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        first, second = self.pairs
        step = max(1, CELLS // len(first))
        some = (counts[start : start + step] for start in range(0, len(counts), step))
        return np.concatenate([self.correlation(rows.take(first, axis=1) * rows.take(second, axis=1)) for rows in some])


def _mantel_test(x: np.ndarray, y: np.ndarray, kind: str, n: int, rng: np.random.Generator, most: int) -> float:
    if kind == "spearman":
        x, y = stats.rankdata(x), stats.rankdata(y)
    first, second = (squareform(values - values.mean()) for values in (x, y))
    orders, exact = permuted_orders(n, rng, most)
    return permutation_p(float(np.vdot(first, second)), permuted_products(first, second, orders), exact=exact)
