"""Published sets, read from the files as they are published."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest

from psylm.common.study import Study
from psylm.stimuli import load_stimuli
from psylm.stimuli.predictions import parse, places
from psylm.stimuli.regions import parse_regions

pytestmark = pytest.mark.slow


needs_data = pytest.mark.skipif(
    not os.environ.get("PSYLM_DATA"), reason="PSYLM_DATA names no folder with the published sets"
)


@needs_data
def test_de_varda_2024_is_read_as_published():
    stimuli = load_stimuli("devarda2024", Study(None))
    assert len(stimuli.items) == 1726 and stimuli.items["sentence_id"].nunique() == 205
    heads = [s[:a].split() for s, a in zip(stimuli.items["sentence"], stimuli.items["start"], strict=True)]
    assert [len(head) for head in heads] == stimuli.items["position"].tolist()
    cloze = stimuli.human[stimuli.human["measure"] == "cloze"]["value"]
    assert len(cloze) == 1726 and cloze.between(0, 1).all()
    # Their sentence-initial "Arthur placed the" has GPT-2 surprisal 1.7347 nats = 2.5027 bits.
    assert stimuli.items["gpt2_surprisal"].iloc[0] == pytest.approx(1.734722715868429 / 0.6931471805599453)


@needs_data
@pytest.mark.parametrize(
    ("name", "rows", "items"),
    [("cprag-102", 102, 34), ("role-88", 88, 44), ("neg-136", 136, 34)],
)
def test_the_diagnostics_are_read_as_published(name, rows, items):
    table = load_stimuli(f"lm-diagnostics/{name}", Study(None)).items
    assert (len(table), table["item"].nunique()) == (rows, items)
    assert not table["sentence"].str.contains(r"[|()]").any()
    if name == "neg-136":
        articles = table[table["kind"] == "simple"]["sentence"].str.extract(r" (an?) (\w)\w*\.$")
        assert ((articles[0] == "an") == articles[1].isin(list("aeiou"))).all()


@needs_data
@pytest.mark.parametrize("name", [one for one in Study(None).stimulus_names() if one.startswith("syntaxgym/")])
def test_suites_are_read_as_published(name):
    """Every region stands where it should, and each item has every condition that a prediction speaks of."""
    stimuli = load_stimuli(name, Study(None))
    assert stimuli.items.groupby("item")["condition"].nunique().eq(len(stimuli.card.factors["condition"])).all()
    for sentence, cell in zip(stimuli.items["sentence"], stimuli.items["regions"], strict=True):
        regions = parse_regions(cell)
        assert "".join(sentence[region.start : region.end] for region in regions).replace(" ", "") == sentence.replace(
            " ", ""
        )
    for formula in json.loads(stimuli.items["predictions"].iloc[0]):
        assert {condition for _, condition in places(parse(formula))} <= set(stimuli.card.factors["condition"])


@needs_data
@pytest.mark.parametrize("name", [one for one in Study(None).stimulus_names() if one.startswith("blimp/")])
def test_minimal_pairs_are_read_as_published(name):
    items = load_stimuli(name, Study(None)).items
    assert len(items) == 2000 and items["item"].nunique() == 1000
    targets = items[items["target"] != ""]
    before = [sentence[:start] for sentence, start in zip(targets["sentence"], targets["start"], strict=True)]
    assert pd.Series(before).groupby(targets["item"].to_numpy()).nunique().le(1).all(), "one beginning a pair"


@needs_data
def test_natural_stories_are_ten_texts_with_a_time_for_each_word():
    stimuli = load_stimuli("naturalstories", Study(None))
    words = stimuli.items["sentence"].str.split().str.len()
    assert len(words) == 10 and words.sum() == len(stimuli.human) == 10256
    assert (
        stimuli.human.groupby("item")["word_id"].nunique().tolist()
        == words.set_axis(stimuli.items["item"]).sort_index().tolist()
    )
