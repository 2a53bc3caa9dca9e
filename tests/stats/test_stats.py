"""Statistics against scipy, statsmodels, closed forms and hand-computed cases."""

from __future__ import annotations

import math

import mixedlm
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.inference.correlation import correlation, log_odds
from psylm.stats.inference.intervals import independent_contrast, mean_interval, paired_contrast, proportion_interval
from psylm.stats.inference.multiple import adjusted
from psylm.stats.mixed_models.regression import predictor_effect
from psylm.stats.reading.effects import OURS, target_effects


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=40).filter(lambda values: np.std(values) > 1e-3))
def test_a_paired_contrast_is_the_one_sample_t_test(values):
    ours, theirs = paired_contrast(values), stats.ttest_1samp(values, 0)
    interval = theirs.confidence_interval()
    assert (ours.statistic, ours.p, ours.df) == pytest.approx((theirs.statistic, theirs.pvalue, theirs.df))
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.effect_size == pytest.approx(np.mean(values) / np.std(values, ddof=1))
    assert ours.effect_low <= ours.effect_size <= ours.effect_high


def test_the_interval_of_a_standardised_effect_puts_t_at_both_tails():
    """Its bounds are the noncentralities under which the t found is the 97.5th and the 2.5th percentile."""
    values = np.random.default_rng(1).normal(0.4, 1, 30)
    found = paired_contrast(values)
    low, high = found.effect_low * math.sqrt(30), found.effect_high * math.sqrt(30)
    assert stats.nct.cdf(found.statistic, 29, low) == pytest.approx(0.975, abs=1e-6)
    assert stats.nct.cdf(found.statistic, 29, high) == pytest.approx(0.025, abs=1e-6)
    mirrored = paired_contrast(-values)
    assert (mirrored.effect_low, mirrored.effect_high) == pytest.approx((-found.effect_high, -found.effect_low))


@pytest.mark.parametrize("shift", [-200.0, -5.0, 5.0, 30.0, 200.0])
def test_the_interval_of_a_huge_effect_is_finite_and_holds_it(shift):
    found = paired_contrast(np.random.default_rng(2).normal(shift, 1, 48))
    assert found.effect_low < found.effect_size < found.effect_high
    # For large effects the standard error tends to sqrt(d^2 / 2 df).
    width = (found.effect_high - found.effect_low) / (2 * 1.96)
    assert width == pytest.approx(math.sqrt(1 / 48 + found.effect_size**2 / (2 * 47)), rel=0.1)


def test_a_contrast_between_items_is_welchs_test():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 18), rng.normal(0, 3, 16)
    ours, theirs = independent_contrast(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert (ours.statistic, ours.df, ours.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))
    assert ours.estimate == pytest.approx(a.mean() - b.mean())
    pooled = math.sqrt((17 * a.var(ddof=1) + 15 * b.var(ddof=1)) / 32)
    assert ours.effect_size == pytest.approx(ours.estimate / pooled)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [math.nan, 3.0]])
def test_too_little_data_gives_nan_and_no_warning(values, recwarn):
    found = paired_contrast(values)
    assert math.isnan(found.p) and math.isnan(found.effect_size) and not recwarn.list
    assert math.isnan(mean_interval(values[:1])[1])


def test_wilsons_interval_is_the_published_one():
    """Newcombe (1998), Statistics in Medicine 17, 857-872, Table I: 81/263, 15/148, 0/20 and 1/29."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (successes, n), interval in published.items():
        assert proportion_interval(successes, n)[1:] == pytest.approx(interval, abs=5e-5)


def test_holm_and_benjamini_hochberg_by_hand():
    assert adjusted([0.01, 0.02, 0.03, math.nan]).tolist()[:3] == pytest.approx([0.03, 0.04, 0.04])
    assert adjusted([0.01, 0.02, 0.03], "bh").tolist() == pytest.approx([0.03, 0.03, 0.03])


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_a_correlation_is_scipys_and_its_interval_holds_it(kind):
    rng = np.random.default_rng(4)
    x = rng.normal(size=200)
    y = 0.6 * x + rng.normal(size=200)
    found = correlation(x, y, kind=kind, seed=1)
    expected = stats.pearsonr(x, y) if kind == "pearson" else stats.spearmanr(x, y)
    assert (found.r, found.p, found.n) == pytest.approx((expected.statistic, expected.pvalue, 200))
    assert found == correlation(x, y, kind=kind, seed=1), "the same seed gives the same interval"
    if kind == "pearson":
        fisher = expected.confidence_interval()
        assert (found.low, found.high) == pytest.approx((fisher.low, fisher.high), abs=0.03)


def test_a_correlation_of_too_few_or_constant_values_is_nan():
    assert math.isnan(correlation([1, 2, 3], [1, 2, 3], kind="pearson", seed=1).r)
    assert math.isnan(correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], kind="spearman", seed=1).r)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_log_odds_are_finite_and_keep_the_order(probabilities):
    odds = log_odds(probabilities)
    assert np.isfinite(odds).all()
    order = np.argsort(probabilities, kind="stable")
    assert (np.diff(odds[order]) >= -1e-12).all()


def design_of(effects: dict[str, float], items: int = 40, seed: int = 5) -> pd.DataFrame:
    """Simulate items with a level of their own, and a mean for each condition."""
    rng = np.random.default_rng(seed)
    level = rng.normal(10, 2, items)
    return pd.DataFrame(
        [
            {"item": str(item), "condition": condition, "surprisal": level[item] + mean + rng.normal(0, 1)}
            for item in range(items)
            for condition, mean in effects.items()
        ]
    )


FACTORS = {"constraint": ["high", "low"], "completion": ["expected", "within", "between"]}
EFFECTS = {
    "high/expected": -4.0, "high/within": -1.0, "high/between": 0.0,
    "low/expected": -1.0, "low/within": 0.0, "low/between": 0.0,
}  # fmt: skip


def test_contrasts_find_the_effects_that_were_put_in():
    table = pd.DataFrame(contrast_table(design_of(EFFECTS), FACTORS, [], "surprisal"))
    assert len(table) == 2 * 3 + 3 + 3
    found = table.set_index(["contrast", "at"])["estimate"]
    assert found["expected − within", "constraint high"] == pytest.approx(-3, abs=0.7)
    assert found["high − low", "completion expected"] == pytest.approx(-3, abs=0.7)
    assert found["(expected − within) high − (expected − within) low", ""] == pytest.approx(-2, abs=1)
    assert table["design"].eq("within items, paired").all() and table["n"].eq(40).all()


def test_a_factor_between_items_is_tested_between_items():
    trials = design_of(EFFECTS)
    low = trials["item"].astype(int) >= 20
    trials = trials[trials["condition"].str.startswith("low") == low]
    table = pd.DataFrame(contrast_table(trials, FACTORS, ["constraint"], "surprisal")).set_index(["contrast", "at"])
    row = table.loc[("high − low", "completion within")]
    high_values = trials[trials["condition"] == "high/within"]["surprisal"]
    low_values = trials[trials["condition"] == "low/within"]["surprisal"]
    assert row["p"] == pytest.approx(stats.ttest_ind(high_values, low_values, equal_var=False).pvalue)
    interaction = table.loc[("(expected − within) high − (expected − within) low", "")]
    assert interaction["design"].startswith("between items") and interaction["n"] == 40
    swapped = dict(reversed(FACTORS.items()))
    trials = trials.assign(condition=trials["condition"].str.split("/").str[::-1].str.join("/"))
    again = pd.DataFrame(contrast_table(trials, swapped, ["constraint"], "surprisal")).set_index("contrast")
    assert again.loc["(expected − within) high − (expected − within) low", "p"] == pytest.approx(interaction["p"])


def test_condition_means_are_those_of_the_items():
    trials = design_of(EFFECTS)
    table = pd.DataFrame(condition_table(trials, FACTORS, ("surprisal", "absent"))).set_index("condition")
    expected = trials.groupby("condition")["surprisal"].agg(["mean", "std", "size"])
    assert table["mean"].to_dict() == pytest.approx(expected["mean"].to_dict())
    assert table["n"].eq(40).all() and len(table) == 6


def reading_times(words: int = 600, slope: float = 3.0, between: float = 8.0) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    sentence = np.repeat(np.arange(words // 10), 10)
    data = pd.DataFrame(
        {"sentence": sentence, "surprisal": rng.gamma(3, 2, words), "length": rng.integers(2, 10, words)}
    )
    own = rng.normal(0, between, words // 10)[sentence]
    return data.assign(time=250 + slope * data["surprisal"] + 5 * data["length"] + own + rng.normal(0, 15, words))


def test_the_effect_of_a_predictor_is_the_mixed_models_own():
    """The standardised fit, undone, equals a fit in the units of the data."""
    data = reading_times()
    found = predictor_effect(data, "time", "surprisal", ["length"], "sentence")
    raw = mixedlm.lmer(
        "time ~ length + surprisal + (1 | sentence)", data.assign(sentence=data["sentence"].astype(str)), REML=False
    )
    assert found.estimate == pytest.approx(raw.fixef()["surprisal"], rel=1e-4)
    assert found.low < 3 < found.high and found.n == 600 and found.groups == 60 and found.note == ""
    without = mixedlm.lmer(
        "time ~ length + (1 | sentence)", data.assign(sentence=data["sentence"].astype(str)), REML=False
    )
    gain = raw.logLik().value - without.logLik().value
    assert found.delta_log_likelihood * 600 == pytest.approx(gain, rel=1e-3)
    assert found.p_likelihood_ratio == pytest.approx(stats.chi2.sf(2 * gain, 1), rel=1e-2)


def test_without_variance_between_groups_the_effect_is_that_of_ordinary_regression():
    data = reading_times(between=0.0)
    data["sentence"] = np.tile(np.arange(60), 10)
    found = predictor_effect(data, "time", "surprisal", ["length"], "sentence")
    ordinary = sm.OLS(data["time"], sm.add_constant(data[["length", "surprisal"]])).fit()
    assert found.estimate == pytest.approx(ordinary.params["surprisal"], rel=0.02)
    assert found.delta_log_likelihood > 0


def test_a_balanced_random_intercept_has_its_closed_form():
    """Balanced groups, predictor constant sum within each: the fixed effect is the within-group regression."""
    rng = np.random.default_rng(7)
    x = np.tile([-1.0, 0.0, 1.0, 0.0], 50)
    group = np.repeat(np.arange(50), 4)
    y = 2 * x + rng.normal(0, 3, 50)[group] + rng.normal(0, 1, 200)
    found = predictor_effect(pd.DataFrame({"g": group, "x": x, "y": y}), "y", "x", [], "g")
    assert found.estimate == pytest.approx((x * y).sum() / (x**2).sum(), rel=1e-5)


def test_too_little_data_for_a_model_is_said_in_words():
    data = pd.DataFrame({"g": [1, 2], "x": [1.0, 2.0], "y": [1.0, 2.0]})
    found = predictor_effect(data, "y", "x", [], "g")
    assert math.isnan(found.estimate) and found.note == "too few data, or no variation" and found.n == 2


def test_predictors_are_compared_on_the_same_words():
    data = reading_times().rename(columns={"time": "human_rt"})
    data = data.assign(item=data.index.astype(str), sentence_id=data["sentence"], log_frequency=1.0, target="word")
    data["other_surprisal"], data["other_multitoken"] = data["surprisal"] + 1, (data.index % 5 == 0).astype(int)
    card = {
        "human": {"rt": "reading time (ms)", "liking": "rating (1 to 5)"},
        "references": {"other_surprisal": "Other"},
    }
    table = pd.DataFrame(target_effects(data, card | {"language": "en"}))
    assert set(table["response"]) == {"rt"}
    same = table[table["words"] == "words of one token"].set_index("predictor")
    assert set(same["n"]) == {480}
    assert same.loc[OURS, "estimate"] == pytest.approx(same.loc["published surprisal of Other", "estimate"])
