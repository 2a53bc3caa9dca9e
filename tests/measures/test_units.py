"""Units and quantities of surprisal, regions, punctuation, and texts longer than the window."""

from __future__ import annotations

import json
import math
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psylm.common.errors import InputError
from psylm.common.language import split_punctuation, word_spans
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.causal import windows
from tests.conftest import TEXT

LN2 = math.log(2)
ENGLISH = TEXT[:5]


def score(model, name, trials, **options):
    asked = MEASURES[name]
    return asked.function(model, trials, asked.options(**options))


def distributions(model, text):
    """Natural log-probabilities [tokens + 1, vocabulary] before each token of a text and after the last."""
    ids = [model.tokenizer.bos, *model.tokenizer.encode(text).ids]
    with torch.inference_mode():
        return model.network(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)


def test_tokens_words_regions_and_sentence_add_up(causal):
    regions = json.dumps([["front", 0, 8], ["rest", 9, len(ENGLISH[0])]])
    table = score(
        causal, "surprisal", sentence_trials([ENGLISH[0]], regions=[regions]), correction=False,
        units=["token", "word", "region", "sentence"],
    )  # fmt: skip
    tokens = table[table["region"] == "token"]["value"].sum()
    sums = table[(table["word_id"] == -1)].set_index("region")["value"]
    words = table[(table["word_id"] >= 0) & (table["region"] != "token")]["value"].sum()
    assert tokens == pytest.approx(words, abs=1e-6)
    assert sums["sentence"] == pytest.approx(words, abs=1e-6)
    assert sums["front"] + sums["rest"] == pytest.approx(words, abs=1e-6)
    assert len(table[table["region"] == "token"]) == len(causal.tokenizer.encode(ENGLISH[0]).ids)


def test_an_empty_region_costs_nothing(causal):
    regions = json.dumps([["all", 0, len(ENGLISH[1])], ["nothing", 12, 12]])
    table = score(causal, "surprisal", sentence_trials([ENGLISH[1]], regions=[regions]), units=["region"])
    assert table.set_index("region")["value"]["nothing"] == 0


def test_quantities_are_those_of_the_full_distribution(causal):
    asked = ["surprisal", "log_probability", "entropy", "entropy_reduction", "renyi_entropy", "rank"]
    text = ENGLISH[1]
    table = score(
        causal, "surprisal", sentence_trials([text]), units=["token"], quantities=asked, alpha=0.7, correction=False
    )
    wide = table.pivot(index="word_id", columns="measure", values="value")
    log_p = distributions(causal, text)
    ids = causal.tokenizer.encode(text).ids
    entropy = -(log_p.exp() * log_p).sum(-1) / LN2
    for place, token in enumerate(ids):
        row, p = wide.loc[place], log_p[place]
        assert row["log_probability"] == pytest.approx(p[token].item(), abs=1e-4)
        assert row["surprisal"] == pytest.approx(-p[token].item() / LN2, abs=1e-4)
        assert row["entropy"] == pytest.approx(entropy[place].item(), abs=1e-4)
        assert row["renyi_entropy"] == pytest.approx((p.exp() ** 0.7).sum().log().item() / 0.3 / LN2, abs=1e-3)
        assert row["rank"] == 1 + (p > p[token]).sum().item()
        assert row["entropy_reduction"] == pytest.approx(max(0, (entropy[place] - entropy[place + 1]).item()), abs=1e-4)


def test_punctuation_may_stand_apart(causal):
    text = ENGLISH[3]
    attached = score(causal, "surprisal", sentence_trials([text]), words="all", correction=False)
    apart = score(causal, "surprisal", sentence_trials([text]), words="all", punctuation="apart", correction=False)
    assert {"rained,", "(it", "warm)."} <= set(attached["word"])
    assert {"rained", ",", "(", "warm", ")."} <= set(apart["word"])
    assert apart["value"].sum() == pytest.approx(attached["value"].sum(), abs=1e-4)


@given(st.text(alphabet="ab é’'-.,!()🙂あ", max_size=30))
def test_punctuation_is_divided_without_loss(text):
    spans = word_spans(text)
    pieces = split_punctuation(text, spans)
    assert "".join(text[a:b] for a, b in pieces) == "".join(text[a:b] for a, b in spans)
    assert all(a < b for a, b in pieces)


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True).map(sorted),
    st.integers(4, 30),
    st.integers(0, 29),
)
def test_windows_ask_each_place_once_with_enough_before_it(places, size, overlap):
    overlap = min(overlap, size - 1)
    found = list(windows([(place, 0) for place in places], size, overlap))
    assert [place for _, _, some in found for place, _ in some] == places
    for begin, end, some in found:
        assert end - begin <= size
        for place, _ in some:
            assert begin <= place <= begin + size
            assert place - begin >= min(overlap, place)


def test_a_long_text_is_scored_in_windows_as_each_would_be_alone(causal):
    text = " ".join(ENGLISH * 6)
    window, overlap = 48, 16
    ids = causal.tokenizer.encode(text).ids
    assert len(ids) > causal.info.window
    table = score(
        causal, "surprisal", sentence_trials([text]), units=["token"], window=window, overlap=overlap, correction=False
    )
    values = table["value"].to_numpy()
    expected = np.full(len(ids), np.nan)
    asked = [(place, token) for place, token in enumerate(ids)]
    for begin, end, some in windows(asked, window - 1, overlap):
        read = torch.tensor([[causal.tokenizer.bos, *ids[begin:end]]])
        with torch.inference_mode():
            log_p = causal.network(input_ids=read).logits[0].log_softmax(-1)
        for place, token in some:
            expected[place] = -log_p[place - begin, token].item() / LN2
    assert np.allclose(values, expected, atol=1e-4)


def test_a_window_that_the_model_does_not_have_is_refused(causal):
    with pytest.raises(InputError, match="expected at most 128"):
        score(causal, "sentence_surprisal", sentence_trials(ENGLISH), window=500)
    with pytest.raises(InputError, match="overlap"):
        score(causal, "sentence_surprisal", sentence_trials(ENGLISH), window=20, overlap=19)


TRICKY = ["don't", "well-known", "naïve", "e\u0301te\u0301", "🙂", "👩‍👧", "ＡＢＣ", "the", "(soup)", "12,5", "…", "猫"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(TRICKY), min_size=1, max_size=8))
def test_words_of_any_script_add_up_to_the_sentence(causal, words):
    """Contractions, hyphens, combining marks, emoji, full-width letters: nothing is lost or counted twice."""
    trials = sentence_trials([" ".join(words)])
    by_word = score(causal, "surprisal", trials, words="all", correction=False)
    whole = score(causal, "sentence_surprisal", trials)["value"].item()
    assert by_word["word"].tolist() == words
    assert by_word["value"].sum() == pytest.approx(whole, abs=1e-3)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(TRICKY), min_size=1, max_size=6))
def test_masked_words_cover_every_token(masked, words):
    text = " ".join(words)
    table = score(masked, "surprisal", sentence_trials([text]), words="all", units=["word", "token"])
    tokens = table[table["region"] == "token"]
    assert len(tokens) == len(masked.tokenizer.encode(text).ids)
    assert tokens["value"].sum() == pytest.approx(table[(table["region"] != "token")]["value"].sum(), abs=1e-3)


def test_every_pseudo_log_likelihood_masks_what_it_says(masked):
    """By hand: one pass a token, with the token, its word's later ones, or its whole word masked."""
    text = "The children sang"
    encoding = masked.tokenizer.encode(text)
    ids = list(masked.sequence(encoding.ids))
    for variant in ("original", "within_word", "whole_word"):
        total = 0.0
        for place, word in enumerate(encoding.words):
            mine = [n for n, other in enumerate(encoding.words) if other == word]
            hidden = {"original": [place], "within_word": [n for n in mine if n >= place], "whole_word": mine}[variant]
            read = list(ids)
            for n in hidden:
                read[n + 1] = masked.tokenizer.mask
            with torch.inference_mode():
                log_p = masked.network(input_ids=torch.tensor([read])).logits[0, place + 1].log_softmax(-1)
            total += log_p[encoding.ids[place]].item()
        value = score(masked, "pseudo_log_likelihood", sentence_trials([text]), variant=variant)["value"].item()
        assert value == pytest.approx(total, abs=1e-3)
    assert len(encoding.ids) > len(set(encoding.words)), "the test is about words of several tokens"


@pytest.fixture(scope="module")
def sentencepiece(tmp_path_factory):
    """A GPT-2 with a SentencePiece-like vocabulary, whose words begin with the mark ▁."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(8)
    folder = tmp_path_factory.mktemp("sentencepiece")
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([*TEXT, *TRICKY], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="<s>")
    fast.save_pretrained(folder)
    config = GPT2Config(vocab_size=len(fast), n_positions=128, n_embd=32, n_layer=1, n_head=2, initializer_range=0.3)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(TRICKY), min_size=1, max_size=8))
def test_sentencepiece_words_add_up_to_the_sentence(sentencepiece, words):
    trials = sentence_trials([" ".join(words)])
    by_word = score(sentencepiece, "surprisal", trials, words="all", correction=False)
    whole = score(sentencepiece, "sentence_surprisal", trials)["value"].item()
    assert by_word["word"].tolist() == words
    assert by_word["value"].sum() == pytest.approx(whole, abs=1e-3)


def test_the_correction_knows_sentencepieces_mark(sentencepiece):
    """p(w | c) = p(tokens | c) p(B | c, w) / p(B | c) with B what begins with ▁ or punctuation, and special tokens."""
    text, word = "The cook tasted the soup and added salt.", "soup"
    encoding = sentencepiece.tokenizer.encode(text)
    first, last = encoding.within((text.index(word), text.index(word) + len(word)))
    log_p = distributions(sentencepiece, text)
    pieces = sentencepiece.tokenizer.fast.convert_ids_to_tokens(range(len(sentencepiece.tokenizer)))
    begins = torch.tensor(
        [
            piece in ("<unk>", "<s>")
            or piece[0] == "▁"
            or (unicodedata.category(piece[0])[0] in "PS" and piece[0] not in "'-")
            for piece in pieces
        ]
    )
    total = sum(log_p[place, encoding.ids[place]].item() for place in range(first, last))
    total += (log_p[last].exp()[begins].sum().log() - log_p[first].exp()[begins].sum().log()).item()
    value = score(sentencepiece, "surprisal", sentence_trials([text], targets=[word]))["value"].item()
    assert value == pytest.approx(-total / LN2, abs=1e-4)
    assert sentencepiece.tokenizer.word_marking == "space"
