"""What no test can answer: unknown options, infinities, probabilities outside [0, 1], rows of several models."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psylm.common.errors import InputError
from psylm.stats.attention.heads import best_head, head_tests
from psylm.stats.conditions.design import anova_table, condition_table, contrast_table
from psylm.stats.conditions.frames import frame_preferences
from psylm.stats.conditions.pairs import main_effects, margin_table, margins
from psylm.stats.human.agreement import human_agreement, reference_agreement
from psylm.stats.inference.anova import anova
from psylm.stats.inference.bayes import jzs_correlation, jzs_t
from psylm.stats.inference.calibration import calibration
from psylm.stats.inference.ceiling import split_half
from psylm.stats.inference.contrasts import contrast, min_f
from psylm.stats.inference.correlation import correlation, log_odds
from psylm.stats.inference.effects import cohens_d
from psylm.stats.inference.equivalence import tost
from psylm.stats.inference.intervals import (
    independent_contrast,
    mean_interval,
    noncentral_interval,
    paired_contrast,
    proportion_interval,
)
from psylm.stats.inference.multiple import adjusted
from psylm.stats.inference.multiverse import multiverse
from psylm.stats.inference.responses import response_diversity
from psylm.stats.inference.rsa import dissimilarity, mantel
from psylm.stats.lesions.dissociation import choices
from psylm.stats.mixed_models.fit import fit_mixed
from psylm.stats.mixed_models.regression import lagged_effects, predictor_effect
from psylm.stats.reading.predictive import predictive_gain
from psylm.stats.reading.shape import smooth_effect
from psylm.stats.similarity.association import association
from psylm.stats.similarity.geometry import all_but_the_top, anisotropy, whitening
from psylm.stats.similarity.preference import preference_table
from psylm.stats.similarity.rated import rating_rows

X = np.random.default_rng(1).normal(size=12)
Y = X + np.random.default_rng(2).normal(size=12)
INFINITE = np.where(np.arange(12) == 3, np.inf, X)
VECTORS = np.random.default_rng(3).normal(size=(6, 3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: correlation(X, Y, kind="pearsn", seed=1), lambda: cohens_d(X, Y, kind="Z"),
        lambda: adjusted([0.1], "BH"), lambda: adjusted([], "nonsense"), lambda: adjusted([1.2, 0.1]),
        lambda: adjusted([-0.1]), lambda: log_odds([1.2]), lambda: proportion_interval(12, 10),
        lambda: proportion_interval(-1, 10), lambda: jzs_t(X, scale=0), lambda: jzs_t(X, scale=-1),
        lambda: jzs_correlation(X, Y, width=0), lambda: correlation(X, Y[:5], kind="pearson", seed=1),
        lambda: cohens_d(X, Y[:5], kind="z"), lambda: tost(X, Y[:5], bounds=(-1, 1)), lambda: jzs_t(X, Y[:5]),
        lambda: calibration([0.1, 0.2], [0.1], seed=1), lambda: calibration([0.1] * 5, [0.1] * 5, seed=1, bins=0),
        lambda: all_but_the_top(VECTORS, -1), lambda: all_but_the_top(VECTORS, 9), lambda: whitening(VECTORS, 0),
        lambda: anisotropy(VECTORS[:1]), lambda: anisotropy(VECTORS * 0), lambda: anisotropy(VECTORS[0]),
        lambda: whitening(VECTORS * np.inf), lambda: dissimilarity(VECTORS * np.nan), lambda: dissimilarity(VECTORS[0]),
        lambda: dissimilarity(VECTORS[:0]), lambda: mantel(np.full((5, 5), np.inf), np.zeros((5, 5)), seed=1),
        lambda: association(VECTORS * 0, VECTORS, VECTORS, VECTORS, seed=1),
        lambda: association(VECTORS, VECTORS, VECTORS * np.inf, VECTORS, seed=1),
        lambda: head_tests(np.full((6, 2, 2), np.inf), range(6)), lambda: head_tests(np.empty((0, 2, 2)), []),
    ],
)  # fmt: skip
def test_what_is_no_input_is_an_error(call) -> None:
    with pytest.raises(InputError, match="found"):
        call()


def test_infinities_give_nothing_or_their_ranks() -> None:
    found = correlation(INFINITE, Y, kind="pearson", seed=1)
    assert all(math.isnan(value) for value in (found.r, found.low, found.high, found.p, found.p_permutation))
    assert found.note == "1 items have an infinite value" and found.n == 12
    ranks = stats.rankdata(INFINITE)
    for kind in ("spearman", "kendall"):
        of_infinite, of_ranks = (correlation(one, Y, kind=kind, seed=1) for one in (INFINITE, ranks))
        assert of_infinite == of_ranks and of_infinite.low < of_infinite.r < of_infinite.high
    for one in (
        paired_contrast(INFINITE), independent_contrast(INFINITE, Y), cohens_d(INFINITE, kind="z"),
        cohens_d(INFINITE, Y, kind="av"), cohens_d(INFINITE, Y, kind="s"), tost(INFINITE, bounds=(-1, 1)),
        tost(INFINITE, Y, bounds=(-1, 1), paired=False), jzs_t(INFINITE), jzs_t(INFINITE, Y, paired=False),
        jzs_correlation(INFINITE, Y),
    ):  # fmt: skip
        assert math.isnan(one.estimate) and math.isnan(one.p)
    assert all(math.isnan(value) for value in (*mean_interval(INFINITE), *noncentral_interval(math.inf, 5, 1)))
    assert math.isnan(best_head(np.full((6, 2, 2), np.nan), range(6), folds=3).result.estimate)


def test_a_correlation_that_is_none_says_why() -> None:
    assert correlation(np.ones(12), Y, kind="pearson", seed=1).note == "one measure is the same for all items"
    assert correlation(X[:3], Y[:3], kind="pearson", seed=1).note == "3 items: too few"
    assert correlation(X, Y, kind="pearson", seed=1).note == ""


@pytest.fixture
def trials() -> pd.DataFrame:
    random = np.random.default_rng(4)
    rows = [(s, i, "ab"[(s + i) % 2], i % 7) for s in range(8) for i in range(8)]
    data = pd.DataFrame(rows, columns=["subject", "item", "cond", "group"])
    return data.assign(value=random.normal(size=len(data)), x=random.normal(size=len(data)))


TABLES = {
    "contrast": lambda d: contrast(d, "value", "item", {"cond": ("a", "b")}),
    "anova": lambda d: anova(d, "value", "item", within=["cond"]),
    "min_f": lambda d: min_f(d, "value", ["cond"]),
    "split_half": lambda d: split_half(d, seed=1),
    "fit_mixed": lambda d: fit_mixed(d, "value ~ cond + (1 | subject)"),
    "predictor_effect": lambda d: predictor_effect(d, "value", "x", [], "subject"),
    "lagged_effects": lambda d: lagged_effects(d, "value", ["x"], [], ["subject"]),
    "predictive_gain": lambda d: predictive_gain(d, "value", [], ["x"], group="group", resamples=99),
    "smooth_effect": lambda d: smooth_effect(d, "value", [], ["x"], group="group"),
}

GRAMMATICALITY = {"a": "grammatical", "b": "ungrammatical"}
FACTORS = {"cond": ["a", "b"]}
CARD = {"factors": FACTORS, "between": [], "published": [], "references": {"x": "somebody"}}
OF_TRIALS = {
    "condition_table": lambda d: list(condition_table(d, FACTORS, ("value",))),
    "contrast_table": lambda d: list(contrast_table(d, FACTORS, [], "value")),
    "anova_table": lambda d: list(anova_table(d, FACTORS, [], "value")),
    "frame_preferences": lambda d: list(frame_preferences(d.assign(cloze=d["value"]), CARD)),
    "margins": lambda d: margins(d.assign(grammaticality=d["cond"].map(GRAMMATICALITY)), ["cond"], "value"),
    "margin_table": lambda d: list(margin_table(d.assign(margin=d["value"]), ["cond"])),
    "main_effects": lambda d: list(main_effects(d, FACTORS, "value")),
    "preference_table": lambda d: list(preference_table(d, FACTORS, "value")),
    "rating_rows": lambda d: list(rating_rows(d.assign(human_similarity=d["x"]), 1)),
    "human_agreement": lambda d: list(human_agreement(d.assign(surprisal=d["value"], human_rating=d["x"]), 1)),
    "reference_agreement": lambda d: list(reference_agreement(d.assign(surprisal=d["value"]), CARD, 1)),
    "choices": lambda d: choices(d.assign(set=0), "cond", "a", "value", lower=True),
    "response_diversity": lambda d: response_diversity(d.assign(response=d["cond"])),
    "multiverse": lambda d: multiverse(
        d, lambda one: paired_contrast(one["value"]), over=["group"], unit=["item", "condition"]
    ),
}


@pytest.mark.parametrize("name", [*TABLES, *OF_TRIALS])
def test_rows_of_several_models_are_not_averaged(name: str, trials: pd.DataFrame) -> None:
    analysis = (TABLES | OF_TRIALS)[name]
    trials = trials.assign(condition=trials["cond"])
    for column in ("model", "measure", "stimuli"):
        both = pd.concat([trials.assign(**{column: "first"}), trials.assign(**{column: "second"})], ignore_index=True)
        with pytest.raises(
            InputError, match=rf"column '{column}': found 2 different ones \(first, second\); expected the rows"
        ):
            analysis(both)
    one = trials.assign(model="first", measure="surprisal")
    pd.testing.assert_frame_equal(*(pd.DataFrame([repr(analysis(data))]) for data in (one, trials)))


def test_several_models_may_be_what_is_compared(trials: pd.DataFrame) -> None:
    both = pd.concat([trials.assign(model="m"), trials.assign(model="n", value=trials["value"] + 1)], ignore_index=True)
    assert contrast(both, "value", "item", {"model": ("n", "m")}).estimate == pytest.approx(1)
    fit = fit_mixed(both, "value ~ model + (1 | subject)")
    assert fit.fixed["estimate"].iloc[1] == pytest.approx(1)


@pytest.mark.parametrize("name", ["contrast", "anova", "fit_mixed", "predictive_gain", "smooth_effect", "split_half"])
def test_infinite_responses_are_refused(name: str, trials: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="found infinity in"):
        TABLES[name](trials.assign(value=np.where(trials.index == 5, np.inf, trials["value"])))


def test_names_of_columns_and_options_that_there_are_not(trials: pd.DataFrame) -> None:
    for call in (
        lambda: predictor_effect(trials, "value", "y", [], "subject"),
        lambda: lagged_effects(trials, "value", ["y"], [], ["subject"]),
        lambda: predictive_gain(trials, "value", [], ["y"], group="group"),
        lambda: smooth_effect(trials, "value", [], ["y"], group="group"),
    ):
        with pytest.raises(InputError, match="column 'y': found no such column"):
            call()
    with pytest.raises(InputError, match="link: found 'cubic'; expected one of linear, log, power, smooth"):
        predictive_gain(trials, "value", [], ["x"], group="group", link="cubic")
    with pytest.raises(InputError, match="folds: found 1; expected 2 or more"):
        predictive_gain(trials, "value", [], ["x"], group="group", folds=1)
    with pytest.raises(InputError, match="kind: found 'kendall'; expected pearson, spearman"):
        split_half(trials, kind="kendall", seed=1)


def test_covariates_that_are_left_out_are_named(trials: pd.DataFrame) -> None:
    data = trials.assign(same=1.0, other=np.arange(len(trials)) % 5.0, twice=2 * (np.arange(len(trials)) % 5.0))
    said = "covariates left out, since they do not vary or others determine them: same, twice"
    assert said in predictor_effect(data, "value", "x", ["same", "other", "twice"], "subject").note
    assert said in lagged_effects(data, "value", ["x"], ["same", "other", "twice"], ["item"])["note"].iloc[0]
    nothing = predictor_effect(data.assign(x=data["other"]), "value", "x", ["other"], "subject")
    assert math.isnan(nothing.estimate) and nothing.note == "the covariates determine the predictor"
