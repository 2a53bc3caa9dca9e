"""Predictive power of surprisal: held-out likelihoods and tests against independent computations."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from psylm.common.errors import InputError
from psylm.stats.reading.folds import folds_by, with_previous
from psylm.stats.reading.predictive import predictive_gain, sign_flip_p

pytestmark = pytest.mark.slow


def words(n: int = 600, effect: float = 4.0, seed: int = 1, shape=lambda s: s) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    data = pd.DataFrame({"text": np.arange(n) // 12, "length": random.integers(1, 12, n).astype(float)})
    data["surprisal"] = random.gamma(3.0, 2.0, n)
    noise = random.normal(0, 20, n)
    data["time"] = 300 + 6 * data["length"] + effect * shape(data["surprisal"]) + noise
    return data


def test_the_gain_is_that_of_statsmodels_fold_by_fold() -> None:
    data = words(300)
    gain = predictive_gain(data, "time", ["length"], ["surprisal"], group="text", folds=5, seed=3)
    fold = folds_by(data["text"], 5, 3)
    total = 0.0
    for number in range(5):
        train, test = data[fold != number], data[fold == number]
        for sign, columns in ((-1, ["length"]), (1, ["length", "surprisal"])):
            fit = sm.OLS(train["time"], sm.add_constant(train[columns])).fit()
            expected = fit.predict(sm.add_constant(test[columns]))
            total += sign * stats.norm.logpdf(test["time"], expected, np.sqrt(fit.scale)).sum()
    assert gain.delta_log_likelihood == pytest.approx(total / 300, rel=1e-9)
    assert (gain.n, gain.groups) == (300, 25)
    assert gain.low < gain.delta_log_likelihood < gain.high and gain.p < 0.05


def test_a_useless_predictor_gains_nothing() -> None:
    """Over many simulated sets the test is wrong no oftener than its level says; the gain is below zero on average."""
    found = [
        predictive_gain(words(240, 0.0, seed), "time", ["length"], ["surprisal"], group="text", resamples=199)
        for seed in range(120)
    ]
    gains = [gain.delta_log_likelihood for gain in found]
    assert np.mean(gains) < 0
    wrong = sum(gain.p < 0.05 and gain.delta_log_likelihood > 0 for gain in found)
    assert stats.binomtest(wrong, 120, 0.05, alternative="greater").pvalue > 0.001


def test_the_right_shape_gains_most() -> None:
    data = words(4_000, 60.0, shape=np.log1p)
    gains = {
        link: predictive_gain(data, "time", ["length"], ["surprisal"], group="text", link=link, resamples=99)
        for link in ("linear", "log", "power", "smooth")
    }
    by_gain = sorted(gains, key=lambda link: -gains[link].delta_log_likelihood)
    assert by_gain[0] == "log" and gains["power"].delta_log_likelihood > gains["linear"].delta_log_likelihood
    assert gains["smooth"].delta_log_likelihood > gains["linear"].delta_log_likelihood


def test_spillover_is_found_where_it_is() -> None:
    data = with_previous(words(1_200, 0.0), ["surprisal", "length"], 2, ["text"])
    data["time"] += 5 * data["surprisal_1"].fillna(0)
    own = predictive_gain(data, "time", ["length", "length_1"], ["surprisal"], group="text")
    spilt = predictive_gain(data, "time", ["length", "length_1"], ["surprisal", "surprisal_1"], group="text")
    assert own.p > 0.01 and spilt.p < 0.001 and spilt.delta_log_likelihood > 0.05
    assert spilt.n == 1_200 - data["text"].nunique()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=2, max_size=8))
def test_the_permutation_test_is_exact(gains: list[float]) -> None:
    signs = list(itertools.product((-1, 1), repeat=len(gains)))
    totals = [sum(s * g for s, g in zip(some, gains, strict=True)) for some in signs]
    one_sided = min(
        sum(total <= sum(gains) + 1e-9 for total in totals), sum(total >= sum(gains) - 1e-9 for total in totals)
    )
    assert sign_flip_p(np.array(gains)) == pytest.approx(min(2 * one_sided / len(signs), 1.0))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(2, 6), st.integers(0, 5))
def test_groups_are_never_divided(groups: list[int], folds: int, seed: int) -> None:
    series = pd.Series(groups)
    fold = folds_by(series, folds, seed)
    assert pd.Series(fold).groupby(series).nunique().eq(1).all()
    assert set(fold) == set(range(min(folds, series.nunique())))


def test_mistakes() -> None:
    with pytest.raises(InputError, match="12 rows in 1 groups; expected more rows and groups"):
        predictive_gain(words(12), "time", ["length"], ["surprisal"], group="text")
    negative = words().assign(surprisal=lambda table: table["surprisal"] - 20)
    with pytest.raises(InputError, match="link log: found a predictor below 0"):
        predictive_gain(negative, "time", [], ["surprisal"], group="text", link="log")
