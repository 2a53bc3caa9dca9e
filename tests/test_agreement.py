"""Agreement with people: against scipy, brute force, closed forms, and R (tests/r/reference.csv)."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from psylm.stats.correlation import TESTS, Resampled, correlation
from psylm.stats.resampling import bca_interval, permutation_p, permuted_orders, permuted_products


def related(n: int, seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = 0.6 * x + rng.normal(size=n)
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", TESTS)
def test_a_correlation_is_scipys(kind, ties):
    x, y = related(40, 1, ties)
    found, expected = correlation(x, y, kind=kind, seed=1, resamples=200), TESTS[kind](x, y)
    assert (found.r, found.p, found.n) == pytest.approx((expected.statistic, expected.pvalue, 40))


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 30), st.integers(0, 10**6), st.sampled_from(list(TESTS)))
def test_a_resample_counted_is_the_resample_drawn(n, seed, kind):
    """Correlating with counts equals correlating the resampled items themselves, ties and all."""
    x, y = related(n, seed, ties=True)
    drawn = np.random.default_rng(seed).integers(n, size=n)
    if np.ptp(x[drawn]) == 0 or np.ptp(y[drawn]) == 0:
        assert Resampled(x, y, kind)(np.bincount(drawn, minlength=n)[None])[0] == 0
        return
    expected = TESTS[kind](x[drawn], y[drawn]).statistic
    assert Resampled(x, y, kind)(np.bincount(drawn, minlength=n)[None])[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", TESTS)
def test_the_bca_interval_is_scipys_up_to_chance(kind):
    """Two bootstraps of 10,000 resamples: a bound near the 2.5th percentile has a Monte Carlo error below 0.01 here."""
    x, y = related(50, 2)
    found = correlation(x, y, kind=kind, seed=1, resamples=10_000, permutations=0)
    expected = stats.bootstrap(
        (x, y), lambda a, b: TESTS[kind](a, b).statistic, paired=True, vectorized=False, n_resamples=2000,
        method="BCa", rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.025)


@pytest.mark.parametrize("kind", TESTS)
def test_the_permutation_test_of_few_items_is_exact(kind):
    x, y = related(6, 5)
    found = correlation(x, y, kind=kind, seed=1, resamples=50)
    r = [TESTS[kind](x, np.array(order)).statistic for order in permutations(y)]
    assert found.p_permutation == pytest.approx(np.mean(np.abs(r) >= abs(found.r) - 1e-12))


@pytest.mark.parametrize(("kind", "n"), [("pearson", 40), ("pearson", 300), ("spearman", 40), ("kendall", 40)])
def test_the_permutation_test_of_many_items_is_near_the_usual_one(kind, n):
    x, y = np.random.default_rng(8).normal(size=(2, n))
    found = correlation(x, y, kind=kind, seed=1, resamples=50)
    # 10,000 permutations: the binomial standard error of p is at most .005
    assert found.p_permutation == pytest.approx(found.p, abs=0.02)


def test_a_permutation_p_is_never_zero_and_counts_ties():
    assert permutation_p(5.0, np.zeros(999), exact=False) == 1 / 1000
    assert permutation_p(-1.0, np.array([1.0, 0.5, -1.0, 0.2]), exact=True) == 0.5


@pytest.mark.parametrize("n", [5, 30])
def test_products_of_permuted_matrices_are_those_of_permuted_copies(n):
    rng = np.random.default_rng(4)
    a, b = rng.random((2, n, n))
    orders, exact = permuted_orders(n, rng, 20)
    assert exact == (n == 5) and len(orders) == (120 if exact else 20)
    expected = [(a * b[np.ix_(order, order)]).sum() for order in orders]
    assert permuted_products(a, b, orders) == pytest.approx(expected)


def test_an_interval_at_the_edge_is_that_of_the_resamples():
    low, high = bca_interval(1.0, np.array([0.2, 0.5, 0.8]), np.array([0.9, 0.95, 0.99]))
    assert (low, high) == (0.2, 0.8)
    assert correlation(range(10), range(10), kind="spearman", seed=1).high == pytest.approx(1)


def test_too_few_items_give_nan():
    assert math.isnan(correlation([1, 2, 3], [1, 2, 3], kind="kendall", seed=1).p_permutation)
