"""Agreement with people: against scipy, brute force, closed forms, and R (tests/r/reference.csv)."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from psylm.common.errors import InputError
from psylm.stats.inference.calibration import calibration
from psylm.stats.inference.ceiling import spearman_brown, split_half
from psylm.stats.inference.correlation import TESTS, ResampledCorrelation, correlation
from psylm.stats.inference.resampling import (
    bca_constants,
    bca_interval,
    jackknife,
    permutation_p,
    permuted_orders,
    permuted_products,
)
from psylm.stats.inference.responses import jensen_shannon, response_distance, response_diversity, response_entropy
from psylm.stats.inference.rsa import dissimilarity, mantel
from tests.r.simulate import HERE, reading, resamples, vectors

pytestmark = pytest.mark.slow


REFERENCE = pd.read_csv(HERE / "agreement.csv").set_index(["case", "term", "quantity"])["value"].sort_index()


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
    counts = np.bincount(drawn, minlength=n)[None]
    if np.ptp(x[drawn]) == 0 or np.ptp(y[drawn]) == 0:
        assert ResampledCorrelation(x, y, kind)(counts)[0] == 0
        return
    expected = TESTS[kind](x[drawn], y[drawn]).statistic
    assert ResampledCorrelation(x, y, kind)(counts)[0] == pytest.approx(expected, abs=1e-9)


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


@pytest.mark.parametrize(("kind", "n"), [("pearson", 2001), ("kendall", 201)])
def test_no_permutations_are_drawn_of_very_many_items(kind, n):
    found = correlation(*related(n, 9), kind=kind, seed=1, resamples=20)
    assert math.isnan(found.p_permutation) and found.p < 0.001


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


@pytest.mark.parametrize("kind", TESTS)
def test_bca_is_rs_boot_on_the_same_resamples(kind):
    """Bias, acceleration and interval of package boot, for resamples that a generator written in both draws.

    boot interpolates between two order statistics on the scale of the normal quantile, we on that of the statistic.
    """
    data = reading().iloc[:60]
    x, y = data["time"].to_numpy(), data["frequency"].to_numpy()
    drawn = resamples(60, 999)
    counts = np.stack([np.bincount(items, minlength=60) for items in drawn])
    statistic = ResampledCorrelation(x, y, kind)
    estimate = float(TESTS[kind](x, y).statistic)
    resampled, left_out = statistic(counts), jackknife(statistic, 60)
    theirs = REFERENCE["bca", kind]
    bias, acceleration = bca_constants(estimate, resampled, left_out)
    assert (bias, acceleration) == pytest.approx((theirs["bias"], theirs["acceleration"]), rel=1e-8)
    low, high = bca_interval(estimate, resampled, left_out)
    order = np.sort(resampled)
    for ours, expected in ((low, theirs["low"]), (high, theirs["high"])):
        gap = np.diff(order)[np.searchsorted(order, ours) - 1]
        assert abs(ours - expected) <= 0.02 * gap + 1e-12


def spaces() -> tuple[np.ndarray, np.ndarray]:
    table = vectors().to_numpy()
    return table[:, :5], table[:, 5:]


@pytest.mark.parametrize(("kind", "metric"), [("pearson", "euclidean"), ("spearman", "euclidean")])
def test_the_mantel_test_is_rs(kind, metric):
    """vegan's correlation of 20 items; and the exact p of seven, all of whose 5,040 orders R went through."""
    first, second = spaces()
    found = mantel(dissimilarity(first, metric), dissimilarity(second, metric), kind=kind, seed=1, resamples=200)
    assert found.estimate == pytest.approx(REFERENCE["mantel", kind, "r"], rel=1e-9) and found.n == 20
    few = mantel(dissimilarity(first[:7], metric), dissimilarity(second[:7], metric), kind=kind, seed=1, resamples=0)
    assert few.p == pytest.approx(REFERENCE["mantel", kind, "p"], abs=1e-12)


@pytest.mark.parametrize("metric", ["correlation", "cosine"])
def test_dissimilarities_are_rs(metric):
    first, second = (dissimilarity(space, metric) for space in spaces())
    found = mantel(first, second, kind="pearson", seed=1, permutations=0, resamples=0)
    assert found.estimate == pytest.approx(REFERENCE["mantel", metric, "r"], rel=1e-9)
    assert (np.diag(first) == 0).all() and np.array_equal(first, first.T) and math.isnan(found.p)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_items_drawn_twice_are_no_pair_with_themselves(kind):
    """A resample's correlation equals that over the pairs of its items, copies of one item left out."""
    from psylm.stats.inference.rsa import _ItemsDrawn

    first, second = (dissimilarity(space, "euclidean") for space in spaces())
    drawn = np.random.default_rng(3).integers(20, size=20)
    pairs = [(i, j) for k, i in enumerate(drawn) for j in drawn[:k] if i != j]
    x, y = ([matrix[pair] for pair in pairs] for matrix in (first, second))
    above = np.triu_indices(20, 1)
    statistic = _ItemsDrawn(first[above], second[above], kind, 20)
    found = statistic(np.bincount(drawn, minlength=20)[None])
    assert found[0] == pytest.approx(TESTS[kind](x, y).statistic, abs=1e-9)


def test_rsa_of_related_spaces_has_an_interval_above_zero_and_the_same_seed_gives_the_same():
    random = np.random.default_rng(5)
    first = random.normal(size=(60, 4))
    second = first @ random.normal(size=(4, 4)) + 0.3 * random.normal(size=(60, 4))
    matrices = dissimilarity(first), dissimilarity(second)
    found = mantel(*matrices, seed=2, permutations=500, resamples=500)
    assert 0 < found.low < found.estimate < found.high < 1 and found.p == pytest.approx(1 / 501)
    assert found == mantel(*matrices, seed=2, permutations=500, resamples=500)


def test_a_matrix_that_is_none_is_an_error():
    good = dissimilarity(spaces()[0])
    with pytest.raises(InputError, match="square"):
        mantel(good[:, :3], good, seed=1)
    with pytest.raises(InputError, match="symmetric"):
        mantel(np.triu(good), good, seed=1)
    with pytest.raises(InputError, match="row 1"):
        dissimilarity([[1, 2, 3], [2, 2, 2]], "correlation")
    assert math.isnan(mantel(np.zeros((5, 5)), good[:5, :5], seed=1).estimate)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_split_half_reliability_is_rs_over_all_halves(kind):
    data = reading()
    eight = data[data["subject"].isin(sorted(data["subject"].unique())[:8])]
    found = split_half(eight, value="time", kind=kind, seed=1, resamples=200)
    theirs = REFERENCE["split_half", kind]
    assert (found.splits, found.subjects, found.n) == (35, 8, 20)
    assert (found.halves, found.estimate) == pytest.approx((theirs["r"], theirs["spearman_brown"]), rel=1e-9)
    assert found.ceiling == pytest.approx(math.sqrt(theirs["spearman_brown"]))
    assert found.low < found.estimate < found.high <= 1


def people(items: int, subjects: int, noise: float, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    true = random.normal(size=items)
    rows = [(i, s, true[i] + random.normal(0, noise)) for i in range(items) for s in range(subjects)]
    return pd.DataFrame(rows, columns=["item", "subject", "value"])


def test_reliability_is_that_of_the_model_the_data_came_from():
    """True variance 1, error variance 9 / 20 subjects: 1 / 1.45 = .690; 400 items leave a standard error of .026."""
    found = split_half(people(400, 20, 3.0, 1), seed=1, splits=200, resamples=0)
    assert found.estimate == pytest.approx(1 / 1.45, abs=0.06)
    assert found.splits_low < found.estimate < found.splits_high


def test_subjects_need_not_have_seen_every_item():
    data = people(60, 20, 1.0, 2).sample(frac=0.5, random_state=1)
    found = split_half(data, seed=1, splits=100, resamples=200)
    assert 0.6 < found.estimate < 1 and found.subjects == 20
    with pytest.raises(InputError, match="two or more"):
        split_half(data[data["subject"] == 1], seed=1)


def test_spearman_brown_of_a_quarter_is_four_tenths():
    assert spearman_brown(0.25) == pytest.approx(0.4) and spearman_brown(0.5, 4) == pytest.approx(0.8)


def shares() -> tuple[np.ndarray, np.ndarray]:
    table = vectors()
    hits = np.round(20 / (1 + np.exp(-(table["a1"] + 0.5 * table["b2"] - 0.3))))
    return (1 / (1 + np.exp(-1.5 * table["a1"]))).to_numpy(), (hits / 20).to_numpy()


def test_slope_and_intercept_of_calibration_are_rs():
    """glm and sandwich's HC3; R's fit stops at a change in deviance of 1e-8."""
    table = calibration(*shares(), seed=1, resamples=200).table.set_index("quantity")
    for term, null, df in (("slope", 1, 18), ("intercept", 0, 19)):
        row, theirs = table.loc[term], REFERENCE["calibration", term]
        assert row["estimate"] == pytest.approx(theirs["estimate"], rel=1e-6)
        assert row["statistic"] == pytest.approx((theirs["estimate"] - null) / theirs["se"], rel=1e-5)
        assert (row["high"] - row["low"]) / 2 == pytest.approx(stats.t.ppf(0.975, df) * theirs["se"], rel=1e-5)


def test_scores_of_calibration_are_those_of_single_answers():
    """The Brier and log scores equal those of 20 answers an item, each 0 or 1, written out."""
    p, h = shares()
    table = calibration(p, h, seed=1, resamples=50).table.set_index("quantity")["estimate"]
    answers = np.array([[1.0] * round(20 * share) + [0.0] * round(20 - 20 * share) for share in h])
    assert table["Brier score"] == pytest.approx(((p[:, None] - answers) ** 2).mean())
    log = -np.where(answers == 1, np.log2(p[:, None]), np.log2(1 - p[:, None]))
    assert table["log score"] == pytest.approx(log.mean())
    assert table["Brier score"] == pytest.approx(table["Brier divergence"] + table["Brier uncertainty"])
    assert table["log score"] == pytest.approx(table["log divergence"] + table["log uncertainty"])
    assert table["Brier divergence"] == pytest.approx(((p - h) ** 2).mean())


def test_the_error_of_calibration_by_hand():
    found = calibration([0.1, 0.1, 0.5, 0.7], [0.2, 0.4, 0.6, 0.6], seed=1, bins=2)
    # bins: two items of .1 against .3 on average, and .6 against .6
    assert found.curve[["predicted", "observed", "n"]].to_numpy() == pytest.approx(
        np.array([[0.1, 0.3, 2], [0.6, 0.6, 2]])
    )
    assert found.table.set_index("quantity").loc["expected calibration error", "estimate"] == pytest.approx(0.1)


def test_a_calibrated_model_is_found_so_and_few_respondents_are_allowed_for():
    random = np.random.default_rng(3)
    p = 1 / (1 + np.exp(-random.normal(-1, 1.5, 4000)))
    h = random.binomial(5, p) / 5
    table = calibration(p, h, 5, seed=1, resamples=200).table.set_index("quantity")
    assert table.loc["slope", "low"] < 1 < table.loc["slope", "high"]
    assert table.loc["intercept", "low"] < 0 < table.loc["intercept", "high"]
    assert table.loc["Brier divergence", "estimate"] == pytest.approx(0, abs=0.002)
    assert table.loc["Brier uncertainty", "estimate"] == pytest.approx((p * (1 - p)).mean(), abs=0.005)
    plain = calibration(p, h, seed=1, resamples=50).table.set_index("quantity")
    assert plain.loc["Brier divergence", "estimate"] > 0.02
    sharp = 1 / (1 + np.exp(-2 * np.log(p / (1 - p))))
    assert calibration(sharp, h, 5, seed=1, resamples=50).table.loc[0, "estimate"] == pytest.approx(0.5, abs=0.03)


def test_calibration_of_no_probability_is_an_error_and_of_nothing_nan():
    with pytest.raises(InputError, match="between 0 and 1"):
        calibration([0.2, 1.4], [0.1, 0.2], seed=1)
    assert calibration([], [], seed=1).table["estimate"].isna().all()
    certain = calibration([0.0, 0.5, 0.4, 0.9], [0.5, 0.5, 0.3, 0.8], seed=1).table.set_index("quantity")
    assert certain.loc["log score", "estimate"] == math.inf and math.isnan(certain.loc["log score", "low"])


distributions = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 1), min_size=1).map(
    lambda d: {key: value / sum(d.values()) for key, value in d.items()}
)


@given(distributions, distributions, distributions)
def test_the_jensen_shannon_distance_is_scipys_and_a_metric(p, q, r):
    names = "abcdef"
    expected = stats.entropy  # the definition: H((p + q) / 2) - (H(p) + H(q)) / 2
    a, b = (np.array([one.get(name, 0.0) for name in names]) for one in (p, q))
    bits = expected((a + b) / 2, base=2) - (expected(a, base=2) + expected(b, base=2)) / 2
    assert jensen_shannon(p, q) ** 2 == pytest.approx(bits, abs=1e-9)
    assert jensen_shannon(p, q) == jensen_shannon(q, p)
    assert jensen_shannon(p, r) <= jensen_shannon(p, q) + jensen_shannon(q, r) + 1e-9


@given(distributions, distributions, st.sampled_from("abcdef"))
def test_responses_not_named_give_a_lower_bound(p, q, left_out):
    named = {key: value for key, value in p.items() if key != left_out}
    if named:
        assert jensen_shannon(named, q) <= jensen_shannon(p, q) + 1e-6
        assert jensen_shannon(named, p) == pytest.approx(0, abs=1e-6)


def test_disjoint_distributions_are_one_apart():
    assert jensen_shannon({"fork": 1.0}, {"spoon": 1.0}) == 1
    with pytest.raises(InputError, match="at most 1"):
        jensen_shannon({"fork": 0.7, "spoon": 0.7}, {"fork": 1.0})


def test_distances_of_items_and_their_mean():
    model = pd.DataFrame(
        [("1", "a", "fork", 0.5), ("1", "a", "spoon", 0.2), ("2", "a", "tea", 1.0), ("3", "a", "cat", 1.0)],
        columns=["item", "condition", "response", "probability"],
    )
    answers = pd.DataFrame(
        [("1", "a", word) for word in ["fork"] * 5 + ["knife"] * 5] + [("2", "a", "tea")] * 4,
        columns=["item", "condition", "response"],
    )
    found = response_distance(model, answers, keys=("item", "condition"))
    # item 1: fork .5, spoon and the rest are "other" on both sides but for spoon, which people never gave
    expected = jensen_shannon({"fork": 0.5, "spoon": 0.2, "other": 0.3}, {"fork": 0.5, "other": 0.5})
    assert found.items["distance"].tolist() == pytest.approx([expected, 0]) and found.n == 2
    assert found.items["covered"].tolist() == [0.5, 1]
    assert found.estimate == pytest.approx(expected / 2) and found.low < found.estimate < found.high
    with pytest.raises(InputError, match="probability"):
        response_distance(answers, answers)


def test_corrected_entropies_are_nearer_to_the_truth():
    """20 responses from a distribution of 30 words by Zipf's law, whose entropy is known."""
    p = 1 / np.arange(1, 31)
    p /= p.sum()
    truth = stats.entropy(p, base=2)
    draws = np.random.default_rng(4).multinomial(20, p, size=500)
    means = {
        name: np.mean([response_entropy(counts, name) for counts in draws])
        for name in ("none", "miller-madow", "chao-shen")
    }
    assert means["none"] < means["miller-madow"] < truth
    assert abs(means["chao-shen"] - truth) < 0.2 < truth - means["miller-madow"]


def test_entropies_by_hand():
    assert response_entropy([2, 2], "none") == pytest.approx(1)
    assert response_entropy([2, 2], "miller-madow") == pytest.approx(1 + 1 / (8 * math.log(2)))
    # coverage 1 - 1/4: masses 9/16 and 3/16, each over the probability of having been seen in four draws
    mass = np.array([9 / 16, 3 / 16])
    expected = (-mass * np.log2(mass) / (1 - (1 - mass) ** 4)).sum()
    assert response_entropy([3, 1], "chao-shen") == pytest.approx(expected)
    assert response_entropy([5], "chao-shen") == 0 and math.isnan(response_entropy([]))
    assert math.isfinite(response_entropy([1, 1, 1]))


def test_diversity_counts_people():
    answers = pd.DataFrame({"item": ["1"] * 4 + ["2"], "response": ["tea", "tea", "tea", "milk", "tea"]})
    table = response_diversity(answers).set_index("item")
    assert table.loc["1", ["n", "unique", "modal"]].tolist() == [4, 2, 0.75]
    counted = pd.DataFrame({"item": ["1", "1"], "response": ["tea", "milk"], "count": [3, 1]})
    assert response_diversity(counted).loc[0, "entropy"] == table.loc["1", "entropy"]
