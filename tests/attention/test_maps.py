"""Attention maps against `transformers`' own, and what becomes of them between tokens and words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from psylm.attention.maps import watch
from psylm.attention.places import Look, look
from psylm.attention.reduce import to_words
from psylm.attention.scenes import scene, shuffled, visible
from psylm.common.errors import InputError, PsylmError
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.attention_input import Reading
from psylm.models.trained import ScratchNetwork
from psylm.scratch.architectures import ARCHITECTURES, make_model
from psylm.scratch.layers import Shape
from tests.conftest import TEXT

ENGLISH = TEXT[:5]
KEYS = "The keys to the cabinet are on the shelf."
KEY = "The key to the old cabinets, (rusty), is there."


def with_regions(*sentences, context=""):
    """Trials whose first `are` or `is` is the verb, their key or keys the subject, their cabinet or cabinets local."""
    regions = []
    for sentence in sentences:
        parts = {"subject": ("keys", "key"), "local": ("cabinets", "cabinet"), "verb": (" are", " is")}
        placed = []
        for name, forms in parts.items():
            form = next(form for form in forms if form in sentence)
            start = sentence.index(form) + len(form) - len(form.strip())
            placed.append([name, start, start + len(form.strip())])
        regions.append(json.dumps(placed))
    return sentence_trials(sentences, regions=regions, contexts=[context] * len(sentences))


def measured(model, trials, **options):
    asked = MEASURES["attention"]
    given = {"query": "verb", "target": "subject", "distractor": "local"} | options
    return asked.function(model, trials, asked.options(**given))


def scenes_of(trials):
    return [scene(trial, "verb", "subject", "local") for trial in trials.to_dict("records")]


@pytest.fixture(scope="module")
def llama(causal_folder, tmp_path_factory):
    """A Llama with half as many keys and values as heads."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(6)
    folder = tmp_path_factory.mktemp("llama")
    fast = PreTrainedTokenizerFast.from_pretrained(causal_folder)
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.5, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="module")
def roberta(masked_folder, tmp_path_factory):
    """A RoBERTa of two layers."""
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("roberta")
    fast = PreTrainedTokenizerFast.from_pretrained(masked_folder)
    fast.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@pytest.fixture(scope="module")
def gptj(causal_folder, tmp_path_factory):
    """A GPT-J, which does not let its attention be exchanged."""
    from transformers import GPTJConfig, GPTJForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(8)
    folder = tmp_path_factory.mktemp("gptj")
    fast = PreTrainedTokenizerFast.from_pretrained(causal_folder)
    fast.save_pretrained(folder)
    config = GPTJConfig(
        vocab_size=len(fast), n_positions=128, n_embd=32, n_layer=2, n_head=2, rotary_dim=8, initializer_range=0.5,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    GPTJForCausalLM(config).save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


def from_scratch(architecture, like):
    """A model of `psylm.scratch` as a participant, with the tokenizer of another of its family."""
    torch.manual_seed(9)
    defaults = ARCHITECTURES[architecture].defaults
    model = make_model(architecture, Shape(len(like.tokenizer), layers=2, width=32, heads=2, **defaults)).eval()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.4)
    return type(like)(ScratchNetwork(model, {}), like.tokenizer, like.info, like.allowance)


@pytest.fixture(scope="module")
def gpt(causal):
    return from_scratch("gpt", causal)


@pytest.fixture(scope="module")
def bert(masked):
    return from_scratch("bert", masked)


@pytest.fixture(scope="module")
def xlnet(permuted):
    return from_scratch("xlnet", permuted)


def watched_maps(model, readings):
    """All layers of each reading [layers, heads, rows, keys]."""
    layers = [[] for _ in readings]

    def take(seen):
        for number, weights in zip(seen.readings, seen.weights, strict=True):
            reading = readings[number]
            layers[number].append(weights[:, : len(reading.rows), : reading.keys].clone())

    for _ in watch(model, readings, take):
        pass
    return [torch.stack(mine) for mine in layers]


def reference(model):
    """The same weights, with attention written out."""
    network = model.network
    eager = type(network).from_pretrained(model.info.name.removeprefix("file:"), attn_implementation="eager")
    return eager.eval()


@pytest.mark.parametrize("family", ["causal", "llama", "masked", "roberta", "gptj"])
def test_maps_are_those_of_transformers(family, request):
    model = request.getfixturevalue(family)
    own = reference(model)
    texts = [model.sequence(model.tokenizer.encode(text).ids) for text in ENGLISH]
    whole = watched_maps(model, [Reading(ids, tuple(range(len(ids)))) for ids in texts])
    rows = watched_maps(model, [Reading(ids, (3, len(ids) - 1)) for ids in texts])
    for ids, mine, few in zip(texts, whole, rows, strict=True):
        with torch.inference_mode():
            theirs = torch.stack(own(torch.tensor([ids]), output_attentions=True).attentions)[:, 0]
        assert mine.shape == theirs.shape
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
        torch.testing.assert_close(few, theirs[:, :, [3, len(ids) - 1]], atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_encoder_and_cross_attention_are_those_of_transformers(family, request):
    model = request.getfixturevalue(family)
    own = reference(model)
    for text in ENGLISH:
        ids = model.tokenizer.encode(text).ids
        asked = model.blank_query(ids, 1, 2)
        source, read = model.sequence(ids), asked.ids
        whole = [Reading(source, tuple(range(len(source))), "encoder")]
        cross = [Reading(read, (len(read) - 1,), "cross", asked.source)]
        with torch.inference_mode():
            theirs = own(torch.tensor([source]), decoder_input_ids=torch.tensor([[0]]), output_attentions=True)
            gapped = own(torch.tensor([asked.source]), decoder_input_ids=torch.tensor([read]), output_attentions=True)
        expected = torch.stack(theirs.encoder_attentions)[:, 0]
        torch.testing.assert_close(watched_maps(model, whole)[0], expected, atol=1e-5, rtol=0)
        expected = torch.stack(gapped.cross_attentions)[:, 0, :, -1:]
        torch.testing.assert_close(watched_maps(model, cross)[0], expected, atol=1e-5, rtol=0)


def test_an_encoder_attends_as_the_body_that_it_is(masked, masked_folder, tmp_path):
    """BERT without its output layer: the same attention from a word, and no place that predicts one."""
    from transformers import AutoTokenizer, BertModel

    BertModel.from_pretrained(masked_folder).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(masked_folder).save_pretrained(tmp_path)
    encoder = load_model(f"file:{tmp_path}", device="cpu")
    assert encoder.family == "encoder"
    trials = with_regions(KEYS, KEY)
    kinds = ["weights", "norm", "rollout"]
    own, theirs = (measured(model, trials, at="word", kinds=kinds)[0]["value"] for model in (encoder, masked))
    np.testing.assert_allclose(own, theirs, atol=1e-5)
    with pytest.raises(PsylmError, match="an encoder predicts no word; expected the option at: word"):
        measured(encoder, trials)
    with pytest.raises(PsylmError, match="has no output layer"):
        measured(encoder, trials, at="word", kinds=["gradient"])


def test_both_streams_of_xlnet_are_those_of_transformers(permuted):
    own = reference(permuted)
    texts = [(permuted.tokenizer.bos, *permuted.tokenizer.encode(text).ids) for text in ENGLISH]
    content = watched_maps(permuted, [Reading(ids, tuple(range(len(ids)))) for ids in texts])
    query = watched_maps(permuted, [Reading(ids[:4], (3,), "query") for ids in texts])
    for ids, mine, asked in zip(texts, content, query, strict=True):
        later = torch.ones(1, len(ids), len(ids)).triu()
        target = torch.zeros(1, 1, len(ids))
        target[0, 0, 3] = 1
        with torch.inference_mode():
            theirs = own(torch.tensor([ids]), perm_mask=later, target_mapping=target, output_attentions=True).attentions
        expected = torch.stack([layer[0][0] for layer in theirs])
        torch.testing.assert_close(mine, expected, atol=1e-5, rtol=0)
        expected = torch.stack([layer[1][0] for layer in theirs])[:, :, [3], :4]
        torch.testing.assert_close(asked, expected, atol=1e-5, rtol=0)
        assert (asked[..., 3] == 0).all()  # the stream that predicts a word does not see it


def test_maps_of_a_scratch_model_are_softmax_of_queries_and_keys(gpt):
    model = gpt.network.model
    ids = gpt.sequence(gpt.tokenizer.encode(KEYS).ids)
    first = watched_maps(gpt, [Reading(ids, tuple(range(len(ids))))])[0][0]
    with torch.inference_mode():
        x = model.stack.positions(model.embedding(torch.tensor([ids])), torch.arange(len(ids)))
        layer = model.stack.layers[0]
        x = layer.attention_norm(x)
        Q, K = layer.attention.W_Q(x)[0], layer.attention.W_K(x)[0]
        for head, part in enumerate((slice(0, 16), slice(16, 32))):
            scores = Q[:, part] @ K[:, part].T / math.sqrt(16)
            expected = scores.masked_fill(torch.ones(len(ids), len(ids)).triu(1).bool(), -torch.inf).softmax(-1)
            torch.testing.assert_close(first[head], expected, atol=1e-5, rtol=0)


FAMILIES = ["causal", "llama", "gptj", "masked", "roberta", "permuted", "t5", "bart", "gpt", "bert", "xlnet"]


@pytest.mark.parametrize("at", ["prediction", "word"])
@pytest.mark.parametrize("family", FAMILIES)
def test_attention_adds_up_and_company_changes_nothing(family, at, request):
    """Words and special tokens share all attention, in every family; padding and batch leave no trace."""
    model = request.getfixturevalue(family)
    trials = with_regions(KEYS, KEY, context="It rained.")
    scenes = scenes_of(trials)
    looks = [look(model, there, at) for there in scenes]
    together = dict(to_words(model, looks))
    for number, mine in enumerate(looks):
        heads = 4 if family == "llama" else 2
        assert together[number].shape == (2, heads, 1, len(mine.scene.spans) + 2)
        assert together[number][..., :-1].sum(-1) == pytest.approx(1, abs=1e-5)
        assert (together[number][0, :, 0, :-2][:, ~mine.seen] == 0).all()
        expected = visible(mine.scene, at, left_to_right=model.family in ("causal", "permuted"))
        assert mine.seen.tolist() == expected.tolist()
        alone = dict(to_words(model, [mine]))[0]
        np.testing.assert_allclose(alone, together[number], atol=1e-5)


@pytest.mark.parametrize("family", ["causal", "masked", "permuted", "t5"])
def test_the_network_is_as_it_was_even_after_an_error(family, request):
    model = request.getfixturevalue(family)
    ids = model.sequence(model.tokenizer.encode(KEYS).ids)
    stream = "encoder" if family == "t5" else "self"
    before = [config._attn_implementation for config in configs(model.network)]
    trials = sentence_trials([KEYS], targets=["shelf"])
    score = MEASURES["surprisal"]
    first = score.function(model, trials, score.options())["value"].item()

    def fail(seen):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(watch(model, [Reading(ids, (1,), stream)], fail))
    model.remembered.clear()
    assert [config._attn_implementation for config in configs(model.network)] == before
    assert score.function(model, trials, score.options())["value"].item() == first
    assert not any("rel_attn_core" in vars(module) for module in model.network.modules())


def configs(network):
    return [module.config for module in network.modules() if hasattr(module, "config")]


def test_a_scratch_model_is_watched_no_longer_after_an_error(gpt):
    ids = gpt.sequence(gpt.tokenizer.encode(KEYS).ids)
    with pytest.raises(ZeroDivisionError):
        list(watch(gpt, [Reading(ids, (1,))], lambda seen: 1 / 0))
    assert all(module._watcher is None for module in gpt.network.modules() if hasattr(module, "_watcher"))


def by_hand(model, text, spans, row_tokens):
    """Sum over the tokens of each word, mean over the rows: from `transformers`' own map of one text."""
    ids = model.sequence(model.tokenizer.encode(text).ids)
    with torch.inference_mode():
        maps = torch.stack(reference(model)(torch.tensor([ids]), output_attentions=True).attentions)[:, 0]
    encoding = model.tokenizer.encode(text)
    shift = ids.index(encoding.ids[0])
    rows = maps[:, :, [token + shift for token in row_tokens]].mean(2)
    groups = [[token + shift for token, s in enumerate(encoding.starts) if a <= s < b] for a, b in spans]
    return np.stack([rows[..., group].sum(-1).numpy() for group in groups], -1)


def test_words_get_the_sum_of_their_tokens_and_give_the_mean(causal, masked):
    for model in (causal, masked):
        trials = with_regions(KEYS)
        there = scenes_of(trials)[0]
        encoding = model.tokenizer.encode(KEYS)
        own = [n for n, start in enumerate(encoding.starts) if 24 <= start < 27]
        found = measured(model, trials, at="word")[1]
        expected = by_hand(model, KEYS, there.spans, own)
        subject, local = expected[..., 1], expected[..., 4]
        np.testing.assert_allclose(found["attention_target"][0], subject, atol=1e-5)
        np.testing.assert_allclose(found["attention_distractor"][0], local, atol=1e-5)
        np.testing.assert_allclose(found["attention_selectivity"][0], (subject - local) / (subject + local), atol=1e-4)


def test_a_causal_prediction_is_looked_at_one_token_before(causal):
    trials = with_regions(KEYS)
    found = measured(causal, trials)[1]["attention_target"][0]
    encoding = causal.tokenizer.encode(KEYS)
    before = max(n for n, start in enumerate(encoding.starts) if start < 24)
    np.testing.assert_allclose(found, by_hand(causal, KEYS, [(4, 8)], [before])[..., 0], atol=1e-5)


def test_a_masked_prediction_is_looked_at_from_the_mask(masked):
    trials = with_regions(KEYS)
    found = measured(masked, trials)[1]["attention_target"][0]
    encoding = masked.tokenizer.encode(KEYS)
    first, last = encoding.within((24, 27))
    ids = list(masked.sequence(encoding.ids))
    ids[first + 1 : last + 1] = [masked.tokenizer.mask] * (last - first)
    with torch.inference_mode():
        maps = torch.stack(reference(masked)(torch.tensor([ids]), output_attentions=True).attentions)[:, 0]
    a, b = encoding.within((4, 8))
    np.testing.assert_allclose(found, maps[:, :, first + 1, a + 1 : b + 1].sum(-1), atol=1e-5)


def test_maps_hold_all_words_and_change_no_value(causal, masked, bert):
    for model in (causal, masked, bert):
        trials = with_regions(KEYS, KEY)
        table, arrays = measured(model, trials, at="word", maps=True)
        plain, _ = measured(model, trials, at="word")
        np.testing.assert_allclose(table["value"], plain["value"], atol=1e-5)
        there = scenes_of(trials)[1]
        assert there.words == [
            "The",
            "key",
            "to",
            "the",
            "old",
            "cabinets",
            ",",
            "(",
            "rusty",
            "),",
            "is",
            "there",
            ".",
        ]
        found = arrays["attention_map"][1]
        assert found.shape == (2, 2, 13, 13) and found.dtype == np.float16
        np.testing.assert_allclose(found[:, :, 10, 1], arrays["attention_target"][1], atol=1e-3)
        rest = 1 - found.sum(-1, dtype=float)
        assert rest.min() > -2e-3
        np.testing.assert_allclose(rest[:, :, 10], arrays["attention_sink"][1], atol=2e-3)


def test_measures_of_a_row_by_hand(causal):
    """Two bits over four words of equal attention, an expected distance, and sinks and punctuation apart."""
    from psylm.attention.selection import selection

    there = scenes_of(with_regions(KEY))[0]
    row = np.zeros(15)
    row[[1, 2, 4, 5]] = 0.1  # key, to, old, cabinets
    row[6], row[13] = 0.2, 0.4  # a comma, and special tokens
    found = selection(row, there, there.distances > 0)
    assert {name: round(float(value), 6) for name, value in found.items()} == {
        "target": 0.1, "distractor": 0.1, "selectivity": 0.0, "entropy": 2.0,
        "distance": (6 + 5 + 3 + 2) / 4, "sink": 0.4, "punctuation": 0.2,
    }  # fmt: skip


def test_the_first_token_is_a_sink_where_there_is_no_special_one():
    from psylm.attention.selection import selection

    there = scenes_of(with_regions(KEYS))[0]
    row = np.zeros(12)
    row[[0, 1, 2]] = 0.6, 0.2, 0.2
    row[-1] = 0.5  # of the first word's 0.6, its first token has 0.5
    found = selection(row, there, there.distances > 0)
    p = np.array([0.1, 0.2, 0.2]) / 0.5
    assert found["sink"] == pytest.approx(0.5)
    assert found["entropy"] == pytest.approx(-(p * np.log2(p)).sum())
    assert found["distance"] == pytest.approx(p @ [5, 4, 3])


def test_what_cannot_be_seen_has_no_value_and_a_note(causal, masked):
    trials = sentence_trials(
        ["The old cabinet holds keys."], regions=['[["n", 8, 15], ["late", 22, 26], ["v", 16, 21]]']
    )
    table, _ = measured(causal, trials, query="v", target="n", distractor="late")
    rows = table.set_index("measure")
    assert math.isnan(rows.loc["attention_distractor", "value"])
    assert rows.loc["attention_selectivity", "note"] == "distractor: the model cannot see it from the query"
    assert rows.loc["attention_target", "value"] > 0 and rows.loc["attention_target", "note"] == ""
    assert measured(masked, trials, query="v", target="n", distractor="late")[0]["value"].notna().all()
    table, arrays = measured(causal, trials, query="verb", target="n")
    assert arrays == {} and table["note"].eq("no query region in this trial").all()


def test_a_model_without_a_beginning_cannot_predict_the_first_word(headless_folder):
    model = load_model(f"file:{headless_folder}", device="cpu")
    trials = sentence_trials(["Keys are rusty."], regions=['[["first", 0, 4], ["second", 5, 8]]'])
    table, arrays = measured(model, trials, query="first", target="second", distractor=None)
    assert table["value"].isna().all() and table["note"].str.contains("beginning-of-sequence").all() and not arrays
    table, _ = measured(model, trials, query="second", target="first", distractor=None)
    assert table["value"].notna().all()


CARD = """\
name: mine
title: Mine
version: 1.0.0
language: en
paradigm: attraction
licence: CC0
citation: none
description: Keys.
columns: {item: number, sentence: the sentence, regions: its regions, region_names: their names}
"""
ITEMS = """\
item,sentence,regions,region_names
1,The keys to the cabinet are old.,The|keys|to the|cabinet|are|old.,the|subject|to|local|verb|rest
2,The cat is old.,The|cat|is|old.,the|subject|verb|rest
"""
CONFIG = """\
name: one
stimuli: [mine]
models: ["file:FOLDER"]
measures:
  - attention: {query: verb, target: subject, distractor: local, maps: true}
"""


@pytest.fixture
def study(tmp_path, causal_folder):
    from psylm.common.study import Study

    folder = tmp_path / "study"
    (folder / "experiments").mkdir(parents=True)
    (folder / "stimuli" / "mine").mkdir(parents=True)
    (folder / "stimuli" / "mine" / "card.yaml").write_text(CARD)
    (folder / "stimuli" / "mine" / "items.csv").write_text(ITEMS)
    (folder / "experiments" / "one.yaml").write_text(CONFIG.replace("FOLDER", str(causal_folder)))
    return Study(folder)


def test_a_run_keeps_attention_by_layer_and_head(study, causal_folder, tmp_path):
    from psylm.experiment.runner import run

    finished = run("one", output=tmp_path / "run", study=study, analyse=False)
    trials, values = finished.stacked("attention_target", model=f"file:{causal_folder}", stimuli="mine")
    assert trials["item"].tolist() == ["1", "2"] and values.shape == (2, 2, 2)
    table = finished.results.query("measure == 'attention_target'")
    np.testing.assert_allclose(table["value"], values.mean((1, 2)), atol=1e-6)
    maps = [
        array.shape for _, _, array in finished.arrays("attention_map", model=f"file:{causal_folder}", stimuli="mine")
    ]
    assert maps == [(2, 2, 8, 8), (2, 2, 5, 5)]
    missing = finished.results.query("measure == 'attention_distractor' and item == '2'")
    assert missing["value"].isna().all() and missing["note"].tolist() == ["no distractor region in this trial"]


def test_a_region_that_no_trial_has_is_told_before_a_model_is_loaded(study, monkeypatch):
    from psylm.experiment import runner

    monkeypatch.setattr(runner, "Scorer", None)
    place = r"stimulus set 'mine': attention.target: found 'noun'; expected one of local, rest, subject, the, to, verb"
    with pytest.raises(InputError, match=place):
        runner.run("one", study=study, overrides=["measures.attention.target=noun"])


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcde", min_size=1, max_size=5), min_size=4, max_size=9), data=st.data())
def test_any_sentence_adds_up_at_the_level_of_words(causal, masked, words, data):
    query = data.draw(st.integers(1, len(words) - 1))
    marks = data.draw(st.lists(st.sampled_from(["", ",", "!)"]), min_size=len(words), max_size=len(words)))
    sentence = " ".join(word + mark for word, mark in zip(words, marks, strict=True))
    start = len(" ".join(word + mark for word, mark in zip(words[:query], marks[:query], strict=True))) + 1
    regions = json.dumps([["verb", start, start + len(words[query])], ["subject", 0, len(words[0])]])
    trials = sentence_trials([sentence], regions=[regions])
    there = scenes_of(trials)[0]
    assert there.words[there.query] == words[query]
    for model in (causal, masked):
        for at in ("prediction", "word"):
            mine = look(model, there, at, maps=True)
            assert isinstance(mine, Look)
            reduced = dict(to_words(model, [mine]))[0]
            with_tokens = np.array([len(group) > 0 for group in mine.groups])
            total = reduced[..., :-1].sum(-1)
            np.testing.assert_allclose(total[:, :, with_tokens], 1, atol=1e-5)
            assert (total[:, :, ~with_tokens] == 0).all()
            only = dict(to_words(model, [look(model, there, at)]))[0]
            np.testing.assert_allclose(reduced[:, :, 0], only[:, :, 0], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcdefgh", min_size=1, max_size=5), min_size=3, max_size=9), seed=st.integers(0, 99))
def test_a_shuffled_sentence_has_the_same_words_and_its_query_in_place(words, seed):
    sentence = " ".join(words[:-1]) + ", " + words[-1] + "."
    start = len(" ".join(words[:1])) + 1
    end = start + len(words[1])
    regions = json.dumps([["verb", start, end], ["subject", 0, len(words[0])]])
    there = scene(sentence_trials([sentence], regions=[regions]).to_dict("records")[0], "verb", "subject")
    mixed = shuffled(there, seed)
    assert sorted(mixed.words) == sorted(there.words)
    assert mixed.words[mixed.query] == words[1] and mixed.query == there.query
    assert [word for word in mixed.words if word in ",."] == [",", "."]
    assert [w for w, own in zip(mixed.words, mixed.target, strict=True) if own] == [words[0]]
    assert mixed.text == shuffled(there, seed).text and len(mixed.text) == len(sentence)


def test_japanese_words_are_found_and_add_up(causal):
    sentence = "料理人は味噌汁に塩を入れた。"
    trials = sentence_trials(
        [sentence], regions=['[["subject", 0, 4], ["object", 8, 10], ["verb", 10, 12]]'], language="ja"
    )
    table, arrays = measured(causal, trials, query="verb", target="object", distractor="subject", maps=True)
    there = scene(trials.to_dict("records")[0], "verb", "object", "subject")
    assert there.words[there.query].startswith("入れ") and table["value"].notna().all()
    assert arrays["attention_map"][0].shape[-1] == len(there.words)


def test_a_context_that_ends_in_a_line_break_is_read_as_it_stands():
    regions = '[["subject", 0, 8], ["verb", 9, 12]]'
    for context, text in (
        ("It rained.\n", "It rained.\nThe keys are old."),
        ("It rained.", "It rained. The keys are old."),
    ):
        trials = sentence_trials(["The keys are old."], regions=[regions], contexts=[context])
        there = scene(trials.to_dict("records")[0], "verb", "subject", None)
        assert there.text == text and there.words[there.query] == "are"
