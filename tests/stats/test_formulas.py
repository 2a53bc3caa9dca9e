"""Formulas against R: `model.matrix`, lme4, lmerTest and emmeans on the same data (`tests/r/formulas.R`)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psylm.common.errors import InputError
from psylm.stats.mixed_models.emmeans import marginal_means, mean_contrast, mean_contrasts
from psylm.stats.mixed_models.export import save_for_r
from psylm.stats.mixed_models.fit import MixedModel, compare, fit_mixed
from psylm.stats.mixed_models.formula import parse, terms_of
from psylm.stats.mixed_models.maximal import fit_maximal
from psylm.stats.mixed_models.model_matrix import model_matrix
from psylm.stats.mixed_models.power import components_of, simulate
from psylm.stats.mixed_models.variables import Variables
from tests.r.simulate import HERE, factors
from tests.stats.test_power import SDS

pytestmark = pytest.mark.slow


FORMULAS = (HERE / "formulas.txt").read_text().splitlines()
NAMES = {  # coded by sums and the like, R's columns have numbers; ours have the level's name
    "C(a, Sum)[S.easy]": "C(a, contr.sum)1", "C(b, Sum)[S.high]": "C(b, contr.sum)1",
    "C(b, Sum)[S.low]": "C(b, contr.sum)2",
    "C(b, Helmert)[H.low]": "C(b, contr.helmert)1", "C(b, Helmert)[H.mid]": "C(b, contr.helmert)2",
    "C(b, Treatment('mid'))": 'relevel(b, ref = "mid")', "relevel(b, ref='mid')": 'relevel(b, ref = "mid")',
}  # fmt: skip


def in_r(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return factors()


@pytest.fixture(scope="module")
def theirs() -> pd.DataFrame:
    return pd.read_csv(HERE / "formulas.csv")


@pytest.fixture(scope="module")
def slopes(data: pd.DataFrame) -> MixedModel:
    return fit_mixed(data, "rt ~ a * b + x + (1 + a | subject) + (1 | item)")


@pytest.fixture(scope="module")
def answers(data: pd.DataFrame) -> MixedModel:
    return fit_mixed(data, "correct ~ a * x + (1 | subject)", family="binomial")


def of(theirs: pd.DataFrame, case: str) -> pd.DataFrame:
    return theirs[theirs["case"] == case].pivot_table(index="term", columns="quantity", values="value", sort=False)


@pytest.mark.parametrize("formula", FORMULAS)
def test_columns_are_those_of_r(formula: str, data: pd.DataFrame, theirs: pd.DataFrame) -> None:
    expected = theirs[(theirs["case"] == formula) & (theirs["quantity"] == "column")]["term"].tolist()
    terms = terms_of(formula.partition("~")[2])
    found = model_matrix(terms, Variables(terms.factors, data).found, len(data))
    assert [in_r(name) for name in found.names] == expected


@pytest.mark.parametrize("formula", FORMULAS)
def test_fits_are_lme4s(formula: str, data: pd.DataFrame, theirs: pd.DataFrame) -> None:
    fit = fit_mixed(data, f"{formula} + (1 | subject) + (1 | item)")
    compared(fit, of(theirs, formula))


def compared(fit: MixedModel, expected: pd.DataFrame) -> None:
    """Compare fixed effects, their errors and degrees of freedom, and the log-likelihood, to 1e-5 or better."""
    assert fit.log_likelihood == pytest.approx(expected.loc["model", "logLik"], abs=1e-5)
    table = fit.fixed.assign(term=fit.fixed["term"].map(in_r)).set_index("term")
    rows = expected[expected["Estimate"].notna()]
    assert set(table.index) == set(rows.index)
    for term, row in rows.iterrows():
        ours = table.loc[term]
        assert ours["estimate"] == pytest.approx(row["Estimate"], rel=1e-5, abs=1e-5 * row["Std. Error"])
        assert ours["se"] == pytest.approx(row["Std. Error"], rel=1e-5)
        if "df" in row:
            assert ours["df"] == pytest.approx(row["df"], rel=1e-4)


def test_slopes_nesting_and_answers_are_lme4s(
    data: pd.DataFrame, theirs: pd.DataFrame, slopes: MixedModel, answers: MixedModel
) -> None:
    compared(slopes, of(theirs, "slopes"))
    compared(answers, of(theirs, "answers"))
    nested = fit_mixed(data, "rt ~ a + (1 | b / item) + (1 | subject:a)")
    compared(nested, of(theirs, "nested"))
    assert nested.groups == {"b": 3, "item:b": 18, "subject:a": 32}


def same(ours: pd.DataFrame, keys: list[str], expected: pd.DataFrame, estimate: str) -> None:
    assert len(ours) == len(expected)
    for row in ours.to_dict("records"):
        r = expected.loc["|".join(str(row[key]) for key in keys)]
        assert row["estimate"] == pytest.approx(r[estimate], rel=1e-5, abs=1e-5 * row["se"])
        assert row["se"] == pytest.approx(r["SE"], rel=1e-5)
        low, high = ("lower.CL", "upper.CL") if "lower.CL" in r else ("asymp.LCL", "asymp.UCL")
        if low in r:
            assert row["df"] == pytest.approx(r["df"], rel=1e-4)
            assert (row["low"], row["high"]) == pytest.approx((r[low], r[high]), rel=1e-5, abs=1e-4 * row["se"])
        if "t.ratio" in r and "p" in row:
            assert row["p"] == pytest.approx(r["p.value"], rel=1e-4)


def test_marginal_means_are_those_of_emmeans(
    data: pd.DataFrame, theirs: pd.DataFrame, slopes: MixedModel, answers: MixedModel
) -> None:
    same(marginal_means(slopes, ["a"]), ["a"], of(theirs, "means a"), "emmean")
    same(marginal_means(slopes, ["a", "b"]), ["a", "b"], of(theirs, "means a b"), "emmean")
    same(marginal_means(slopes, ["b"], at={"x": 3.0}), ["b"], of(theirs, "means b at x = 3"), "emmean")
    logits, probabilities = marginal_means(answers, ["a"]), of(theirs, "answers probabilities")
    same(logits, ["a"], of(theirs, "answers a"), "emmean")
    assert logits["probability"].tolist() == pytest.approx(probabilities["prob"].tolist(), rel=1e-4)
    assert logits["probability_low"].tolist() == pytest.approx(probabilities["asymp.LCL"].tolist(), rel=1e-4)
    # a column of two numbers has both, as a factor does
    two = fit_mixed(
        data.assign(two=np.where(data["a"] == "easy", -0.5, 1.0)), "rt ~ two * b + (1 | subject) + (1 | item)"
    )
    same(marginal_means(two, ["b"]), ["b"], of(theirs, "two numbers"), "emmean")


def test_contrasts_of_means_are_those_of_emmeans(theirs: pd.DataFrame, slopes: MixedModel, answers: MixedModel) -> None:
    pairs = mean_contrasts(slopes, "b")
    same(pairs, ["contrast"], of(theirs, "contrasts b"), "estimate")
    holm = of(theirs, "contrasts b holm")["p.value"]
    assert pairs["p_adjusted"].tolist() == pytest.approx(holm.tolist(), rel=1e-4)
    same(mean_contrasts(slopes, "a", by=["b"]), ["b", "contrast"], of(theirs, "contrasts a by b"), "estimate")
    same(mean_contrasts(answers, "a"), ["contrast"], of(theirs, "contrasts answers"), "estimate")
    one = mean_contrast(slopes, {"a": ("easy", "hard"), "b": ("high", "low")})
    same(pd.DataFrame([{"x": "x"} | one.to_dict()]), ["x"], of(theirs, "interaction"), "estimate")


def test_what_the_data_do_not_determine_is_not_given(data: pd.DataFrame) -> None:
    holes = data[~((data["a"] == "hard") & (data["b"] == "mid"))]
    fit = fit_mixed(holes, "rt ~ a * b + (1 | subject)")
    assert fit.note == "left out, since the columns before determine them: ahard:bmid"
    means = marginal_means(fit, ["a", "b"]).set_index(["a", "b"])["estimate"]
    assert math.isnan(means["hard", "mid"]) and means.isna().sum() == 1
    cell = marginal_means(fit, ["b"]).set_index("b")["estimate"]
    assert math.isnan(cell["mid"]) and np.isfinite(cell["low"])


def test_names_that_are_no_terms_are_errors(data: pd.DataFrame, slopes: MixedModel) -> None:
    for name in ("cond", "a.1", "ahard", "a + b"):
        with pytest.raises(InputError, match=r"random slope .*: found no such term; expected one of a"):
            fit_maximal(data, "rt ~ a", {"subject": [name]})
    with pytest.raises(InputError, match="found subjct; expected one of"):
        fit_maximal(data, "rt ~ a", {"subjct": ["a"]})
    with pytest.raises(InputError, match="condition 'cond': found no such term; expected one of a, b, x"):
        components_of(slopes, "cond")
    with pytest.raises(InputError, match="condition 'b': found 3 levels; expected two"):
        components_of(slopes, "b")
    with pytest.raises(InputError, match="grouping 'who': found no such grouping; expected one of subject, item"):
        components_of(slopes, "a", subject="who")
    for wrong in (["c"], ["x"], ["a", "a"], []):
        with pytest.raises(InputError, match=r"factors: found .*; expected one of a, b"):
            marginal_means(slopes, wrong)
    with pytest.raises(InputError, match="found no level 'harder'; expected easy, hard"):
        mean_contrast(slopes, {"a": ("harder", "easy")})
    with pytest.raises(InputError, match="at: found y; expected one of a, b, x"):
        marginal_means(slopes, ["a"], at={"y": 1.0})


def test_the_slope_of_the_smallest_variance_goes_whatever_the_coding() -> None:
    """Subjects differ in the effect, items do not: as text and as numbers, the slope of items is what goes."""
    random = np.random.default_rng(3)
    subject, item = (grid.ravel() for grid in np.meshgrid(np.arange(20), np.arange(20), indexing="ij"))
    x = np.where((subject + item) % 2 == 0, -0.5, 0.5)
    s, i = random.normal(0, 1, (20, 2)), random.normal(0, 1, 20)
    data = pd.DataFrame({"subject": subject.astype(str), "item": item.astype(str), "x": x})
    data["cond"] = np.where(x > 0, "b", "a")
    data["y"] = s[subject, 0] + i[item] + x * s[subject, 1] + random.normal(0, 1, 400)
    numbers = fit_maximal(data, "y ~ x", {"subject": ["x"], "item": ["x"]})
    text = fit_maximal(data, "y ~ cond", {"subject": ["cond"], "item": ["cond"]})
    assert numbers.formula == "y ~ x + (1 + x || subject) + (1 | item)"
    assert text.formula == "y ~ cond + (1 + C(cond, Sum) || subject) + (1 | item)"
    assert text.log_likelihood == pytest.approx(numbers.log_likelihood, abs=1e-5)
    ours, same_ = text.fixed.iloc[1], numbers.fixed.iloc[1]
    assert ours["term"] == "condb"
    assert ours[["estimate", "se", "df"]].tolist() == pytest.approx(same_[["estimate", "se", "df"]].tolist(), rel=1e-3)


def test_components_do_not_depend_on_the_coding() -> None:
    data = simulate(30, SDS, 24, 24, design="crossed", random=np.random.default_rng(7))
    data["text"] = np.where(data["condition"] > 0, "b", "a")
    data["zero"], data["sum"] = data["condition"] + 0.5, 2 * data["condition"]
    expected = None
    for name in ("condition", "text", "zero", "sum"):
        fit = fit_mixed(data, f"response ~ {name} + (1 + {name} | subject) + (1 + {name} | item)")
        found = components_of(fit, name)
        expected = expected or found
        assert vars(found) == pytest.approx(vars(expected), rel=1e-3)
    assert expected is not None and expected.subject_slope > 5


@pytest.mark.parametrize(
    "side",
    [
        "__import__('os').system('touch HERE')", "x.__class__", "(lambda: 1)()", "open('HERE', 'w')", "[y for y in x]",
        "I(__import__('os').system('touch HERE'))", "C(a, __import__('os').system('touch HERE'))", "log.__globals__",
        "I(x if x else z)", "x[0]", "eval('1')", "exec('1')", "np.log(x)", "f'{x}'", "{x}", "I(x); import os", "x := 1",
        "getattr(x, 'y')", "scale(x, 2)", "log(a)", "I('text')", "a %in% b", "(a + b + x)^99", "log(*x)",
        "log(x=1)", "poly(x, 99)", "C(a, Nonsense)", "relevel(a, ref='nowhere')",
    ],
)  # fmt: skip
def test_nothing_in_a_formula_is_run(side: str, data: pd.DataFrame, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        fit_mixed(data, f"rt ~ {side} + (1 | subject)")
    with pytest.raises(InputError):
        fit_mixed(data, f"{side} ~ x + (1 | subject)")
    assert not list(tmp_path.iterdir())


def test_names_with_spaces_points_and_other_scripts(data: pd.DataFrame) -> None:
    named = data.rename(columns={"rt": "rt (ms)", "a": "my cond", "x": "word.length", "z": "頻度"})
    fit = fit_mixed(named, "log(`rt (ms)`) ~ `my cond` * word.length + log(頻度) + (1 | subject)")
    plain = fit_mixed(data, "log(rt) ~ a * x + log(z) + (1 | subject)")
    assert fit.fixed["estimate"].tolist() == pytest.approx(plain.fixed["estimate"].tolist())
    assert fit.fixed["term"].tolist() == [
        "(Intercept)", "`my cond`hard", "word.length", "log(頻度)", "`my cond`hard:word.length",
    ]  # fmt: skip


def test_constant_and_collinear_predictors_are_named(data: pd.DataFrame) -> None:
    fit = fit_mixed(data, "rt ~ constant + x + double + a + (1 | subject)")
    assert fit.fixed["term"].tolist() == ["(Intercept)", "x", "ahard"]
    assert fit.note == "left out, since the columns before determine them: constant, double"
    assert fit.fixed["estimate"].tolist() == pytest.approx(
        fit_mixed(data, "rt ~ x + a + (1 | subject)").fixed["estimate"].tolist()
    )
    one = fit_mixed(data.assign(one="same"), "rt ~ one + a + (1 | subject)")
    assert one.note == "left out, since they have one level only: one"


def test_rows_that_are_left_out_are_counted(data: pd.DataFrame) -> None:
    holes = data.copy()
    holes.loc[:9, "rt"] = np.nan
    holes.loc[5:14, "a"] = None
    fit = fit_mixed(holes, "rt ~ a + scale(x) + (1 | subject)")
    assert fit.n == len(data) - 15
    assert fit.note == "15 of 288 rows left out, for missing values (rt: 10, a: 10)"
    _, smaller, larger = compare(holes, "rt ~ x + (1 | subject)", "rt ~ a + x + (1 | subject)")
    assert smaller.n == larger.n == fit.n and "15 of 288 rows left out" in smaller.note


def test_what_lme4_refuses_is_refused(data: pd.DataFrame) -> None:
    each = data.assign(row=np.arange(len(data)).astype(str), same=1.0, alone="x")
    with pytest.raises(
        InputError, match=r"grouping row: found 288 random effects .* for 288 observations; expected fewer"
    ):
        fit_mixed(each, "rt ~ a + (1 | row)")
    with pytest.raises(InputError, match="grouping subject:item: found 576 random effects"):
        fit_mixed(each, "rt ~ a + (1 + x | subject:item)")
    with pytest.raises(InputError, match="grouping alone: found one level; expected two or more"):
        fit_mixed(each, "rt ~ a + (1 | alone)")
    with pytest.raises(InputError, match="response same: found the same in all 288 rows"):
        fit_mixed(each, "same ~ a + (1 | subject)")
    with pytest.raises(InputError, match="found infinity in 1 rows"):
        fit_mixed(data.assign(x=[np.inf, *data["x"][1:]]), "rt ~ x + (1 | subject)")
    with pytest.raises(InputError, match="found no row of 288"):
        fit_mixed(data.assign(x=np.nan), "rt ~ x + (1 | subject)")
    with pytest.raises(InputError, match=r"family: found 'poisson'; expected one of"):
        fit_mixed(data, "rt ~ x + (1 | subject)", family="poisson")
    with pytest.raises(InputError, match=r"response rt: found .*; expected 0 and 1, or two levels"):
        fit_mixed(data, "rt ~ x + (1 | subject)", family="binomial")
    with pytest.raises(InputError, match="expected its fixed effects too"):
        compare(data, "rt ~ x + (1 | subject)", "rt ~ a + z + (1 | subject)")
    with pytest.raises(InputError, match="expected its random effects of item too"):
        compare(data, "rt ~ 1 + (1 | item)", "rt ~ a + (1 | subject)")
    with pytest.raises(InputError, match="expected its random effects of subject too"):
        compare(data, "rt ~ 1 + (1 + a | subject)", "rt ~ a + x + z + I(x^2) + (1 | subject)")
    with pytest.raises(InputError, match="expected the same response"):
        compare(data, "rt ~ 1 + (1 | subject)", "log(rt) ~ a + (1 | subject)")
    with pytest.raises(InputError, match="found the response rt on both sides"):
        fit_mixed(data, "rt ~ a + rt + (1 | subject)")
    with pytest.raises(InputError, match="found no row of 0"):
        fit_mixed(data.head(0), "rt ~ a + x + (1 | subject)")
    with pytest.raises(InputError, match=r"every column, scale\(constant\) lacks 288; expected complete rows"):
        fit_mixed(data, "rt ~ scale(constant) + (1 | subject)")
    with pytest.raises(InputError, match="column 'x': found several of this name; expected one"):
        fit_mixed(pd.concat([data, data[["x"]]], axis=1), "rt ~ x + (1 | subject)")


def test_a_fit_without_error_has_no_tests(data: pd.DataFrame) -> None:
    fit = fit_mixed(data.assign(rt=3 * data["x"] + 1), "rt ~ x + (1 | subject)")
    assert "the model fits without error, so nothing is tested" in fit.note
    assert fit.fixed["p"].isna().all() and fit.fixed["estimate"].iloc[1] == pytest.approx(3)


def test_separated_answers_are_named(data: pd.DataFrame) -> None:
    separated = data.assign(correct=np.where(data["a"] == "hard", data["correct"], 1))
    fit = fit_mixed(separated, "correct ~ a + x + (1 | subject)", family="binomial")
    assert "separation: (Intercept), ahard predict some answers without exception" in fit.note
    table = fit.fixed.set_index("term")
    assert math.isnan(table.loc["ahard", "estimate"]) and np.isfinite(table.loc["x", "p"])
    assert "separation" not in fit_mixed(data, "correct ~ a + x + (1 | subject)", family="binomial").note


def test_answers_may_be_text(data: pd.DataFrame, answers: MixedModel) -> None:
    text = data.assign(correct=data["correct"].map({0: "no", 1: "yes"}))
    fit = fit_mixed(text, "correct ~ a * x + (1 | subject)", family="binomial")
    assert fit.fixed["estimate"].tolist() == pytest.approx(answers.fixed["estimate"].tolist())


def test_the_script_for_r_keeps_levels_and_codings(data: pd.DataFrame, tmp_path: Path) -> None:
    ordered = data.assign(b=pd.Categorical(data["b"], ["mid", "low", "high"]))
    fit = fit_mixed(ordered, "rt ~ b * C(a, Sum) + (1 | subject)")
    assert fit.fixed["term"].tolist()[1:3] == ["blow", "bhigh"]
    text = save_for_r(ordered, fit, tmp_path)[1].read_text()
    assert 'data[["b"]] <- factor(data[["b"]], levels = c("mid", "low", "high"))' in text
    assert "lmer(rt ~ b * C(a, contr.sum) + (1 | subject), data, REML = TRUE)" in text
    # C and relevel of numbers, which R refuses
    numbers = ordered.assign(size=np.where(data["b"] == "low", 1.5, 2.0))
    both = fit_mixed(numbers, "rt ~ C(size, Sum) * C(b, Treatment('low')) + (1 | subject)")
    written = save_for_r(numbers, both, tmp_path)[1].read_text()
    assert "lmer(rt ~ C(factor(size), contr.sum) * relevel(b, ref = 'low') + (1 | subject)" in written
    # lme4's || keeps the correlations of a factor's levels: what was fitted is written as numbers
    split = fit_mixed(ordered, "rt ~ b + (1 + C(a, Sum) || subject)")
    table, script = save_for_r(ordered, split, tmp_path)
    assert "rt ~ 1 + b + (1 + slope0_1 || subject)" in script.read_text()
    written = pd.read_csv(table)
    assert set(written.loc[written["a"] == "easy", "slope0_1"]) == {1.0}


def test_a_formula_is_read_once_and_for_all() -> None:
    found = parse("log(rt) ~ a + (1 | item) - 1 + (0 + a | subject)")
    assert not found.fixed.intercept and found.fixed.labels == ("a",)
    assert [bar.terms.intercept for bar in found.random] == [True, False]
    with pytest.raises(InputError, match="the number 2; expected columns; write"):
        parse("rt ~ 2:x + (1 | item)")
    with pytest.raises(InputError, match="the power 9; expected 1 to 4"):
        parse("rt ~ (a + b)^9 + (1 | item)")
    with pytest.raises(InputError, match="a bar outside of a random term"):
        parse("rt ~ a * (1 | subject) + (1 | item)")
    with pytest.raises(InputError, match="no random term"):
        parse("rt ~ a")
