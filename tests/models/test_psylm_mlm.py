"""The embedded masked model: what its card says of it is what it does."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.embedded import EMBEDDED
from psylm.models.masked import MaskedModel
from psylm.stimuli import load_stimuli

pytestmark = pytest.mark.slow


CARD = Path(__file__).parents[2] / "docs" / "psylm-mlm.md"
BLANKS = CARD.with_name("psylm-mlm-blanks.csv")


@pytest.fixture(scope="module")
def mlm() -> MaskedModel:
    model = load_model("embedded:psylm-mlm", device="cpu")
    assert isinstance(model, MaskedModel)
    return model


@pytest.fixture(scope="module")
def blanks(mlm: MaskedModel) -> pd.DataFrame:
    """The expected word of every built-in frame: its rank, and the model's own five words."""
    items = load_stimuli("cloze-constraint").items
    items = items[items["completion"] == "expected"].reset_index(drop=True)
    trials = sentence_trials(list(items["sentence"]), targets=list(items["target"]), contexts=list(items["context"]))
    cloze = MEASURES["cloze"]
    scores = cloze.function(mlm, trials, cloze.options(top_k=5))
    own = scores[scores["region"] == "completion"].pivot(index="trial", columns="word_id", values="word")
    rank = scores[scores["measure"] == "rank"].set_index("trial")["value"]
    return items[["item", "constraint", "target"]].assign(rank=rank.array, **{f"word_{k}": own[k].array for k in own})


def test_it_is_small_and_needs_nothing_else(mlm: MaskedModel) -> None:
    folder = EMBEDDED["psylm-mlm"].folder()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 50_000_000
    assert mlm.info.parameters == EMBEDDED["psylm-mlm"].parameters and mlm.info.window == 128
    assert len(mlm.tokenizer) == EMBEDDED["psylm-mlm"].vocabulary


def test_pseudo_log_likelihood_is_transformers_own_loss(mlm: MaskedModel) -> None:
    from transformers import AutoTokenizer, BertForMaskedLM

    folder = EMBEDDED["psylm-mlm"].folder()
    theirs, tokenizer = BertForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    sentence = "The carpenter measured the plank twice."
    ids = tokenizer(sentence, return_tensors="pt")["input_ids"]
    places = range(1, ids.shape[1] - 1)
    masked, labels = ids.repeat(len(places), 1), torch.full((len(places), ids.shape[1]), -100)
    for row, place in enumerate(places):
        masked[row, place], labels[row, place] = tokenizer.mask_token_id, ids[0, place]
    with torch.inference_mode():
        loss = theirs.float().eval()(input_ids=masked, labels=labels).loss.item()
    measure = MEASURES["pseudo_log_likelihood"]
    [ours] = measure.function(mlm, sentence_trials([sentence]), measure.options(variant="original"))["value"]
    assert ours == pytest.approx(-loss * len(places), abs=1e-3)


def test_its_words_are_those_of_the_card(blanks: pd.DataFrame) -> None:
    told = pd.read_csv(BLANKS)
    assert list(told["item"]) == list(blanks["item"]) and list(told["constraint"]) == list(blanks["constraint"])
    for k in range(1, 6):
        assert list(told[f"word_{k}"]) == list(blanks[f"word_{k}"])


def test_the_card_counts_as_the_table_says(blanks: pd.DataFrame) -> None:
    told, card = pd.read_csv(BLANKS), CARD.read_text(encoding="utf-8")
    own = blanks[[f"word_{k}" for k in range(1, 6)]]
    first, five = (own.iloc[:, :k].eq(blanks["target"], axis=0).any(axis=1) for k in (1, 5))
    for name, count in (("first", first.sum()), ("among its first five", five.sum())):
        assert re.search(rf"\| expected word {name}[^|]*\| {count} of 96 \|", card)
    assert f"a sensible word first in {(told['sensible'] == 'yes').sum()} of 96 blanks" in card


def test_it_expects_what_is_expected(blanks: pd.DataFrame) -> None:
    """The best completion is less surprising after a strongly than after a weakly constraining context."""
    rank = blanks.pivot(index="item", columns="constraint", values="rank")
    lower = (rank["high"] < rank["low"]).sum()
    n = len(rank)
    chance = sum(math.comb(n, k) for k in range(lower, n + 1)) / 2**n  # a sign test
    assert chance < 1e-4
