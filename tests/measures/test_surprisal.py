"""Surprisal against `transformers`' own loss, hand-made sums, and invariances."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.memory import Allowance
from tests.conftest import TEXT


def trials(sentences, targets=None, contexts=None, language="en"):
    return sentence_trials(sentences, targets=targets, contexts=contexts, language=language)


def score(model, name, table, **options):
    asked = MEASURES[name]
    return asked.function(model, table, asked.options(**options))


def loss_bits(model, text):
    """Sum of -log2 p over the tokens of a text, from the model's own loss."""
    ids = torch.tensor([[model.tokenizer.bos, *model.tokenizer.encode(text).ids]])
    with torch.inference_mode():
        mean = model.network(input_ids=ids, labels=ids).loss.item()
    return mean * (ids.shape[1] - 1) / math.log(2)


def test_words_of_a_sentence_add_up_to_the_models_own_loss(causal):
    table = score(causal, "surprisal", trials(TEXT), words="all", correction=False)
    for trial, sentence in enumerate(TEXT[:5]):
        assert table[table["trial"] == trial]["value"].sum() == pytest.approx(loss_bits(causal, sentence), abs=1e-4)


def test_sentence_surprisal_is_the_models_own_loss(causal):
    values = score(causal, "sentence_surprisal", trials(TEXT))["value"]
    for value, sentence in zip(values, TEXT, strict=True):
        assert value == pytest.approx(loss_bits(causal, sentence), abs=1e-4)


def test_what_sentences_have_in_common_is_predicted_once(causal, monkeypatch):
    """Two sentences that differ in their last word: the words before it are the same question to a causal model."""
    pair = ["The cook tasted the soup.", "The cook tasted the window."]
    alone = [score(causal, "surprisal", trials([sentence]), words="all")["value"].tolist() for sentence in pair]
    causal.remembered.clear()
    asked, predict = [], type(causal).predict
    monkeypatch.setattr(type(causal), "predict", lambda model, queries, *rest: (
        asked.extend(len(query.at) for query in queries), predict(model, queries, *rest))[1])  # fmt: skip
    table = score(causal, "surprisal", trials(pair), words="all")
    assert [table[table["trial"] == trial]["value"].tolist() for trial in (0, 1)] == [
        pytest.approx(one, abs=1e-5) for one in alone
    ]
    first, second = (causal.tokenizer.encode(sentence).ids for sentence in pair)
    common = next(place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert asked[0] > common and asked[1] <= len(second) - common + 2  # the last word, its mark, and what comes after


def test_a_context_is_conditioned_on_and_not_scored(causal):
    whole, context, sentence = f"{TEXT[0]} {TEXT[1]}", TEXT[0], TEXT[1]
    value = score(causal, "sentence_surprisal", trials([sentence], contexts=[context]))["value"].item()
    assert value == pytest.approx(loss_bits(causal, whole) - loss_bits(causal, context), abs=1e-4)


def test_the_correction_is_the_ratio_of_boundary_probabilities(causal):
    """p(w | c) = p(tokens | c) p(B | c, w) / p(B | c), each factor summed by hand from the full distribution."""
    text, word = "The cook tasted the soup and added salt.", "soup"
    ids = [causal.tokenizer.bos, *causal.tokenizer.encode(text).ids]
    with torch.inference_mode():
        p = causal.network(input_ids=torch.tensor([ids])).logits[0].softmax(-1).double()
    pieces = [causal.tokenizer.fast.decode([i]) for i in range(len(causal.tokenizer))]
    marks = '!"#$%&()*+,./:;<=>?@[\\]^`{|}~。'
    ends = [piece == "<|end|>" or piece[0].isspace() or piece[0] in marks for piece in pieces]
    first, last = causal.tokenizer.encode(text).within((text.index(word), text.index(word) + len(word)))
    tokens = math.prod(p[position, ids[position + 1]].item() for position in range(first, last))
    boundary = torch.tensor(ends)
    expected = tokens * p[last][boundary].sum() / p[first][boundary].sum()
    value = score(causal, "surprisal", trials([text], [word]))["value"].item()
    assert 2**-value == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 40, 4096])
def test_batch_size_changes_no_score(causal, masked, batch_tokens):
    for model in (causal, masked):
        once = score(model, "surprisal", trials(TEXT[:5]), words="all")["value"].to_numpy()
        model.remembered.clear()
        model.allowance, before = Allowance(batch_tokens, 7), model.allowance
        try:
            again = score(model, "surprisal", trials(TEXT[:5]), words="all")["value"].to_numpy()
        finally:
            model.allowance = before
        assert abs(once - again).max() < 1e-4


WORDS = ["the", "cook", "can't", "see", "soup,", "salt", "(or)", "tables!", "x", "1984", "猫"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), min_size=1, max_size=6))
def test_order_and_company_change_no_score(causal, sentences):
    sentences = [" ".join(words) for words in sentences]
    together = score(causal, "surprisal", trials(sentences), words="all")
    for trial, sentence in enumerate(sentences):
        alone = score(causal, "surprisal", trials([sentence]), words="all")
        mine = together[together["trial"] == trial]
        assert list(mine["word"]) == sentence.split()
        assert abs(mine["value"].to_numpy() - alone["value"].to_numpy()).max() < 1e-4


def test_a_target_scores_as_it_does_among_all_words(causal):
    """`table` ends before punctuation: the same tokens, and boundaries, as in the whole sentence."""
    sentence = "A tall woman opened the old window"
    for word in sentence.split():
        alone = score(causal, "surprisal", trials([sentence], [word]))
        every = score(causal, "surprisal", trials([sentence], [word]), words="all")
        assert alone["value"].item() == pytest.approx(every[every["region"] == "target"]["value"].item(), abs=1e-4)
        assert alone["word_id"].item() == every[every["region"] == "target"]["word_id"].item()


def test_the_first_word_of_a_model_without_a_beginning_is_nan_with_a_note(headless_folder):
    model = load_model(f"file:{headless_folder}", device="cpu")
    table = score(model, "surprisal", trials(["The cook tasted"]), words="all")
    assert table["value"].isna().tolist() == [True, False, False]
    assert "beginning-of-sequence" in table["note"][0]


def test_a_masked_words_surprisal_is_the_loss_at_its_masks(masked):
    """Chain rule within the word, each factor from a forward pass of its own."""
    text, word = "the cook boiled the soup", "boiled"
    encoding = masked.tokenizer.encode(text)
    first, last = encoding.within((text.index(word), text.index(word) + len(word)))
    assert last - first > 1, "the word must have several tokens for the chain rule to matter"
    total = 0.0
    for token in range(first, last):
        ids = list(encoding.ids)
        ids[token:last] = [masked.tokenizer.mask] * (last - token)
        row = masked.sequence(tuple(ids))
        labels = torch.full((1, len(row)), -100)
        labels[0, token + 1] = encoding.ids[token]
        with torch.inference_mode():
            total += masked.network(input_ids=torch.tensor([row]), labels=labels).loss.item()
    value = score(masked, "surprisal", trials([text], [word]))["value"].item()
    assert value == pytest.approx(total / math.log(2), abs=1e-4)


def test_pseudo_log_likelihood_is_the_sum_of_words_left_to_right(masked):
    text = "the cook tasted the soup ."
    words = score(masked, "surprisal", trials([text]), words="all")["value"]
    value = score(masked, "pseudo_log_likelihood", trials([text]))["value"].item()
    assert value == pytest.approx(-words.sum() * math.log(2), abs=1e-3)


def test_japanese_words_are_those_of_the_dictionary(causal):
    table = score(causal, "surprisal", trials([TEXT[5]], language="ja"), words="all")
    assert table["word"].tolist() == ["猫", "が", "窓", "の", "そば", "で", "眠っ", "て", "いる", "。"]
    covered = score(causal, "surprisal", trials([TEXT[5]], ["眠っている"], language="ja"))
    assert covered["value"].notna().all()


def test_a_text_longer_than_a_masked_models_window_is_told(masked):
    from psylm.common.errors import PsylmError

    with pytest.raises(PsylmError, match="at most 64, the window"):
        score(masked, "surprisal", trials(["cook " * 200]), words="all")
