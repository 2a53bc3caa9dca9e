"""Margins of minimal pairs, against scipy and the contrasts of the factorial design."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psylm.stats.conditions.design import contrast_table
from psylm.stats.conditions.pairs import main_effects, margin_table, margins

FACTORS = {"attractor": ["match", "mismatch"], "grammaticality": ["grammatical", "ungrammatical"]}


@pytest.fixture
def trials() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = [
        {"item": str(item), "attractor": a, "grammaticality": g, "condition": f"{a}/{g}", "surprisal": rng.normal(5, 2)}
        for item in range(20)
        for a in FACTORS["attractor"]
        for g in FACTORS["grammaticality"]
    ]
    return pd.DataFrame(rows)


def test_a_factors_effect_on_the_margin_is_its_interaction_with_grammaticality(trials: pd.DataFrame) -> None:
    pairs = margins(trials, list(FACTORS), "surprisal")
    (effect,) = main_effects(pairs, {"attractor": FACTORS["attractor"]}, "margin")
    interaction = list(contrast_table(trials, FACTORS, [], "surprisal"))[-1]
    assert interaction["contrast"].startswith("(")
    for key in ("statistic", "p", "df", "n"):
        assert abs(effect[key]) == pytest.approx(abs(interaction[key]))
    assert effect["estimate"] == pytest.approx(-interaction["estimate"])
    wide = trials.pivot(index="item", columns="condition", values="surprisal")
    by_hand = stats.ttest_rel(
        wide["match/ungrammatical"] - wide["match/grammatical"],
        wide["mismatch/ungrammatical"] - wide["mismatch/grammatical"],
    )
    assert effect["statistic"] == pytest.approx(by_hand.statistic)


def test_margins_do_not_depend_on_the_order_of_rows_and_leave_out_what_is_missing(trials: pd.DataFrame) -> None:
    pairs = margins(trials, list(FACTORS), "surprisal").set_index(["item", "attractor"])["margin"]
    mixed = margins(trials.sample(frac=1, random_state=1), list(FACTORS), "surprisal")
    assert mixed.set_index(["item", "attractor"])["margin"].to_dict() == pytest.approx(pairs.to_dict())
    holed = trials.assign(surprisal=trials["surprisal"].where(trials.index != 0))
    assert len(margins(holed, list(FACTORS), "surprisal")) == len(pairs) - 1


def test_accuracy_counts_pairs_and_its_mean_counts_items() -> None:
    pairs = pd.DataFrame({"item": list("aabb"), "k": ["x", "y"] * 2, "margin": [1.0, -1.0, 0.0, 4.0]})
    everything, x, y = margin_table(pairs, ["k"])
    assert everything["accuracy"] == pytest.approx(2.5 / 4)
    assert (everything["items"], everything["n"], everything["estimate"]) == (2, 4, 1.0)
    assert (x["condition"], x["accuracy"], y["accuracy"]) == ("x", 0.75, 0.5)
    half = stats.t.ppf(0.975, 1) * np.std([0.0, 2.0], ddof=1) / np.sqrt(2)
    assert everything["high"] - everything["estimate"] == pytest.approx(half)


def test_main_effects_average_over_other_factors() -> None:
    rows = [
        {"item": i, "a": a, "b": b, "margin": 10 * (a == "1") + 5 * (b == "1") * (a == "1") + i}
        for i in range(4)
        for a in "12"
        for b in "12"
    ]
    first, second = main_effects(pd.DataFrame(rows), {"a": ["1", "2"], "b": ["1", "2"]}, "margin")
    assert first["estimate"] == pytest.approx(12.5)
    assert second["estimate"] == pytest.approx(2.5)
