"""Condition effects against R (`tests/r/agreement.csv`, which `tests/r/agreement.R` wrote), statsmodels and scipy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from psylm.common.errors import InputError
from psylm.figures.multiverse import specification_curve, specification_curve_caption
from psylm.stats.conditions.design import anova_table
from psylm.stats.inference.anova import anova, partial_eta_interval
from psylm.stats.inference.bayes import jzs_correlation, jzs_t, log_jzs
from psylm.stats.inference.contrasts import contrast, min_f
from psylm.stats.inference.effects import cohens_d
from psylm.stats.inference.equivalence import tost
from psylm.stats.inference.multiverse import AGGREGATIONS, agreement_of, multiverse
from tests.r.simulate import HERE, design, factorial, reading

REFERENCE = pd.read_csv(HERE / "agreement.csv").set_index(["case", "term", "quantity"])["value"].sort_index()

FACTORS = {
    "within": (["attractor", "number"], []),
    "between": ([], ["group"]),
    "mixed": (["attractor", "number"], ["group"]),
}


def cells() -> pd.DataFrame:
    return design().pivot_table(index=["subject", "group"], columns=["attractor", "number"], values="time")


def pair() -> tuple[np.ndarray, np.ndarray]:
    wide = cells()["same"]
    return wide["plural"].to_numpy(), wide["singular"].to_numpy()


def groups() -> tuple[np.ndarray, np.ndarray]:
    plural = cells()["same"]["plural"]
    return plural.xs("first", level="group").to_numpy(), plural.xs("second", level="group").to_numpy()


@pytest.mark.parametrize("case", FACTORS)
def test_anova_is_rs(case):
    """F, degrees of freedom, Greenhouse-Geisser's correction, p, effect sizes and the interval: afex and base R."""
    within, between = FACTORS[case]
    table = anova(design(), "time", "subject", within=within, between=between)
    theirs = REFERENCE[f"anova_{case}"].unstack()
    assert {frozenset(e.split(":")) for e in table["effect"]} == {frozenset(e.split(":")) for e in theirs.index}
    for row in table.to_dict("records"):
        (name,) = (e for e in theirs.index if set(e.split(":")) == set(row["effect"].split(":")))
        expected = theirs.loc[name]
        assert row["statistic"] == pytest.approx(expected["F"], rel=1e-8)
        assert row["df"] * row["epsilon"] == pytest.approx(expected["df_corrected"], rel=1e-8)
        assert row["df_error"] * row["epsilon"] == pytest.approx(expected["error_corrected"], rel=1e-8)
        assert row["p"] == pytest.approx(expected["p"], rel=1e-7)
        assert row["estimate"] == pytest.approx(expected["pes"], rel=1e-8)
        assert row["generalised"] == pytest.approx(expected["ges"], rel=1e-8)
        assert (row["low"], row["high"]) == pytest.approx((expected["low"], expected["high"]), abs=1e-6)
        assert row["n"] == 21


def test_anova_within_is_statsmodels():
    ours = anova(factorial(), "time", "subject", within=["grammatical", "attractor"]).set_index("effect")
    theirs = AnovaRM(factorial(), "time", "subject", ["grammatical", "attractor"]).fit().anova_table
    assert ours["statistic"].tolist() == pytest.approx(theirs["F Value"].tolist())
    assert ours["p"].tolist() == pytest.approx(theirs["Pr > F"].tolist())
    assert (ours["epsilon"] == 1).all() and ours["p"].equals(ours["p_uncorrected"])


def test_one_factor_between_is_scipys_and_two_levels_are_the_t_test():
    first, second = groups()
    data = pd.DataFrame({"unit": range(21), "group": ["a"] * 12 + ["b"] * 9, "rt": [*first, *second]})
    row = anova(data, "rt", "unit", between=["group"]).iloc[0]
    assert (row["statistic"], row["p"]) == pytest.approx(tuple(stats.f_oneway(first, second)))
    assert row["statistic"] == pytest.approx(stats.ttest_ind(first, second).statistic ** 2)
    assert (row["estimate"], row["generalised"]) == pytest.approx((row["generalised"], row["estimate"]))


def test_the_order_of_rows_levels_and_factors_does_not_matter():
    data = design()
    first = anova(data, "time", "subject", within=["attractor", "number"], between=["group"])
    again = anova(
        data.sample(frac=1, random_state=1), "time", "subject", within=["number", "attractor"], between=["group"]
    )
    key = lambda table: table["effect"].map(lambda e: frozenset(e.split(":")))  # noqa: E731
    a, b = (table.set_index(key(table))["statistic"] for table in (first, again))
    assert a.to_dict() == pytest.approx(b.to_dict())


def test_an_incomplete_subject_is_left_out_and_a_wrong_factor_is_an_error():
    data = design()
    short = data.drop(data.index[0])
    assert anova(short, "time", "subject", within=["attractor"])["n"].iloc[0] == 21
    assert anova(short, "time", "subject", within=["attractor", "number"])["n"].iloc[0] == 20
    with pytest.raises(InputError, match="several levels in a subject"):
        anova(data, "time", "subject", between=["number"])
    with pytest.raises(InputError, match="no such column"):
        anova(data, "time", "subject", within=["tense"])
    with pytest.raises(InputError, match="more than 2"):
        anova(data[data["subject"].isin(["s00", "s04"])], "time", "subject", within=["number"], between=["group"])


def test_the_interval_of_eta_squared_holds_zero_without_an_effect():
    assert partial_eta_interval(0.5, 1, 20)[0] == 0
    low, high = partial_eta_interval(400.0, 2, 40)
    assert 0.9 < low < high < 1


@pytest.mark.parametrize("unit", ["subject", "item"])
def test_a_contrast_by_subjects_and_by_items_is_rs(unit):
    found = contrast(reading(), "time", unit, {"condition": {0.5: 1.0, -0.5: -1.0}})
    theirs = REFERENCE[f"contrast_{unit}", "condition"]
    assert (found.estimate, found.statistic) == pytest.approx((theirs["estimate"], theirs["statistic"]), rel=1e-9)
    assert (found.df, found.p) == pytest.approx((theirs["parameter"], theirs["p.value"]), rel=1e-9)


def test_min_f_is_clarks():
    row = min_f(reading(), "time", ["condition"]).iloc[0]
    theirs = REFERENCE["min_f", "condition"]
    assert (row["statistic"], row["df_error"], row["p"]) == pytest.approx(
        (theirs["F"], theirs["df_error"], theirs["p"]), rel=1e-9
    )
    assert row["f1"] == pytest.approx(REFERENCE["contrast_subject", "condition", "statistic"] ** 2)
    assert row["f2"] == pytest.approx(REFERENCE["contrast_item", "condition", "statistic"] ** 2)
    assert row["estimate"] == pytest.approx(-REFERENCE["contrast_item", "condition", "estimate"])
    assert row["low"] < row["estimate"] < row["high"] < 0 and (row["n"], row["n_items"]) == (24, 20)


def test_an_interaction_within_is_the_difference_of_differences():
    """Base R's t-test in the other reference; and its square is the F of the interaction."""
    weights = {"grammatical": ("no", "yes"), "attractor": ("other", "same")}
    found = contrast(factorial(), "time", "subject", weights)
    reference = pd.read_csv(HERE / "reference.csv").set_index(["case", "term", "quantity"])["value"].sort_index()
    theirs = reference["t", "interaction"]
    assert (found.estimate, found.statistic, found.p) == pytest.approx((theirs["estimate"], theirs["t"], theirs["p"]))
    assert (found.low, found.high) == pytest.approx((theirs["low"], theirs["high"]))
    table = anova(factorial(), "time", "subject", within=list(weights)).set_index("effect")
    assert found.statistic**2 == pytest.approx(table.loc["grammatical:attractor", "statistic"])
    main = contrast(factorial(), "time", "subject", {"grammatical": ("no", "yes")})
    assert main.estimate == pytest.approx(
        pd.read_csv(HERE / "reference.csv").loc[lambda t: t["term"] == "effect", "value"].iloc[0]
    )


def test_an_interaction_with_a_factor_between_subjects_is_welchs_test_of_differences():
    weights = {"group": ("second", "first"), "attractor": ("other", "none"), "number": ("plural", "singular")}
    found, theirs = contrast(design(), "time", "subject", weights), REFERENCE["contrast_mixed", "interaction"]
    assert found.estimate == pytest.approx(theirs["estimate"], rel=1e-9)
    assert (found.statistic, found.df) == pytest.approx((theirs["statistic"], theirs["parameter"]), rel=1e-9)
    assert (found.low, found.high, found.p) == pytest.approx((theirs["low"], theirs["high"], theirs["p.value"]))
    assert found.n == 21 and found.effect_low < found.effect_size < found.effect_high


def test_a_contrast_of_a_level_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="no level 'neuter'"):
        contrast(design(), "time", "subject", {"number": ("plural", "neuter")})


@pytest.mark.parametrize("kind", ["z", "av", "s"])
def test_standardised_effects_and_their_intervals_are_rs(kind):
    found, theirs = cohens_d(*(groups() if kind == "s" else pair()), kind=kind), REFERENCE["d", kind]
    assert found.estimate == pytest.approx(theirs["estimate"], rel=1e-9)
    # R warns that its noncentral t is not of full precision
    assert (found.low, found.high) == pytest.approx((theirs["low"], theirs["high"]), abs=1e-5)
    df = 19 if kind == "s" else 20
    assert found.g == pytest.approx(found.estimate * (1 - 3 / (4 * df - 1)), rel=1e-3)  # Hedges' approximation


def test_a_correlated_pair_has_a_larger_effect_by_its_differences():
    """d_z = d_av / sqrt(2 (1 - r)) with equal variances."""
    x, y = np.random.default_rng(1).multivariate_normal([0.5, 0], [[1, 0.9], [0.9, 1]], 4000).T
    ratio = cohens_d(x, y, kind="z").estimate / cohens_d(x, y, kind="av").estimate
    assert ratio == pytest.approx(1 / math.sqrt(0.2), rel=0.05)


@pytest.mark.parametrize("name", ["paired", "groups"])
def test_equivalence_is_rs_two_one_sided_tests(name):
    found = tost(*pair(), bounds=(-40, 40)) if name == "paired" else tost(*groups(), bounds=(-60, 50), paired=False)
    for quantity, expected in REFERENCE["tost", name].items():
        assert getattr(found, quantity) == pytest.approx(expected, rel=1e-8)
    assert found.p == max(found.p_low, found.p_high) and (found.p < 0.05) == (name == "paired")


def test_equivalence_and_the_interval_say_the_same():
    for seed in range(20):
        found = tost(np.random.default_rng(seed).normal(0.2, 1, 30), bounds=(-0.5, 0.5))
        assert (found.p < 0.05) == (found.low > -0.5 and found.high < 0.5)
    with pytest.raises(InputError, match="bounds"):
        tost([1, 2, 3], bounds=(1, -1))


def test_bayes_factors_are_those_of_the_package_bayesfactor():
    theirs = REFERENCE["bayes"].droplevel("quantity")
    assert jzs_t(*pair()).log_bf10 == pytest.approx(theirs["paired"], abs=1e-6)
    assert jzs_t(*groups(), paired=False).log_bf10 == pytest.approx(theirs["groups"], abs=1e-6)
    assert jzs_t(*pair(), scale=1.0).log_bf10 == pytest.approx(theirs["wide"], abs=1e-6)
    assert jzs_correlation(*pair()).log_bf10 == pytest.approx(theirs["correlation"], abs=1e-6)
    assert log_jzs(12, 59, 60) == pytest.approx(theirs["large"], abs=1e-6)


def test_the_bayes_factor_is_the_savage_dickey_ratio():
    """The prior density at no effect over the posterior's, which comes from another integral: over δ, not over g."""
    values = np.random.default_rng(2).normal(0.3, 1, 40)
    found = jzs_t(values)
    t = stats.ttest_1samp(values, 0).statistic
    grid = np.linspace(-3, 3, 20001)
    weight = stats.nct.pdf(t, 39, grid * math.sqrt(40)) * stats.cauchy.pdf(grid, scale=math.sqrt(0.5))
    posterior = weight / np.trapezoid(weight, grid)
    assert found.bf10 == pytest.approx(stats.cauchy.pdf(0, scale=math.sqrt(0.5)) / posterior[10000], rel=1e-5)
    inside = (grid > found.low) & (grid < found.high)
    assert np.trapezoid(posterior[inside], grid[inside]) == pytest.approx(0.95, abs=1e-3)
    assert np.trapezoid(posterior[grid < found.estimate], grid[grid < found.estimate]) == pytest.approx(0.5, abs=1e-3)


def test_a_perfect_correlation_and_a_huge_effect_have_finite_log_bayes_factors():
    assert math.isfinite(jzs_correlation(range(50), range(50)).log_bf10)
    assert jzs_t(np.random.default_rng(1).normal(100, 1, 3000)).bf10 == math.inf


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [math.nan, 3.0]])
def test_too_little_data_gives_nan(values):
    assert math.isnan(cohens_d(values, kind="z").p)
    assert math.isnan(tost(values, bounds=(-1, 1)).p)
    assert math.isnan(jzs_t(values).bf10)
    assert math.isnan(cohens_d(values, [1.0], kind="s").g)


SEEN = ("large", "odd", 0)


def words() -> pd.DataFrame:
    """Three words an item, condition, model and measure; the large model sees a difference, in the first word."""
    random = np.random.default_rng(9)
    rows = [
        (model, measure, str(item), condition, word, scale * random.normal(2 * ((model, condition, word) == SEEN)))
        for model in ("small", "large")
        for measure, scale in (("surprisal", 1.0), ("rank", 10.0))
        for item in range(30)
        for condition in ("fitting", "odd")
        for word in range(3)
    ]
    return pd.DataFrame(rows, columns=["model", "measure", "item", "condition", "word_id", "value"])


def odd_minus_fitting(trials: pd.DataFrame):
    return contrast(trials, "value", "item", {"condition": ("odd", "fitting")})


def test_a_multiverse_holds_every_combination_and_each_is_the_analysis_alone():
    table = multiverse(words(), odd_minus_fitting)
    assert len(table) == 2 * 2 * len(AGGREGATIONS) and table["estimate"].is_monotonic_increasing
    row = table.set_index(["measure", "model", "aggregation"]).loc[("rank", "large", "mean")]
    part = words().query("model == 'large' and measure == 'rank'")
    alone = part.groupby(["item", "condition"])["value"].mean().unstack()
    expected = stats.ttest_rel(alone["odd"], alone["fitting"])
    assert (row["statistic"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue)) and row["n"] == 30
    assert table["p_holm"].min() == pytest.approx(16 * table["p"].min())
    said = agreement_of(table)
    assert said["specifications"] == 16 and said["lowest"] <= said["median"] <= said["highest"]


def test_a_specification_that_cannot_be_analysed_is_noted():
    data = words()
    data = data[~((data["model"] == "small") & (data["condition"] == "odd"))]
    table = multiverse(data, odd_minus_fitting, aggregations={"sum": "sum"})
    small = table[table["model"] == "small"]
    assert small["estimate"].isna().all() and small["note"].str.contains("no level 'odd'").all()
    assert agreement_of(table)["specifications"] == 2
    with pytest.raises(InputError, match="layer"):
        multiverse(data, odd_minus_fitting, over=["layer"])


def test_a_specification_curve_shows_every_estimate_and_its_choices():
    table = multiverse(words(), odd_minus_fitting)
    above, below = specification_curve(
        table, ["measure", "model", "aggregation"], columns=("effect_size", "effect_low", "effect_high")
    )
    drawn = np.concatenate([line.get_ydata() for line in above.lines[1:]])
    assert sorted(drawn) == pytest.approx(sorted(table["effect_size"]))
    labels = [label.get_text() for label in below.get_yticklabels()]
    assert labels[2:4] == ["large", "small"] and len(labels) == 8
    ticks = sum(len(line.get_xdata()) for line in below.lines if line.get_marker() == "|")
    assert ticks == 3 * len(table)
    above.figure.draw_without_rendering()
    top, bottom = above.get_window_extent(), below.get_window_extent()
    assert bottom.y1 <= top.y0 and above.get_xlim() == below.get_xlim()
    assert "16 specifications (2 of model" in specification_curve_caption(table, ["model"], "d_z")


def test_a_simple_effect_is_the_contrast_at_one_level():
    at_other = {"attractor": {"other": 1.0}, "number": ("plural", "singular")}
    wide = cells()["other"]
    expected = stats.ttest_rel(wide["plural"], wide["singular"])
    found = contrast(design(), "time", "subject", at_other)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    first = contrast(design(), "time", "subject", {"group": {"first": 1.0}, "number": ("plural", "singular")})
    assert first.n == 12 and first.df == 11


def test_the_table_of_a_set_is_the_anova_by_items_and_a_dry_run_has_none():
    trials = design().rename(columns={"subject": "item", "time": "surprisal"})
    factors = {"group": ["first", "second"], "number": ["singular", "plural"]}
    rows = list(anova_table(trials, factors, ["group"], "surprisal"))
    alone = anova(trials, "surprisal", "item", within=["number"], between=["group"])
    assert [row["statistic"] for row in rows] == alone["statistic"].tolist()
    assert list(anova_table(trials[trials["item"] == "s00"], factors, ["group"], "surprisal")) == []
