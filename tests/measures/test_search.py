"""A short search for scores that depend on anything but their own trial, and that it finds what is planted."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks import search as searched
from benchmarks.search import Found, differences, search, values_of
from benchmarks.tiny_participants import PARTICIPANTS, make
from psylm.measures.registry import MEASURES
from psylm.models.names import ModelSource

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("participant", ["gpt2-byte", "llama-fallback", "bert-wordpiece", "gpt-word", "lstm-word"])
def test_scores_depend_on_nothing_but_their_own_trial(participant):
    found = search(200, 3, [participant])
    assert found.compared >= 200
    assert not found.kinds, found.cases


def test_the_same_seed_gives_the_same_search():
    first, second = (search(40, 5, ["gpt2-byte"]) for _ in range(2))
    assert (first.compared, first.refused) == (second.compared, second.refused)


def test_it_finds_a_score_that_depends_on_its_company(monkeypatch):
    """A measure that numbers its trials in the order in which they come."""
    measure = MEASURES["sentence_surprisal"]

    def counted(model, trials, options):
        table = measure.function(model, trials, options)
        return table.assign(value=table["value"] + pd.Series(range(len(table)), table.index))

    planted = {**MEASURES, "sentence_surprisal": replace(measure, function=counted)}
    monkeypatch.setattr(searched, "MEASURES", planted)
    monkeypatch.setattr(searched, "OPTIONS", {"sentence_surprisal": ({},)})
    found = search(60, 1, ["gpt2-byte"])
    assert found.kinds["another value"] > 10
    case, _ = found.cases["gpt2-byte", "sentence_surprisal", "another value"]
    assert len(case.trials) == 2  # as small as it goes: one trial and one before it


def test_differences_are_told_apart():
    columns = ["trial", "region", "word_id", "word", "measure", "value", "note"]

    def table(value, note="", measure="surprisal"):
        return values_of(pd.DataFrame([[0, "target", 0, "a", measure, value, note]], columns=columns))

    def kinds(one, other):
        return [kind for kind, _, _ in differences(one, other)]

    assert kinds(table(3.0), table(3.00005)) == []
    assert kinds(table(3.0), table(3.0002)) == ["another value"]
    assert kinds(table(1e-30, measure="cloze"), table(2e-30, measure="cloze")) == ["another value"]  # one bit
    assert kinds(table(math.nan), table(3.0)) == ["NaN against a number"]
    assert kinds(table(math.nan, "x"), table(math.nan, "y")) == ["another note"]
    assert kinds(table(3.0), {}) == ["a row more or less"]
    assert Found().compared == 0


def test_every_participant_can_be_made(tmp_path):
    families = {name: ModelSource.parse(make(name, tmp_path / name, 0)).family for name in PARTICIPANTS}
    assert set(families.values()) == {"causal", "masked", "permuted", "seq2seq", "recurrent"}
