"""Baselines: Kneser-Ney against nltk, frequencies against wordfreq."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psylm.common.errors import InputError
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.kneser_ney import KneserNey

pytestmark = pytest.mark.slow


corpora = st.lists(st.lists(st.integers(2, 6), min_size=3, max_size=8), min_size=2, max_size=6)


def score(model, name, trials, **options):
    asked = MEASURES[name]
    return asked.function(model, trials, asked.options(**options))


@settings(max_examples=40, deadline=None)
@given(corpora, st.sampled_from([2, 3]))
def test_kneser_ney_is_nltks(corpus, order):
    """The same interpolated model by nltk, within sentences, with one discount and unigrams not discounted."""
    from nltk.lm import KneserNeyInterpolated, Vocabulary
    from nltk.util import everygrams

    discount = 0.4
    sentences = [["<s>", *map(str, words), "</s>"] for words in corpus]
    theirs = KneserNeyInterpolated(
        order, discount=discount, vocabulary=Vocabulary([word for words in sentences for word in words])
    )
    theirs.fit([list(everygrams(words, max_len=order)) for words in sentences])
    numbered = [[0, *words, 1] for words in corpus]
    ours = KneserNey(numbered, order, size=7, begin=0, discounts=[0.0] + [discount] * (order - 1))
    for words in numbered:
        for place in range(order, len(words) - 1):
            context = words[place - order + 1 : place]
            mine = ours.probabilities(context)
            for word in sorted({*words} - {0}):
                name = "</s>" if word == 1 else str(word)
                assert mine[word] == pytest.approx(theirs.score(name, [str(one) for one in context]), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(corpora, st.integers(1, 4), st.lists(st.integers(-1, 6), min_size=3, max_size=3))
def test_probabilities_add_up_to_one(corpus, order, context):
    model = KneserNey([[0, *words, 1] for words in corpus], order, size=8, begin=0)
    probabilities = model.probabilities(context)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[0] == 0 and (probabilities[1:] > 0).all()


def test_frequencies_are_wordfreqs():
    import wordfreq

    model = load_model("wordfreq:en")
    table = score(model, "surprisal", sentence_trials(["The keys didn't rust."]), words="all")
    total = sum(wordfreq.get_frequency_dict("en", wordlist="best").values())
    expected = [-math.log2(wordfreq.word_frequency(word, "en") / total) for word in ("the", "keys", "didn't", "rust")]
    assert table["value"].tolist() == pytest.approx(expected, abs=0.02)


def test_an_ngram_model_is_asked_like_any_other(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("the cat sleeps .\nthe cat eats .\nthe dog sleeps .\na dog barks .\n")
    model = load_model(f"ngram:{file}@2")
    trials = sentence_trials(["The cat sleeps.", "The barks cat."])
    words = score(
        model, "surprisal", trials, words="all", punctuation="apart", quantities=["surprisal", "entropy", "rank"]
    )
    assert words["value"].notna().all()
    whole = score(model, "sentence_surprisal", trials)["value"]
    assert whole[0] < whole[1]
    sums = words[words["measure"] == "surprisal"].groupby("trial")["value"].sum()
    assert sums.tolist() == pytest.approx(whole.tolist(), abs=1e-4)
    best = int(np.argmax(np.exp(model.network(torch.tensor([[model.tokenizer.identity("the")]])).numpy()[0])))
    assert model.tokenizer.text((best,)) == "cat"


def test_baselines_that_cannot_be_had_are_told(tmp_path):
    for name, expected in [
        ("ngram:nowhere.txt", "no such file"),
        ("wordfreq:ja", "no word frequencies"),
        ("wordfreq:xx", "no word frequencies"),
    ]:
        with pytest.raises(InputError, match=expected):
            load_model(name)
    (tmp_path / "a.txt").write_text("\n\n")
    with pytest.raises(InputError, match="no sentences"):
        load_model(f"ngram:{tmp_path / 'a.txt'}")
    with pytest.raises(InputError, match="a number from 1 to 9"):
        load_model(f"ngram:{tmp_path / 'a.txt'}@x")
