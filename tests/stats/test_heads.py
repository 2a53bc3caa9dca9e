"""Choosing and testing heads: known ones are found, and none where there is none, at the nominal rate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from psylm.attention.baselines import distance_rows, positional_baselines, positional_row
from psylm.attention.scenes import scene, visible
from psylm.attention.selection import selection
from psylm.common.errors import InputError
from psylm.measures.trials import sentence_trials
from psylm.stats.attention.heads import average_head, best_head, by_item, head_tests


def test_a_known_best_head_is_recovered_and_judged_without_bias():
    random = np.random.default_rng(0)
    estimates, agreement, covered = [], [], []
    for seed in range(100):
        values = random.normal(0, 0.5, (48, 6, 8))
        values[:, 4, 5] += 0.4
        found = best_head(values, range(48), seed=seed, permutations=0)
        estimates.append(found.result.estimate)
        covered.append(found.result.low <= 0.4 <= found.result.high)
        agreement.append((found.items["layer"].eq(4) & found.items["head"].eq(5)).mean())
    assert np.mean(agreement) > 0.95
    assert np.mean(estimates) == pytest.approx(0.4, abs=0.03)
    assert np.mean(covered) >= 0.9


def test_under_the_null_the_held_out_best_head_is_worth_nothing():
    """The best of 48 heads on its own items is far above 0; on others it is not, and p is uniform."""
    random = np.random.default_rng(1)
    held_out, same = [], []
    for seed in range(300):
        values = random.normal(size=(30, 6, 8))
        held_out.append(best_head(values, range(30), seed=seed, permutations=199).result)
        same.append(values.mean(0).max())
    assert np.mean([found.estimate for found in held_out]) == pytest.approx(0, abs=0.05)
    assert np.mean(same) > 0.3
    assert stats.binomtest(sum(found.p <= 0.05 for found in held_out), 300, 0.05).pvalue > 0.001
    assert stats.binomtest(sum(found.p <= 0.5 for found in held_out), 300, 0.5).pvalue > 0.001
    covered = sum(found.low <= 0 <= found.high for found in held_out)
    assert stats.binomtest(covered, 300, 0.95).pvalue > 0.001


def test_no_item_judges_a_head_that_it_chose():
    """An item that alone makes a head the best never has that head as its own."""
    values = np.zeros((10, 2, 2))
    values[:, 0, 1] = 1
    values[3, 1, 1] = 1000
    found = best_head(values, range(10), folds=10)
    chosen = dict(zip(found.items["item"], zip(found.items["layer"], found.items["head"], strict=True), strict=True))
    assert chosen.pop(3) == (0, 1)
    assert set(chosen.values()) == {(1, 1)}
    assert found.result.estimate == pytest.approx(0.1)  # the outlier counts nowhere
    assert found.agreement == 0.9


def test_p_of_the_best_head_by_hand():
    """Six items and three heads: all 64 sign flips, the whole procedure gone through in each."""
    x = np.random.default_rng(9).normal(0.4, 1, (6, 1, 3))
    found = best_head(x, range(6), folds=3, seed=5)
    fold = found.items["fold"].to_numpy()

    def procedure(values):
        held_out = []
        for mine in range(3):
            head = values[fold != mine].mean(0).argmax()
            held_out += values[fold == mine, head].tolist()
        return np.mean(held_out)

    every = [procedure(x[:, 0] * np.array(signs)[:, None]) for signs in itertools.product([1, -1], repeat=6)]
    assert found.result.estimate == pytest.approx(procedure(x[:, 0]))
    assert found.result.p == pytest.approx(np.mean(np.array(every) >= found.result.estimate - 1e-9))


def test_trials_of_an_item_stay_together():
    random = np.random.default_rng(2)
    values, items = random.normal(size=(40, 2, 3)), np.repeat(np.arange(10), 4)
    found = best_head(values, items, permutations=99)
    assert len(found.items) == 10 and found.items.groupby("fold")["item"].count().tolist() == [2] * 5
    names, means = by_item(values, items)
    assert names == list(range(10)) and means[3] == pytest.approx(values[12:16].mean(0))
    with pytest.raises(InputError, match="from 2 to the number of items, 10"):
        best_head(values, items, folds=11)


def test_a_missing_value_is_left_out():
    values = np.random.default_rng(3).normal(size=(20, 1, 2))
    values[4, 0, 1] = np.nan
    table = head_tests(values, range(20), permutations=500)
    rest = np.delete(values[:, 0, 1], 4)
    assert table["n"].tolist() == [20, 19]
    assert table["statistic"][1] == pytest.approx(stats.ttest_1samp(rest, 0).statistic)
    assert average_head(values, range(20)).n == 20


def test_exact_sign_flips_by_hand():
    """Eight items: all 256 sign patterns, gone through one by one."""
    x = np.random.default_rng(4).normal(0.3, 1, (8, 1, 3))
    table = head_tests(x, range(8))
    flat = x.reshape(8, 3)

    def t(values):
        return np.abs(values.mean(0) / (values.std(0, ddof=1) / np.sqrt(8)))

    every = np.array([t(flat * np.array(signs)[:, None]) for signs in itertools.product([1, -1], repeat=8)])
    own = t(flat)
    np.testing.assert_allclose(np.abs(table["statistic"]), own)
    np.testing.assert_allclose(table["p"], (every >= own - 1e-9).mean(0))
    np.testing.assert_allclose(table["p_max"], (every.max(1)[:, None] >= own - 1e-9).mean(0))


def test_p_of_one_head_is_that_of_scipy():
    x = np.random.default_rng(5).normal(0.4, 1, 25)
    theirs = stats.permutation_test(
        (x,), lambda values, axis: values.mean(axis), permutation_type="samples", n_resamples=20_000, rng=1
    ).pvalue
    mine = head_tests(x.reshape(25, 1, 1), range(25), permutations=20_000)["p"].item()
    assert mine == pytest.approx(theirs, abs=0.01)


def test_under_the_null_some_head_is_found_at_the_nominal_rate():
    """Heads that depend on one another, as those of a model do; with Bonferroni the test would be too strict."""
    random = np.random.default_rng(6)
    found = {"p_max": 0, "p_holm": 0, "p_bh": 0}
    for seed in range(300):
        common = random.normal(size=(20, 1, 1))
        values = common + random.normal(size=(20, 3, 4))
        table = head_tests(values, range(20), permutations=299, seed=seed)
        for column in found:
            found[column] += bool((table[column] <= 0.05).any())
    assert stats.binomtest(found["p_max"], 300, 0.05).pvalue > 0.001
    assert found["p_holm"] / 300 < 0.08 and found["p_bh"] / 300 < 0.08


def test_a_head_that_selects_is_found_among_270():
    random = np.random.default_rng(7)
    values = random.normal(0, 0.3, (48, 30, 9))
    values[:, 11, 3] += 0.25
    table = head_tests(values, range(48))
    assert table[table["p_max"] < 0.05][["layer", "head"]].values.tolist() == [[11, 3]]


SENTENCES = ["The keys to the cabinet are old.", "The key to the very old cabinets is here.", "A cat near dogs is old."]
REGIONS = [
    '[["n", 4, 8], ["local", 16, 23], ["v", 24, 27]]',
    '[["n", 4, 7], ["local", 24, 32], ["v", 33, 35]]',
    '[["n", 2, 5], ["local", 11, 15], ["v", 16, 18]]',
]


def test_positional_baselines_by_hand():
    table = positional_baselines(sentence_trials(SENTENCES[:1], regions=REGIONS[:1]), "v", "n", "local")
    values = table.pivot(index="baseline", columns="measure", values="value")
    assert values.loc["uniform", "attention_target"] == pytest.approx(0.2)
    assert values.loc["uniform", "attention_entropy"] == pytest.approx(np.log2(5))
    assert values.loc["uniform", "attention_distance"] == pytest.approx(3)
    assert values.loc["previous", ["attention_distractor", "attention_selectivity"]].tolist() == [1, -1]
    assert values.loc["first", "attention_distance"] == pytest.approx(5)
    assert values["attention_sink"].eq(0).all()


def test_attention_by_distance_is_predicted_from_other_items_only():
    trials = sentence_trials(SENTENCES, regions=REGIONS)
    scenes = [scene(trial, "v", "n", "local") for trial in trials.to_dict("records")]
    seen = [visible(there, "prediction", left_to_right=True) for there in scenes]
    random = np.random.default_rng(8)
    rows = []
    for there, mine in zip(scenes, seen, strict=True):
        row = np.zeros((2, 2, len(there.spans) + 2))
        row[..., :-2][..., mine] = random.dirichlet(np.ones(mine.sum()), (2, 2)) * 0.8
        row[..., -2] = 0.2
        rows.append(row)
    found = distance_rows(rows, scenes, seen, ["a", "b", "c"])
    for row in found:
        np.testing.assert_allclose(row[..., :-1].sum(-1), 1)
    # The third sentence has four words before its verb: the four nearest of the others predict them.
    near = (rows[0][..., 1:5] + rows[1][..., 3:7]) / 2
    np.testing.assert_allclose(found[2][..., :4], 0.8 * near / near.sum(-1, keepdims=True))
    changed = [row * 1 for row in rows]
    changed[2] = np.roll(changed[2], 1, 0)
    np.testing.assert_array_equal(distance_rows(changed, scenes, seen, ["a", "b", "c"])[2], found[2])
    assert np.isnan(distance_rows(rows, scenes, seen, ["a"] * 3)[0]).any()
    flat = positional_row(scenes[0], seen[0], "uniform")
    assert selection(flat, scenes[0], seen[0])["entropy"] == pytest.approx(np.log2(5))
