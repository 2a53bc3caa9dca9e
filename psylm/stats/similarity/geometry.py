"""The geometry of embeddings: how far they point in one direction, and two corrections for that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from psylm.common.errors import InputError, Problem


@dataclass(frozen=True)
class Correction:
    """A linear map of vectors, fitted on some of them.

    Parameters
    ----------
    mean
        What is subtracted first [width].
    projection
        What vectors are multiplied by [width, dimensions].
    """

    mean: np.ndarray
    projection: np.ndarray

    def __call__(self, vectors: ArrayLike) -> np.ndarray:
        """Return the corrected vectors [texts, dimensions]."""
        return np.asarray((np.asarray(vectors, dtype=float) - self.mean) @ self.projection)


def anisotropy(vectors: ArrayLike) -> float:
    """Return the mean cosine of all pairs of different vectors: 0 where no direction is preferred.

    Parameters
    ----------
    vectors
        Vectors [texts, width], none of length 0.

    References
    ----------
    Ethayarajh (2019), How contextual are contextualized word representations?, EMNLP, who draws pairs at random; the
    mean of all pairs follows from the sum of the unit vectors.

    Examples
    --------
    >>> anisotropy([[1, 0], [2, 0], [0, 1]])  # cosines 1, 0, 0
    0.333...
    """
    table = _finite(vectors)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    n = len(table)
    if n < 2 or not lengths.all():
        raise InputError(
            Problem("vectors", f"{n}, {int((lengths == 0).sum())} of them of length 0", "two or more, none of length 0")
        )
    units = table / lengths
    return float((np.square(units.sum(0)).sum() - n) / (n * (n - 1)))


def all_but_the_top(vectors: ArrayLike, components: int | None = None) -> Correction:
    """Fit the removal of the mean and of the first principal components.

    Parameters
    ----------
    vectors
        Vectors [texts, width] to fit on.
    components
        How many to remove; a hundredth of the width by default, as its authors recommend, and at least 1.

    References
    ----------
    Mu & Viswanath (2018), All-but-the-top: Simple and effective postprocessing for word representations, ICLR.

    Examples
    --------
    >>> points = np.array([[9.0, 1.0], [5.0, 2.0], [5.0, 0.0], [1.0, 1.0]])  # most of the variance is in the first
    >>> all_but_the_top(points, 1)(points).round(6).tolist()
    [[0.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]
    """
    table = _checked(vectors)
    width = table.shape[1]
    removed = max(round(width / 100), 1) if components is None else _number("components", components, width)
    _, _, directions = np.linalg.svd(table - table.mean(0), full_matrices=False)
    top = directions[:removed]
    return Correction(table.mean(0), np.eye(width) - top.T @ top)


def whitening(vectors: ArrayLike, dimensions: int | None = None) -> Correction:
    """Fit the map to principal components of variance 1.

    Parameters
    ----------
    vectors
        Vectors [texts, width] to fit on.
    dimensions
        Components to keep, those of the largest variance. By default a quarter as many as there are texts, 256 at
        most: with as many components as texts, whitening makes any texts equally distant.

    References
    ----------
    Su et al. (2021), Whitening sentence representations for better semantics and faster retrieval, arXiv:2103.15316.

    Examples
    --------
    >>> points = np.random.default_rng(1).normal(size=(100, 2)) @ [[3, 1], [0, 2]] + 5
    >>> bool(np.allclose(np.cov(whitening(points, 2)(points).T), np.eye(2)))
    True
    """
    table = _checked(vectors)
    n, width = table.shape
    kept = min(256, width, max(n // 4, 1)) if dimensions is None else _number("dimensions", dimensions, width)
    _, lengths, directions = np.linalg.svd(table - table.mean(0), full_matrices=False)
    kept = min(kept, int((lengths > lengths[0] * 1e-10).sum()))
    return Correction(table.mean(0), directions[:kept].T * np.sqrt(n - 1) / lengths[:kept])


NONE = "none"
"""What tables call vectors as they are, without a correction."""

CORRECTIONS = {"all-but-the-top": all_but_the_top, "whitening": whitening}
"""Corrections by name."""


def _finite(vectors: ArrayLike) -> np.ndarray:
    table = np.asarray(vectors, dtype=float)
    if table.ndim != 2:
        raise InputError(Problem("vectors", f"shape {table.shape}", "[texts, width]"))
    if not np.isfinite(table).all():
        raise InputError(Problem("vectors", "NaN or infinity", "numbers"))
    return table


def _number(name: str, given: int, most: int) -> int:
    if not 1 <= given <= most:
        raise InputError(Problem(name, str(given), f"1 to {most}"))
    return given


def _checked(vectors: ArrayLike) -> np.ndarray:
    table = _finite(vectors)
    if len(table) < 4:
        raise InputError(Problem("vectors", f"shape {table.shape}", "four vectors or more to fit a correction on"))
    return table
