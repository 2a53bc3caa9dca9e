"""Noise, dropout, importance and positions: functions of the text alone, and equal to the same done by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from psylm.common.errors import InputError
from psylm.lesions import lesioned
from psylm.lesions.importance import head_importance
from psylm.lesions.reference import SENTENCES
from psylm.lesions.sites import find_sites
from psylm.lesions.text_read import TextRead, normal, uniform
from psylm.models.memory import Allowance
from tests.conftest import TEXT
from tests.lesions.test_lesions import scored
from tests.models.test_invariance import sentences

pytestmark = pytest.mark.slow


ENGLISH = TEXT[:5]
calm = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHANGES = ["noise=0.5@1", "dropout=0.2@3", "thinned=0.3@2,temperature=2", "span=3", "shuffle=3@1", "positions=none"]


def total(model, texts):
    """Sum over each text's words, by the measure that all families have."""
    measure = "pseudo_log_likelihood" if model.family in ("masked", "permuted", "seq2seq") else "sentence_surprisal"
    return scored(model, texts, measure)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["causal", "llama", "masked", "own_gpt"])
@calm
@given(texts=sentences, tokens=st.integers(1, 300), rows=st.integers(1, 60), seed=st.randoms(use_true_random=False))
def test_batch_order_and_padding_change_no_score_of_a_lesioned_model(change, name, request, texts, tokens, rows, seed):
    model = request.getfixturevalue(name)
    shuffled = list(texts)
    seed.shuffle(shuffled)
    before = model.allowance
    with lesioned(model, change):
        alone = [scored(model, [text]) for text in shuffled]
        model.allowance = Allowance(tokens, rows)
        try:
            together = scored(model, shuffled)
        finally:
            model.allowance = before
    assert together == pytest.approx(np.concatenate(alone), abs=1e-4)


@pytest.mark.parametrize("change", ["noise=0.5@1", "dropout=0.2@3", "heads=e0.0+d1.1+c0.1", "temperature=3", "span=2"])
@pytest.mark.parametrize("name", ["t5", "bart"])
def test_encoder_and_decoder_are_lesioned_whatever_the_batch(change, name, request):
    model = request.getfixturevalue(name)
    model.network.double()  # the random weights of these models blow float32's rounding up to 1e-4 bits
    try:
        intact = scored(model)
        with lesioned(model, change):
            together = scored(model)
            alone = [scored(model, [text]) for text in ENGLISH]
        again = scored(model)
    finally:
        model.network.float()
    assert together == pytest.approx(np.concatenate(alone), abs=2e-5)
    assert abs(together - intact).max() > 0.01
    assert (again == intact).all()


def test_what_was_read_decides_and_what_comes_later_does_not(causal):
    """A word's surprisal is the same whatever comes after it, so that noise is a function of the text so far."""
    with lesioned(causal, "noise=0.5@1"):
        short = scored(causal, ["The cook tasted the soup"])
        long = scored(causal, ["The cook tasted the soup and added"])
        other = scored(causal, ["A cook tasted the soup"])
    assert long[:4] == pytest.approx(short[:4], abs=1e-4)
    assert abs(other[1:] - short[1:]).min() > 1e-3


@pytest.mark.parametrize("kind", ["noise=0.3", "dropout=0.2", "thinned=0.2"])
def test_a_seed_is_a_participant(kind, causal):
    def participant(seed):
        with lesioned(causal, f"{kind}@{seed}"):
            return scored(causal, ENGLISH)

    assert (participant(1) == participant(1)).all()
    assert abs(participant(1) - participant(2)).max() > 0.01


def test_numbers_drawn_by_texts_are_uniform_normal_and_unrelated():
    reading = TextRead([], forward=True)
    reading.begin(torch.arange(1000).view(50, 20) // 2, None)
    drawn = [uniform(reading.keys, 64, seed, place).flatten().numpy() for seed, place in ((1, 0), (1, 1), (2, 0))]
    assert len(set(reading.keys.flatten().tolist())) == 50 * 20  # a token comes twice, never after the same ones
    for one in drawn:
        assert one.min() > 0
        assert one.max() < 1
        assert stats.kstest(one, "uniform").pvalue > 1e-3
    assert stats.kstest(normal(reading.keys, 64, 7, 3).flatten().numpy(), "norm").pvalue > 1e-3
    bound = 4 / math.sqrt(50 * 20 * 64)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < bound
    assert abs(np.corrcoef(drawn[0], drawn[2])[0, 1]) < bound
    rows = drawn[0].reshape(50, 20, 64)
    assert abs(np.corrcoef(rows[:, 1:].ravel(), rows[:, :-1].ravel())[0, 1]) < bound
    assert abs(np.corrcoef(rows[:, :, 1:].ravel(), rows[:, :, :-1].ravel())[0, 1]) < bound


def test_keys_know_the_text_and_not_the_padding():
    ids = torch.tensor([[5, 6, 7, 0, 0], [5, 6, 8, 9, 0]])
    whole, forward = TextRead([], forward=False), TextRead([], forward=True)
    whole.begin(ids, torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]))
    forward.begin(ids, None)
    assert (forward.keys[0, :2] == forward.keys[1, :2]).all() and forward.keys[0, 2] != forward.keys[1, 2]
    assert not (whole.keys[0, :3] == whole.keys[1, :3]).any()
    alone = TextRead([], forward=False)
    alone.begin(ids[:1, :3], None)
    assert (alone.keys[0] == whole.keys[0, :3]).all()


def test_noise_has_the_strength_that_it_says(llama):
    given = {}

    def watch(name):
        return lambda _module, args: given.setdefault(name, args[0].clone())

    first = llama.network.model.layers[0].self_attn.o_proj
    for name, change in (("intact", "noise=0@1"), ("noisy", "noise=0.3@1")):
        with lesioned(llama, change):
            handle = first.register_forward_pre_hook(watch(name))
            scored(llama, SENTENCES)
            handle.remove()
    added = (given["noisy"] - given["intact"]) / given["intact"].std(-1, keepdim=True)
    assert float(added.mean()) == pytest.approx(0, abs=0.02)
    assert float(added.std()) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("part", ["attention.output.dense", "output.dense"])
def test_dropout_silences_the_share_that_it_says_and_a_thinned_network_the_same_units(part, masked):
    module, share = masked.network.bert.encoder.layer[0].get_submodule(part), 0.25

    def silenced(change):
        """Which units [tokens, units] are silenced; NaN where they were 0 anyhow, as GELU makes some."""
        given = []

        def watch():
            return module.register_forward_pre_hook(lambda _module, args: given.append(args[0].clone().flatten(0, 1)))

        first = watch()
        with lesioned(masked, change):
            last = watch()
            given.clear()
            total(masked, SENTENCES)
        first.remove()
        last.remove()
        early, late = torch.cat(given[0::2]), torch.cat(given[1::2])
        if part == "output.dense":  # the units of the feed-forward network are silenced between the two
            return (late == 0).float().where(early != 0, torch.nan)
        return (late == 0).float()

    dropped, thinned = silenced(f"dropout={share}@1"), silenced(f"thinned={share}@1")
    assert float(dropped.nanmean()) == pytest.approx(share, abs=0.01)
    assert ((dropped.nanmean(0) - share).abs() < 0.1).all()
    of_units = thinned.nanmean(0)
    assert ((of_units == 0) | (of_units == 1)).all()
    assert abs(float(of_units.mean()) - share) < 4 * math.sqrt(share * (1 - share) / len(of_units))
    assert of_units.sum() > 0


def test_a_head_at_its_mean_gives_its_mean(llama):
    """The mean over reference texts, by hand, at the input of the output matrix."""
    module = llama.network.model.layers[0].self_attn.o_proj
    given = []
    handle = module.register_forward_pre_hook(lambda _module, args: given.append(args[0][0]))
    with torch.no_grad():
        for text in SENTENCES:
            ids = llama.sequence(llama.tokenizer.encode(text).ids)
            llama.network(input_ids=torch.tensor([ids[:-1]]))
        handle.remove()
        mean = torch.cat(given).double().mean(0)[8:16].float()

    def fill(_module, args):
        return (torch.cat([args[0][..., :8], mean.expand(*args[0].shape[:-1], 8), args[0][..., 16:]], -1),)

    handle = module.register_forward_pre_hook(fill)
    by_hand = scored(llama, ENGLISH)
    handle.remove()
    with lesioned(llama, "mean-heads=0.1"):
        assert scored(llama, ENGLISH) == pytest.approx(by_hand, abs=1e-3)
    with lesioned(llama, "heads=0.1"):
        assert abs(scored(llama, ENGLISH) - by_hand).max() > 0.01


@pytest.mark.parametrize("name", ["llama", "masked", "own_gpt"])
def test_importance_is_the_slope_of_the_loss_in_the_gate(name, request):
    """Against differences: the gate of one head is opened and closed a little, and the loss computed anew."""
    from psylm.lesions.effects import Effect
    from psylm.models.attending import changed

    model = request.getfixturevalue(name)
    model = type(model)(model.network, model.tokenizer, model.info, model.allowance)
    model.__dict__["_last_layer"] = lambda _length: None
    texts = ENGLISH[:2]
    sites = find_sites(model)
    found = head_importance(model, sites, texts)

    def loss():
        if name == "masked":
            return -scored(model, texts, "pseudo_log_likelihood", variant="original")
        return scored(model, texts, "sentence_surprisal") * math.log(2)

    counts = [len(model.tokenizer.encode(text).ids) for text in texts]
    step, expected = 1e-2, []
    for site in sites:
        slopes = []
        for head in range(site.heads):
            losses = []
            for sign in (1, -1):
                gate = torch.ones(site.heads)
                gate[head] += sign * step
                with changed(model.network, {site.module: Effect(gate=gate)}):
                    losses.append(loss())
            slopes.append(np.mean(abs((losses[0] - losses[1]) / (2 * step)) / counts))
        expected.append(np.array(slopes) / np.linalg.norm(slopes))
    assert np.concatenate(found) == pytest.approx(np.concatenate(expected), abs=0.03)
    assert all(weight.requires_grad for weight in model.network.parameters())


def test_important_heads_are_taken_before_unimportant_ones(llama):
    importance = head_importance(llama, find_sites(llama), list(SENTENCES))
    order = np.argsort(-np.concatenate(importance), kind="stable")
    names = [f"{place // 4}.{place % 4}" for place in order]
    for change, expected in (
        ("important-heads=3", names[:3]), ("unimportant-heads=0.25", names[-2:]),
    ):  # fmt: skip
        with lesioned(llama, change):
            assert sorted(llama.info.lesion["facts"][0]["heads"]) == sorted(expected)
            first = scored(llama)
        with lesioned(llama, "heads=" + "+".join(expected)):
            assert scored(llama) == pytest.approx(first, abs=1e-5)


def test_importance_is_of_the_texts_that_a_lesion_names(llama, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(ENGLISH), encoding="utf-8")
    with lesioned(llama, f"important-heads=1,texts={path}"):
        (taken,) = llama.info.lesion["facts"][0]["heads"]
    importance = np.concatenate(head_importance(llama, find_sites(llama), ENGLISH))
    assert taken == f"{importance.argmax() // 4}.{importance.argmax() % 4}"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="no text"), lesioned(llama, f"important-heads=1,texts={path}"):
        pass
    with pytest.raises(InputError, match="texts; expected mean-heads"), lesioned(llama, f"span=2,texts={path}"):
        pass


@pytest.mark.parametrize("name", ["causal", "llama", "masked"])
def test_positions_are_those_that_transformers_is_given(name, request):
    """One text at a time, with explicit position numbers and an explicit mask."""
    model = request.getfixturevalue(name)
    text = "The cook tasted the soup"
    ids = torch.tensor([model.sequence(model.tokenizer.encode(text).ids)])
    moved = {"positions=none": torch.zeros(ids.shape[1], dtype=torch.long)}
    draw = np.random.default_rng(4)
    blocks = [draw.permutation(3) + begin for begin in range(0, model.info.window - 2, 3)]
    moved["shuffle=3@4"] = torch.from_numpy(np.concatenate(blocks))[: ids.shape[1]]
    for change, places in moved.items():
        with torch.no_grad():
            expected = model.network(
                input_ids=ids, attention_mask=torch.ones_like(ids), position_ids=places[None]
            ).logits
            with lesioned(model, change):
                found = model.network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        assert torch.allclose(found, expected, atol=1e-5)


def test_without_positions_a_masked_model_sees_a_bag_of_words(masked):
    with lesioned(masked, "positions=none"):
        one, other = (
            scored(masked, [text], "pseudo_log_likelihood")[0]
            for text in ("the cook tasted the soup", "soup the the cook tasted")
        )
    assert one == pytest.approx(other, abs=1e-3)
    assert abs(np.subtract(*total(masked, ["the cook tasted the soup", "soup the the cook tasted"]))) > 0.01


def test_what_a_family_cannot_do_is_refused(permuted, t5, own_gpt):
    for model, change, message in (
        (permuted, "noise=0.1@1", "model of permutations"), (permuted, "span=3", "model of permutations"),
        (permuted, "positions=none", "no numbers of positions"), (t5, "shuffle=3@1", "no numbers of positions"),
        (own_gpt, "positions=none,shuffle=2@1", "one of the two"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message), lesioned(model, change):
            pass


def test_heads_of_xlnet_and_its_layers(permuted):
    intact = total(permuted, ENGLISH)
    with lesioned(permuted, "heads=0.1+1.0"):
        lesion = total(permuted, ENGLISH)
    layers = permuted.network.transformer.layer
    kept = {number: layers[number].rel_attn.o.clone() for number in (0, 1)}
    with torch.no_grad():
        layers[0].rel_attn.o[:, 1] = 0  # [width, heads, d]
        layers[1].rel_attn.o[:, 0] = 0
    hand = total(permuted, ENGLISH)
    with torch.no_grad():
        for number, weight in kept.items():
            layers[number].rel_attn.o.copy_(weight)
    assert lesion == pytest.approx(hand, abs=1e-4)
    assert (total(permuted, ENGLISH) == intact).all()
    with lesioned(permuted, "layers=0,temperature=2"):
        assert abs(total(permuted, ENGLISH) - intact).min() > 1e-3
    assert (total(permuted, ENGLISH) == intact).all()


def test_our_own_bert_and_xlnet_lose_heads(masked, permuted):
    from psylm.models.masked import MaskedModel
    from psylm.models.permuted import PermutedModel
    from psylm.models.trained import ScratchNetwork
    from psylm.scratch.bert import BERT
    from psylm.scratch.layers import Shape
    from psylm.scratch.xlnet import XLNet

    for family, kind, known in ((MaskedModel, BERT, masked), (PermutedModel, XLNet, permuted)):
        torch.manual_seed(5)
        shape = Shape(known.info.vocabulary, layers=2, width=16, heads=2, context=64, dropout=0.0, **kind.defaults)
        network = ScratchNetwork(kind(shape), {}).eval()
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        model = family(network, known.tokenizer, replace(known.info, window=64), Allowance(512, 512))
        intact = total(model, ENGLISH)
        with lesioned(model, "heads=1.0"):
            lesion = total(model, ENGLISH)
        layers = network.model.stack.layers if kind is BERT else network.model.layers
        with torch.no_grad():
            layers[1].attention.W_O.weight[:, :8] = 0
        assert lesion == pytest.approx(total(model, ENGLISH), abs=1e-4)
        assert abs(lesion - intact).max() > 0.01


@pytest.mark.parametrize("change", ["temperature=2.5", "span=2"])
def test_attention_maps_are_those_of_the_lesioned_model(change, causal, llama):
    """The first layer's weights by the equation; rows still sum to 1 in all layers."""
    from psylm.attention.maps import watch
    from psylm.models.attention_input import Reading as Looked

    ids = causal.sequence(causal.tokenizer.encode("The cook tasted the soup").ids)
    n, kind = len(ids), change.partition("=")[0]
    for model in (causal, llama):
        seen = []
        with lesioned(model, change):
            for _ in watch(model, [Looked(ids, tuple(range(n)))], seen.append):
                pass
        assert len(seen) == 2
        assert all(torch.allclose(one.weights.sum(-1), torch.ones(1), atol=1e-5) for one in seen)
        if kind == "span":
            far = torch.ones(n, n).tril(-2).bool() & (torch.arange(n) > 0)
            assert all((one.weights[0, :, far] == 0).all() for one in seen)
    block, x = causal.network.transformer.h[0], torch.tensor([ids])
    with torch.no_grad():
        hidden = causal.network.transformer.wte(x) + causal.network.transformer.wpe(torch.arange(n))
        Q, K, _ = block.attn.c_attn(block.ln_1(hidden)).view(1, n, 3, 2, 16).unbind(2)
        scores = torch.einsum("bqhd,bkhd->bhqk", Q, K) / 16**0.5 / (2.5 if kind == "temperature" else 1)
        allowed = torch.ones(n, n).tril().bool()
        allowed &= ~far if kind == "span" else allowed
        expected = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
    seen.clear()
    with lesioned(causal, change):
        for _ in watch(causal, [Looked(ids, tuple(range(n)))], seen.append):
            pass
    assert torch.allclose(seen[0].weights, expected, atol=1e-5)


def test_an_encoder_is_lesioned(masked_folder, tmp_path):
    from transformers import AutoTokenizer, BertModel

    from psylm.models import load_model
    from psylm.models.hidden_states import state_batches

    BertModel.from_pretrained(masked_folder, add_pooling_layer=False).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(masked_folder).save_pretrained(tmp_path)
    model = load_model(f"file:{tmp_path}", device="cpu")
    texts = [model.sequence(model.tokenizer.encode(text).ids) for text in ENGLISH]

    def states(model, texts, every=False):
        out = {}
        for numbers, layers in state_batches(model, texts, every=every):
            for place, number in enumerate(numbers):
                out[number] = torch.stack([layer[place, : len(texts[number])] for layer in layers])
        return [out[number] for number in range(len(texts))]

    intact = states(model, texts)
    for change in ("heads=0.1", "noise=0.5@1", "dropout=0.1@2", "span=2", "positions=none", "temperature=3"):
        with lesioned(model, change):
            together = states(model, texts)
            assert all(
                torch.allclose(one, states(model, [text])[0], atol=1e-4)
                for one, text in zip(together, texts, strict=True)
            )
        assert not any(torch.allclose(one, other, atol=1e-3) for one, other in zip(together, intact, strict=True))
    with lesioned(model, "layers=1"):
        (every,) = states(model, texts[:1], every=True)
    assert (every[2] == every[1]).all()
    named = load_model(f"file:{tmp_path}#random=3", device="cpu")
    assert not torch.allclose(states(named, texts)[0], intact[0], atol=1e-3)
