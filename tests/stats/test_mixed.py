"""Mixed models against lme4 and lmerTest: `tests/r/reference.csv`, which `tests/r/reference.R` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psylm.common.errors import InputError
from psylm.stats.mixed_models.export import save_for_r
from psylm.stats.mixed_models.fit import MixedModel, compare, fit_mixed
from psylm.stats.mixed_models.maximal import fit_maximal
from tests.r.simulate import HERE, reading

MAXIMAL = "time ~ condition + (1 + condition | subject) + (1 + condition | item)"
CASES = {
    "maximal": (MAXIMAL, {}),
    "maximal_ml": (MAXIMAL, {"reml": False}),
    "uncorrelated": ("time ~ condition + frequency + (1 + condition || subject) + (1 | item)", {}),
    "binomial": ("correct ~ condition + (1 | subject) + (1 | item)", {"family": "binomial"}),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return reading()


@pytest.fixture(scope="module")
def fits(data: pd.DataFrame) -> dict[str, MixedModel]:
    return {name: fit_mixed(data, formula, **options) for name, (formula, options) in CASES.items()}


def lme4(case: str) -> pd.Series:
    table = pd.read_csv(HERE / "reference.csv")
    return table[table["case"] == case].set_index(["term", "quantity"])["value"]


@pytest.mark.parametrize("case", CASES)
def test_fixed_effects_are_lme4s(case: str, fits: dict[str, MixedModel]) -> None:
    theirs = lme4(case)
    z = case == "binomial"
    for row in fits[case].fixed.to_dict("records"):
        term = row["term"]
        assert row["estimate"] == pytest.approx(theirs[term, "Estimate"], rel=1e-6)
        assert row["se"] == pytest.approx(theirs[term, "Std. Error"], rel=1e-4)
        assert row["statistic"] == pytest.approx(theirs[term, "z value" if z else "t value"], rel=1e-4)
        if z:
            assert row["p"] == pytest.approx(theirs[term, "Pr(>|z|)"], rel=0.005)
            assert np.isinf(row["df"])
        else:
            assert row["df"] == pytest.approx(theirs[term, "df"], rel=0.001)
            assert row["p"] == pytest.approx(theirs[term, "Pr(>|t|)"], rel=0.01)
        assert row["low"] < row["estimate"] < row["high"]


@pytest.mark.parametrize("case", CASES)
def test_variance_components_and_likelihood_are_lme4s(case: str, fits: dict[str, MixedModel]) -> None:
    theirs = lme4(case)
    expected = sorted(value for (_, quantity), value in theirs.items() if quantity in ("variance", "covariance"))
    assert sorted(fits[case].variances["value"]) == pytest.approx(expected, rel=1e-4)
    assert fits[case].log_likelihood == pytest.approx(theirs["model", "logLik"], rel=1e-7)
    assert fits[case].aic == pytest.approx(theirs["model", "AIC"], rel=1e-7)
    assert fits[case].note == "" and fits[case].groups == {"subject": 24, "item": 20}


def test_likelihood_ratio_is_lme4s(data: pd.DataFrame) -> None:
    found, smaller, larger = compare(data, MAXIMAL.replace("~ condition", "~ 1"), MAXIMAL)
    theirs = lme4("ratio")
    assert found.chi_squared == pytest.approx(theirs["condition", "chisq"], rel=1e-4)
    assert (found.df, larger.parameters - smaller.parameters) == (1, 1)
    assert found.p == pytest.approx(theirs["condition", "p"], rel=1e-3)
    assert found.delta_log_likelihood == pytest.approx(theirs["condition", "chisq"] / 2 / len(data), rel=1e-4)


def test_a_maximal_model_is_reduced_by_the_rule(data: pd.DataFrame) -> None:
    """The answers were simulated without random slopes: the maximal model is singular, and loses them one by one."""
    slopes = {"subject": ["condition"], "item": ["condition"]}
    fit = fit_maximal(data, "correct ~ condition", slopes, family="binomial")
    assert fit.formula == CASES["binomial"][0].replace("1 |", "1 |")
    assert len(fit.steps) == 4 and "||" in fit.steps[1]
    assert all("singular" in step for step in fit.steps[:-1]) and fit.steps[-1].endswith("converged")
    kept = fit_maximal(data, "time ~ condition", slopes)
    assert kept.formula == MAXIMAL and kept.steps == [f"{MAXIMAL}: converged"]


def test_missing_values_are_left_out(data: pd.DataFrame) -> None:
    holes = data.copy()
    holes.loc[::7, "time"] = np.nan
    formula = CASES["uncorrelated"][0]
    assert fit_mixed(holes, formula).n == int(holes["time"].notna().sum())
    pd.testing.assert_frame_equal(fit_mixed(holes, formula).fixed, fit_mixed(holes.dropna(), formula).fixed)


def test_mistakes_in_formulas(data: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="found no random term; expected a random term, for example"):
        fit_mixed(data, "time ~ condition")
    with pytest.raises(InputError, match="found group, speed; expected one of subject, item"):
        fit_mixed(data, "speed ~ condition + (1 | group)")
    with pytest.raises(InputError, match="expected a larger model"):
        compare(data, MAXIMAL, MAXIMAL)
    with pytest.raises(InputError, match="expected its random effects of subject, item too"):
        compare(data, MAXIMAL, "time ~ condition + (1 | subject)")


def test_the_same_model_for_r(data: pd.DataFrame, fits: dict[str, MixedModel], tmp_path: Path) -> None:
    table, script = save_for_r(data, fits["binomial"], tmp_path)
    text = script.read_text()
    assert "glmer(correct ~ condition + (1 | subject) + (1 | item), data, family = binomial)" in text
    assert (
        list(pd.read_csv(table).columns) == ["condition", "correct", "item", "subject"]
        and len(pd.read_csv(table)) == 960
    )
    _, script = save_for_r(data, fits["maximal_ml"], tmp_path)
    assert f"lmer({MAXIMAL}, data, REML = FALSE)" in script.read_text()
