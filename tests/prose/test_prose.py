"""What the paragraphs say is what the tables hold, in APA style."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psylm.prose.conditions import contrasts, means
from psylm.prose.human import correlations, references
from psylm.prose.reading import effects
from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.inference.multiple import adjusted


@pytest.fixture
def trials():
    rng = np.random.default_rng(3)
    rows = []
    for item in range(20):
        base = rng.normal(8, 2)
        for fit, shift in (("good", 0.0), ("odd", 3.0), ("same", 0.0)):
            rows.append(
                {"item": str(item), "condition": fit, "fit": fit, "surprisal": base + shift + rng.normal(0, 0.5)}
            )
    return pd.DataFrame(rows)


def contrast_rows(trials):
    table = pd.DataFrame(contrast_table(trials, {"fit": ["good", "odd", "same"]}, [], "surprisal"))
    return table.assign(p_holm=adjusted(table["p"]))


def test_a_contrast_is_told_as_scipy_computes_it(trials):
    said = list(contrasts(contrast_rows(trials), "surprisal", "bits"))
    wide = trials.pivot(index="item", columns="fit", values="surprisal")
    test = stats.ttest_rel(wide["good"], wide["odd"])
    low, high = test.confidence_interval()
    difference = (wide["good"] - wide["odd"]).mean()
    sentence = (
        f"Surprisal was lower for good than for odd, difference = {difference:.2f} bits, "
        f"95% CI [{low:.2f}, {high:.2f}], t(19) = {test.statistic:.2f}, p < .001, "
        f"d_z = {test.statistic / math.sqrt(20):.2f}."
    ).replace("-", "−")
    assert said[1] == sentence
    assert said[0].startswith(
        "Of three contrasts in surprisal (paired t tests over items; p values Holm-corrected), two "
    )
    assert said[-1].startswith("No significant difference was found for good − same (")


def test_an_interaction_names_both_factors():
    rng = np.random.default_rng(4)
    cells = {("high", "good"): 2.0, ("high", "bad"): 8.0, ("low", "good"): 6.0, ("low", "bad"): 7.0}
    trials = pd.DataFrame(
        {"item": str(item), "condition": "/".join(key), "surprisal": value + rng.normal(0, 0.2)}
        for item in range(12) for key, value in cells.items()
    )  # fmt: skip
    table = pd.DataFrame(
        contrast_table(trials, {"constraint": ["high", "low"], "fit": ["good", "bad"]}, [], "surprisal")
    )
    said = list(contrasts(table.assign(p_holm=adjusted(table["p"])), "surprisal", "bits"))
    assert any(
        one.startswith("The difference good − bad was more negative for high than for low (interaction)")
        for one in said
    )
    assert any(one.startswith("Surprisal was lower for good than for bad (constraint high)") for one in said)


def test_too_few_items_are_told_as_such(trials):
    said = list(contrasts(contrast_rows(trials[trials["item"] == "0"]), "surprisal", "bits"))
    assert said == ["There were too few items for a test of the conditions."]


def test_many_conditions_are_told_by_their_extremes():
    trials = pd.DataFrame(
        {"item": str(item), "condition": f"c{number}", "surprisal": float(number)}
        for item in range(3) for number in range(9)
    )  # fmt: skip
    table = pd.DataFrame(condition_table(trials, {"c": [f"c{number}" for number in range(9)]}, ("surprisal",)))
    assert list(means(table, "surprisal", "bits")) == [
        "Mean surprisal went from 0.00 bits in c0 (SD = 0.00) to 8.00 in c8 (SD = 0.00)."
    ]
    assert list(means(table, "cloze", "")) == []


def test_a_correlation_that_is_not_significant_is_not_called_one():
    row = {"measure": "cloze", "with": "human cloze", "coefficient": "pearson", "n": 12}
    weak = pd.DataFrame([row | {"estimate": 0.1, "low": -0.5, "high": 0.63, "p": 0.76}])
    assert list(correlations(weak)) == [
        "Cloze did not correlate significantly with human cloze, Pearson’s r(10) = .10, 95% CI [−.50, .63], p = .760."
    ]
    assert list(correlations(weak.assign(estimate=np.nan))) == []


def test_published_models_are_told_by_the_strongest_and_the_weakest():
    rows = pd.DataFrame(
        {"measure": "surprisal", "with": f"published surprisal of {who}", "words": "all words",
         "coefficient": "pearson", "estimate": r, "low": r - 0.05, "high": r + 0.05, "p": 0.0, "n": 100}
        for who, r in (("A", 0.7), ("B", 0.9), ("C", 0.8))
    )  # fmt: skip
    assert list(references(rows)) == [
        "Of three published models, surprisal correlated most with that of B, Pearson’s r(98) = .90, "
        "95% CI [.85, .95], p < .001, and least with that of A, Pearson’s r(98) = .70, "
        "95% CI [.65, .75], p < .001 (all words)."
    ]


def test_effects_say_their_direction_in_the_response_s_own_terms():
    row = {"words": "all words", "predictor": "ours", "covariates": "length, position", "low": -0.1, "high": 0.1,
           "statistic": 4.0, "df": 90.0, "delta_log_likelihood": 0.005}  # fmt: skip
    rows = pd.DataFrame([
        row | {"response": "N400", "meaning": "N400 (microvolts)", "estimate": -0.05, "p_holm": 0.0001},
        row | {"response": "go_past", "meaning": "go-past time (ms)", "estimate": 2.5, "p_holm": 0.01},
        row | {"response": "P600", "meaning": "P600 (microvolts)", "estimate": 0.01, "p_holm": 0.4},
    ])  # fmt: skip
    opening, *said = effects(rows, "ours")
    assert "beyond length and position" in opening
    assert said[0].startswith(
        "N400 was more negative with higher surprisal, b = −0.050 µV per bit, 95% CI [−0.100, 0.100]"
    )
    assert said[1].startswith("Go past was longer with higher surprisal, b = 2.500 ms per bit")
    assert said[2].startswith("Surprisal had no significant effect on P600, b = 0.010 µV per bit")
    assert said[1].endswith("t(90) = 4.00, p = .010, Δ log-likelihood = 5.00 × 10⁻³ nats a word.")
