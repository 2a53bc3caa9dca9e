"""Similarity of meaning from config to tables: ratings, preferences, corrections, associations."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psylm.stats.association import association
from psylm.stats.geometry import all_but_the_top, anisotropy, whitening
from psylm.stats.preference import preference_table

RNG = np.random.default_rng(3)
VECTORS = RNG.normal(size=(60, 12)) @ RNG.normal(size=(12, 12)) + 4


def cosine(a, b):
    return a @ b / math.sqrt(a @ a * (b @ b))


def test_anisotropy_is_the_mean_cosine_of_all_pairs():
    expected = np.mean([cosine(a, b) for a, b in combinations(VECTORS, 2)])
    assert anisotropy(VECTORS) == pytest.approx(expected)


def test_all_but_the_top_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    centred = VECTORS - VECTORS.mean(0)
    fitted = decomposition.PCA(2).fit(VECTORS)
    expected = centred - fitted.transform(VECTORS) @ fitted.components_
    np.testing.assert_allclose(all_but_the_top(VECTORS, 2)(VECTORS), expected, atol=1e-8)


def test_whitening_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    expected = decomposition.PCA(5, whiten=True).fit_transform(VECTORS)
    ours = whitening(VECTORS, 5)(VECTORS)
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=1e-8)
    assert abs(anisotropy(ours)) < 0.05 < anisotropy(VECTORS)


def test_whitening_keeps_fewer_dimensions_than_texts():
    """With as many dimensions as texts, all cosines would be -1 / (n - 1)."""
    assert whitening(VECTORS)(VECTORS).shape == (60, 12)
    assert whitening(VECTORS[:20])(VECTORS).shape == (60, 5)


def test_an_association_by_hand():
    """Two targets and two attributes a set, cosines worked out one by one."""
    x, y = np.array([[1.0, 0.2], [1.0, 0.5]]), np.array([[0.1, 1.0], [0.4, 1.0]])
    a, b = np.array([[1.0, 0.0], [2.0, 0.5]]), np.array([[0.0, 1.0], [0.5, 3.0]])

    def s(w):
        return np.mean([cosine(w, v) for v in a]) - np.mean([cosine(w, v) for v in b])

    first, second = [s(w) for w in x], [s(w) for w in y]
    found = association(x, y, a, b, seed=1)
    assert found.estimate == pytest.approx((np.mean(first) - np.mean(second)) / np.std(first + second, ddof=1))
    # Of the six divisions of four targets, one is as large as that observed.
    assert found.p == pytest.approx(1 / 6, abs=0.02)


def test_an_association_of_noise_is_rarely_significant():
    """Under the null, p is uniform: its rate below .05 lies within the binomial interval of 200 tests."""
    rng = np.random.default_rng(5)
    p = [association(*rng.normal(size=(4, 8, 10)), seed=1, permutations=199).p for _ in range(200)]
    assert stats.binomtest(sum(one <= 0.05 for one in p), 200, 0.05).pvalue > 0.01


def test_preferences_by_hand():
    cells = [("1", "same", "high", 0.9), ("1", "same", "low", 0.5), ("1", "different", "high", 0.7),
             ("1", "different", "low", 0.5), ("2", "same", "high", 0.8), ("2", "same", "low", 0.9),
             ("2", "different", "high", 0.85), ("2", "different", "low", 0.1)]  # fmt: skip
    trials = pd.DataFrame(cells, columns=["item", "meaning", "overlap", "value"])
    factors = {"meaning": ["same", "different"], "overlap": ["high", "low"]}
    found = {row["comparison"]: row["estimate"] for row in preference_table(trials, factors, "value")}
    assert found == {
        "same, high above different, high": 0.5,
        "same, high above different, low": 1.0,
        "same, low above different, high": 0.5,
        "same, low above different, low": 0.75,  # a tie counts half
    }
