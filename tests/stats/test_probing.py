"""Probes against scikit-learn's own cross-validation, and on states that hold what was put in."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from psylm.common.errors import PsylmError
from psylm.stats.inference.probing import control_labels, item_folds, linear_probe, permuted_accuracies, predicted


@pytest.fixture
def words() -> pd.DataFrame:
    """Eighty items of six words each, of forty types, of which each has one class but eight have both."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"item": np.repeat(np.arange(80), 6), "type": rng.integers(0, 40, 480)})
    either = rng.random(480) < 0.5
    table["label"] = np.where(table["type"] < 8, either, table["type"] % 2 == 0)
    return table


def test_predictions_are_those_of_scikit_learn(words: pd.DataFrame) -> None:
    states = np.random.default_rng(1).normal(size=(480, 12)) + words["label"].to_numpy()[:, None] * 0.3
    splits = item_folds(words["item"], 5, 3)
    fold = np.empty(480, dtype=int)
    for number, (train, test) in enumerate(splits):
        fold[test] = number
        assert not set(words["item"].iloc[train]) & set(words["item"].iloc[test])
    theirs = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, tol=1e-3)),
        states,
        words["label"],
        cv=PredefinedSplit(fold),
    )
    mine = predicted(states, words["label"], splits)
    assert (mine == theirs).all()
    probe = linear_probe(states, words["label"], words["item"], words["type"], seed=3)
    assert probe.accuracy == pytest.approx((theirs == words["label"]).mean())


def test_states_of_types_are_memorised_and_states_of_labels_are_selective(words: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    lexical = rng.normal(size=(40, 64))[words["type"]]
    contextual = rng.normal(size=(480, 64)) + 3 * words["label"].to_numpy()[:, None]
    forms, uses = (
        linear_probe(states, words["label"], words["item"], words["type"]) for states in (lexical, contextual)
    )
    # Each type's form is all there is: any labelling of types is learnt, and ambiguous types are guessed.
    assert forms.control > 0.98
    assert forms.accuracy < 0.95
    assert forms.selectivity_high < 0
    assert uses.accuracy > 0.98
    assert uses.selectivity_low > 0.2
    assert forms.known == 1


def test_new_types_have_no_control_accuracy(words: pd.DataFrame) -> None:
    states = np.random.default_rng(3).normal(size=(480, 4))
    probe = linear_probe(states, words["label"], words["item"], range(480))
    assert probe.known == 0
    assert np.isnan([probe.control, probe.selectivity]).all()
    assert probe.accuracy_low < 0.5 < probe.accuracy_high


def test_the_interval_over_items_is_that_of_a_mean_where_items_have_equally_many_words(words: pd.DataFrame) -> None:
    states = np.random.default_rng(4).normal(size=(480, 4)) + words["label"].to_numpy()[:, None]
    probe = linear_probe(states, words["label"], words["item"], words["type"])
    hits = predicted(states, words["label"], item_folds(words["item"], 5, 1)) == words["label"]
    by_item = hits.groupby(words["item"]).mean()
    half = 1.9904502 * by_item.std(ddof=1) / np.sqrt(80)  # t(79) at .975
    assert probe.accuracy_high - probe.accuracy == pytest.approx(half, rel=1e-4)


def test_control_labels_belong_to_types_and_keep_frequencies() -> None:
    types = pd.Series(np.repeat(np.arange(3000), 2))
    labels = pd.Series(["a", "b", "b", "b", "c", "b"] * 1000)
    control = control_labels(types, labels, 5)
    assert control.groupby(types).nunique().max() == 1
    assert control.value_counts(normalize=True)["b"] == pytest.approx(4 / 6, abs=0.03)


def test_shuffled_labels_are_found_at_chance_and_the_same_again(words: pd.DataFrame) -> None:
    states = np.random.default_rng(6).normal(size=(480, 4)) + 5 * words["label"].to_numpy()[:, None]
    chance = permuted_accuracies([states, states[:, :1]], words["label"], words["item"], permutations=15)
    assert chance.mean() == pytest.approx(0.5, abs=0.05)
    again = permuted_accuracies([states, states[:, :1]], words["label"], words["item"], permutations=15)
    assert (again == chance).all()


def test_mistakes_are_told(words: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    states = np.zeros((480, 2))
    with pytest.raises(PsylmError, match="found 1 label; expected at least two"):
        linear_probe(states, ["x"] * 480, words["item"], words["type"])
    with pytest.raises(PsylmError, match="found 2 items; expected at least 5"):
        linear_probe(states, words["label"], [0, 1] * 240, words["type"])
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(PsylmError, match="scikit-learn"):
        linear_probe(states, words["label"], words["item"], words["type"])
