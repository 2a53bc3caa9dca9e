"""Association tests: are two sets of words unlike in how close they are to two sets of attributes?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.result import Result
from psylm.stats.similarity.spaces import Space

PERMUTATIONS = 9_999


def association(
    x: ArrayLike, y: ArrayLike, a: ArrayLike, b: ArrayLike, *, seed: int, permutations: int = PERMUTATIONS
) -> Result:
    r"""Test whether targets X are closer to attributes A than to B, compared with targets Y.

    .. math::
        s(w) = \mathrm{mean}_{a \in A} \cos(w, a) - \mathrm{mean}_{b \in B} \cos(w, b), \qquad
        d = \frac{\mathrm{mean}_{x \in X} s(x) - \mathrm{mean}_{y \in Y} s(y)}{\mathrm{SD}_{w \in X \cup Y} s(w)}

    Parameters
    ----------
    x, y
        Vectors of the targets [words, width].
    a, b
        Vectors of the attributes [words, width].
    seed
        Seed of the permutations and of the bootstrap.
    permutations
        How many divisions of the targets into sets of these sizes are drawn.

    Returns
    -------
    Result
        The effect size d, between -2 and 2 for sets of one size; `low` and `high` are the percentile interval of
        2,000 resamples of the targets within their sets; p is one-sided, as in the source: the share of divisions
        (the observed one among them) whose difference is at least as large. `n` is the number of targets.

    Raises
    ------
    InputError
        A set has fewer than two words, or a vector no direction.

    References
    ----------
    Caliskan, Bryson & Narayanan (2017), Semantics derived automatically from language corpora contain human-like
    biases, Science, 356, 183-186; May et al. (2019), On measuring social biases in sentence encoders, NAACL.

    Examples
    --------
    >>> good, bad = [[1.0, 0.0], [1.0, 0.1]], [[0.0, 1.0], [0.1, 1.0]]
    >>> found = association([[0.9, 0.1], [0.8, 0.3]], [[0.1, 0.9], [0.2, 0.7]], good, bad, seed=1)
    >>> round(found.estimate, 2), found.n
    (1.7..., 4)
    """
    sets = {name: _units(name, vectors) for name, vectors in (("x", x), ("y", y), ("a", a), ("b", b))}
    closer = sets["a"].mean(0) - sets["b"].mean(0)
    first, second = sets["x"] @ closer, sets["y"] @ closer
    both = np.concatenate([first, second])
    if both.std() == 0:
        return Result(estimate=math.nan, n=len(both))
    rng = np.random.default_rng(seed)
    estimate = float(_d(first[None], second[None])[0])
    orders = rng.permuted(np.tile(both, (permutations, 1)), axis=1)
    difference = orders[:, : len(first)].mean(1) - orders[:, len(first) :].mean(1)
    observed = first.mean() - second.mean()
    p = float((1 + (difference >= observed - 1e-12).sum()) / (1 + permutations))
    drawn = [one[rng.integers(len(one), size=(2000, len(one)))] for one in (first, second)]
    low, high = np.quantile(_d(*drawn), [0.025, 0.975])
    return Result(estimate=estimate, low=float(low), high=float(high), p=p, n=len(both))


def _d(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    spread = np.concatenate([first, second], axis=1).std(axis=1, ddof=1)
    return np.asarray((first.mean(1) - second.mean(1)) / spread)


def _units(name: str, vectors: ArrayLike) -> np.ndarray:
    table = np.asarray(vectors, dtype=float)
    if table.ndim != 2 or len(table) < 2:
        raise InputError(Problem(name, f"{len(table) if table.ndim == 2 else 'no'} words", "two or more"))
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    if not np.isfinite(table).all() or not lengths.all():
        raise InputError(
            Problem(name, "a vector with NaN or infinity, or of length 0", "vectors that have a direction")
        )
    return np.asarray(table / lengths)


def association_rows(space: Space, factors: Mapping[str, Sequence[str]], seed: int) -> Iterator[dict[str, Any]]:
    """Test the association of two target sets with two attribute sets in every layer.

    Parameters
    ----------
    space : Space
        Vectors of the set's texts or targets, by layer.
    factors : mapping of str to sequence of str
        The set's factors; none but a single one of four levels gives rows: targets X and Y, attributes A and B.
    seed : int
        Of the permutations and of the bootstrap.

    Yields
    ------
    dict
        `layer`, `test` (what is compared, in words) and the fields of a `Result` but `statistic` and `df`.
    """
    factor, levels = next(iter(factors.items()), ("", ()))
    if len(factors) != 1 or len(levels) != 4:
        return
    x, y, a, b = (level.replace("_", " ") for level in levels)
    for layer, (vectors, _) in space.layers.items():
        sets = [vectors[(space.trials[factor] == level).to_numpy()] for level in levels]
        found = asdict(association(*sets, seed=seed))
        row = {key: value for key, value in found.items() if key not in ("statistic", "df")}
        yield {"layer": layer, "test": f"{x} against {y}: {a} against {b}"} | row
