"""Beyond raw weights: rollout, flow, norms and attributions, each against a case computed by hand."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
import torch

from psylm.attention.attribution import Value, attributions, embeddings, question
from psylm.attention.maps import watch
from psylm.attention.norm_based import weigh_by_norms
from psylm.attention.places import Look, look
from psylm.attention.rollout import flow, rollout, token_maps, with_residual
from psylm.common.errors import PsylmError
from psylm.measures import MEASURES
from psylm.measures import attention as attention_measure
from psylm.models.attention_input import Reading
from tests.attention.test_maps import (  # noqa: F401
    KEY,
    KEYS,
    bert,
    gpt,
    gptj,
    llama,
    measured,
    reference,
    roberta,
    scenes_of,
    watched_maps,
    with_regions,
    xlnet,
)

pytestmark = pytest.mark.slow


def random_maps(layers, n, seed, causal=False):
    maps = np.random.default_rng(seed).dirichlet(np.ones(n), (layers, n))
    if causal:
        maps = np.tril(maps)
        maps /= maps.sum(-1, keepdims=True)
    return maps


def test_rollout_of_two_layers_is_the_sum_over_paths():
    first, second = with_residual(random_maps(2, 4, 0))
    expected = [[sum(second[i, k] * first[k, j] for k in range(4)) for j in range(4)] for i in range(4)]
    found = rollout(random_maps(2, 4, 0))
    np.testing.assert_allclose(found[1], expected)
    np.testing.assert_allclose(found[0], first)
    np.testing.assert_allclose(found.sum(-1), 1)


def test_rollout_by_hand():
    """One layer half to itself and half to the first token, one wholly to the first: with residuals by hand."""
    maps = np.array([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [1.0, 0.0]]])
    # After layer 1: 0.25 and 0.75. After layer 2: half of that, and half of the first token's own.
    assert rollout(maps)[:, 1].tolist() == [[0.25, 0.75], [0.625, 0.375]]


def test_flow_by_hand():
    maps = np.array([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [1.0, 0.0]]])
    # Ways from the second token at the top: 0.5 to each token of layer 1; from there to the first token 1 and 0.25, to
    # the second 0 and 0.75.
    assert flow(maps, 1, [[0], [1], [0, 1]]) == pytest.approx([0.75, 0.5, 1.0], abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_flow_is_that_of_networkx(seed):
    layers, n = 3, 5
    maps = random_maps(layers, n, seed, causal=seed % 2 == 0)
    graph = nx.DiGraph()
    for layer, i, j in itertools.product(range(layers), range(n), range(n)):
        capacity = with_residual(maps)[layer, i, j]
        if capacity:
            graph.add_edge((layer + 1, i), (layer, j), capacity=capacity)
    sets = [[j] for j in range(n)] + [[1, 3]]
    found = flow(maps, n - 1, sets)
    for places, mine in zip(sets, found, strict=True):
        whole = graph.copy()
        for place in places:
            whole.add_edge((0, place), "sink", capacity=10)
        assert mine == pytest.approx(nx.maximum_flow_value(whole, (layers, n - 1), "sink"), abs=1e-5)


@pytest.mark.parametrize("family", ["causal", "llama", "masked", "bert", "gptj"])
def test_rollout_of_a_model_is_that_of_its_maps(family, request):
    """From maps taken one text at a time, multiplied out and added up by words."""
    model = request.getfixturevalue(family)
    trials = with_regions(KEYS, KEY)
    table, arrays = measured(model, trials, at="word", kinds=["rollout", "flow"])
    for trial, there in enumerate(scenes_of(trials)):
        mine = look(model, there, "word")
        whole = Reading(mine.reading.ids, tuple(range(len(mine.words))))
        maps = watched_maps(model, [whole])[0].double().mean(1).numpy()
        token_level = rollout(maps)[:, list(mine.reading.rows)].mean(1)
        subject = token_level[:, mine.words == there.target.argmax()].sum(-1)
        np.testing.assert_allclose(arrays["attention_target_rollout"][trial], subject, atol=1e-5)
        value = table.query(f"trial == {trial} and measure == 'attention_target_rollout'")["value"].item()
        assert value == pytest.approx(subject[-1], abs=1e-5)
        words = [(mine.words == number).nonzero()[0].tolist() for number in range(len(there.spans))]
        special = (mine.words == -1).nonzero()[0].tolist()
        flows = np.mean([flow(maps, row, [*words, special]) for row in mine.reading.rows], 0)
        share = flows[there.target.argmax()] / flows.sum()
        assert arrays["attention_target_flow"][trial] == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("family", ["permuted", "xlnet"])
def test_the_query_stream_is_a_place_more_that_nothing_attends_to(family, request):
    model = request.getfixturevalue(family)
    there = scenes_of(with_regions(KEYS))[0]
    _, maps, rows, words = next(iter(token_maps(model, [look(model, there, "prediction")])))
    n = maps.shape[1]
    assert rows == [n - 1] and words[-1] == there.query and (maps[..., -1] == 0).all()
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)
    reached = rollout(maps)[:, -1]
    np.testing.assert_allclose(reached.sum(-1), 1, atol=1e-5)
    assert reached[:, -1] == pytest.approx([0.5, 0.25])  # what the residual connection leaves of the place itself


def hidden_states(model, ids):
    with torch.inference_mode():
        out = reference(model)(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    return [state[0] for state in out.hidden_states], [map_[0] for map_ in out.attentions]


def values_and_output(family, network, layer, x):
    """x W^V + b^V by head [heads, n, d], and each head's W^O [heads, d, width], from the modules themselves."""
    if family in ("masked", "roberta"):
        part = getattr(network, "bert", None) or network.roberta
        module = part.encoder.layer[layer].attention
        v, output, heads = module.self.value(x), module.output.dense.weight.T, 2
    elif family == "causal":
        module = network.transformer.h[layer]
        v = module.attn.c_attn(module.ln_1(x))[:, 64:]
        output, heads = module.attn.c_proj.weight, 2
    else:
        module = network.model.layers[layer]
        v = module.self_attn.v_proj(module.input_layernorm(x))
        v = v.unflatten(-1, (2, 8)).repeat_interleave(2, 1).flatten(1)
        output, heads = module.self_attn.o_proj.weight.T, 4
    return v.unflatten(-1, (heads, -1)).transpose(0, 1), output.unflatten(0, (heads, -1))


@pytest.mark.parametrize("family", ["causal", "llama", "masked", "roberta"])
def test_norms_are_those_of_what_each_head_reads(family, request):
    model = request.getfixturevalue(family)
    there = scenes_of(with_regions(KEYS))[0]
    mine = look(model, there, "word", maps=True)
    found = {}
    weigh = weigh_by_norms(model, [mine])
    for _ in watch(model, [mine.reading], lambda seen: found.setdefault(seen.layer, weigh(seen)[0])):
        pass
    states, maps = hidden_states(model, mine.reading.ids)
    for layer in range(2):
        with torch.inference_mode():
            v, output = values_and_output(family, model.network, layer, states[layer])
        v, output = v.clone(), output.detach()
        for head, i in itertools.product(range(len(v)), range(len(mine.reading.ids))):
            read = torch.stack([maps[layer][head, i, j] * (v[head, j] @ output[head]) for j in range(len(v[head]))])
            expected = read.norm(dim=-1)
            np.testing.assert_allclose(found[layer][head, i], expected / expected.sum(), atol=1e-5)


@pytest.mark.parametrize("family", ["gpt", "bert"])
def test_norms_of_a_scratch_model(family, request):
    """In the first layer, by the paper's own symbols."""
    model = request.getfixturevalue(family)
    there = scenes_of(with_regions(KEYS))[0]
    mine = look(model, there, "word", maps=True)
    found, plain = {}, watched_maps(model, [mine.reading])[0]
    weigh = weigh_by_norms(model, [mine])
    for _ in watch(model, [mine.reading], lambda seen: found.setdefault(seen.layer, weigh(seen)[0])):
        pass
    network, ids = model.network.model, torch.tensor([mine.reading.ids])
    layer = network.stack.layers[0]
    with torch.inference_mode():
        x = network.stack.positions(network.embedding(ids), torch.arange(ids.shape[1]))
        if family == "bert":
            x = network.embedding_norm(x + network.segment(torch.zeros_like(ids)))
        else:
            x = layer.attention_norm(x)
        v = layer.attention.W_V(x)[0]
        for head, part in enumerate((slice(0, 16), slice(16, 32))):
            norm = (v[:, part] @ layer.attention.W_O.weight[:, part].T).norm(dim=-1)
            expected = plain[0, head] * norm
            np.testing.assert_allclose(found[0][head], expected / expected.sum(-1, keepdim=True), atol=1e-5)


FAMILIES = ["causal", "llama", "gptj", "masked", "roberta", "permuted", "t5", "bart", "gpt", "bert", "xlnet"]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_attributed_is_the_log_probability_of_the_word(family, request):
    """All of a word of several tokens, as `surprisal` has it (a masked model's with all of the word masked)."""
    model = request.getfixturevalue(family)
    trials = with_regions(KEYS, KEY)
    trials["target"] = ["are", "is"]
    trials["start"] = [KEYS.index("are"), KEY.index("is there")]
    if model.family == "masked":
        expected = whole_word(model, trials)
    else:
        score = MEASURES["surprisal"]
        expected = -score.function(model, trials, score.options(correction=False))["value"] * math.log(2)
    for there, value in zip(scenes_of(trials), expected, strict=True):
        asked = question(model, there)
        with torch.no_grad():
            assert Value(model, asked)(embeddings(model, asked)[0]).item() == pytest.approx(value, abs=1e-4)


def whole_word(model, trials):
    """Sum of the log-probabilities of the word's tokens, all of them masked."""
    values = []
    for trial in trials.to_dict("records"):
        encoding = model.tokenizer.encode(trial["sentence"])
        first, last = encoding.within((trial["start"], trial["start"] + len(trial["target"])))
        ids = list(model.sequence(encoding.ids))
        ids[first + 1 : last + 1] = [model.tokenizer.mask] * (last - first)
        with torch.inference_mode():
            logits = model.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        values.append(sum(logits[n + 1, encoding.ids[n]].item() for n in range(first, last)))
    return values


# XLNet cannot run in float64, and T5 keeps its norms in float32: too coarse for differences.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in ("permuted", "t5")])
def test_gradient_times_input_is_the_change_when_a_word_is_scaled(family, request):
    """By finite differences in float64: what F loses when a word's embedding shrinks, per unit."""
    model = request.getfixturevalue(family)
    there = scenes_of(with_regions(KEYS))[0]
    (_, row, note), *_ = attributions(model, [there], "gradient")
    assert note == "" and row.shape == (len(there.spans) + 2,)
    asked = question(model, there)
    before = {name: parameter.dtype for name, parameter in model.network.named_parameters()}
    model.network.double()
    try:
        x = embeddings(model, asked)[0].detach()
        value = Value(model, asked)
        for number in sorted(set(asked.words.tolist())):
            mine = torch.tensor(asked.words == number)[None, :, None]

            def slope(step, mine=mine):
                with torch.no_grad():
                    return (value(x * (1 + step * mine)) - value(x * (1 - step * mine))).item() / (2 * step)

            expected = (4 * slope(5e-4) - slope(1e-3)) / 3  # Richardson: without the term in the square of the step
            found = row[number] if number >= 0 else row[-2]
            assert found == pytest.approx(
                expected, abs=2e-2 if family == "t5" else 2e-3, rel=5e-3
            )  # T5's norms stay in 32 bits
    finally:
        model.network.float()
    assert before == {name: parameter.dtype for name, parameter in model.network.named_parameters()}


@pytest.mark.parametrize("family", FAMILIES)
def test_integrated_gradients_are_complete(family, request):
    """They add up to F(x) - F(baseline), and special tokens have no part in it."""
    model = request.getfixturevalue(family)
    there = scenes_of(with_regions(KEYS))[0]
    (_, row, note), *_ = attributions(model, [there], "integrated_gradients")
    asked = question(model, there)
    value, (x, baseline) = Value(model, asked), embeddings(model, asked)
    with torch.no_grad():
        difference = (value(x) - value(baseline)).item()
    assert row[-2] == 0
    if note:
        assert "add up to" in note
    else:
        assert row[:-1].sum() == pytest.approx(difference, abs=0.05 * abs(difference) + 1e-3)


def test_integrated_gradients_by_hand(gpt):  # noqa: F811
    """The integral along the path, by differences of F and many more points."""
    there = scenes_of(with_regions(KEYS))[0]
    asked = question(gpt, there)
    value = Value(gpt, asked)
    x, baseline = (part.detach() for part in embeddings(gpt, asked))
    (_, row, _), *_ = attributions(gpt, [there], "integrated_gradients")
    steps, total = 512, torch.zeros_like(x)
    for step in range(steps):
        point = (baseline + (step + 0.5) / steps * (x - baseline)).requires_grad_(True)
        total += torch.autograd.grad(value(point).sum(), point)[0]
    by_token = ((x - baseline) * total / steps).sum(-1)[0].numpy()
    for number in range(there.query):
        assert row[number] == pytest.approx(by_token[asked.words == number].sum(), abs=0.02)


def test_incomplete_attributions_say_so(causal, monkeypatch):
    from psylm.attention import attribution

    monkeypatch.setattr(attribution, "STEPS", (1, 2))
    (_, _, note), *_ = attributions(causal, scenes_of(with_regions(KEYS)), "integrated_gradients")
    assert note.startswith("attributions add up to")


def test_every_kind_shares_out_all_of_it(causal, bert):  # noqa: F811
    for model in (causal, bert):
        kinds = ["weights", "norm", "rollout", "flow", "gradient", "integrated_gradients"]
        table, arrays = measured(model, with_regions(KEYS), kinds=kinds, maps=True)
        assert table["value"].notna().all() and len(table) == 7 * 6
        shapes = {name: arrays[f"attention_target{end}"][0].shape for name, end in attention_measure.SUFFIX.items()}
        assert shapes == {
            "weights": (2, 2), "norm": (2, 2), "rollout": (2,), "flow": (), "gradient": (), "integrated_gradients": (),
        }  # fmt: skip
        for end in ("", "_norm", "_rollout", "_flow"):
            assert arrays[f"attention_query{end}"][0][..., :-1].sum(-1) == pytest.approx(1, abs=1e-5)


def test_kinds_that_are_not_defined_are_refused(t5, gptj, causal, monkeypatch):  # noqa: F811
    trials = with_regions(KEYS)
    with pytest.raises(PsylmError, match="expected at: word"):
        measured(t5, trials, kinds=["rollout"])
    assert measured(t5, trials, kinds=["rollout"], at="word")[0]["value"].notna().all()
    with pytest.raises(PsylmError, match="output projection of each head, which were not found in GPTJForCausalLM"):
        measured(gptj, trials, kinds=["norm"])
    from psylm.attention import rollout as module

    monkeypatch.setattr(module, "EDGES", 100)
    with pytest.raises(PsylmError, match="expected at most 7 for attention flow"):
        measured(causal, trials, kinds=["flow"])


def test_a_model_that_changes_what_its_heads_read_has_no_norms(causal_folder):
    """A module between the heads and their output projection would make the norms wrong."""
    from psylm.models import load_model

    model = load_model(f"file:{causal_folder}", device="cpu")
    projection = model.network.transformer.h[1].attn.c_proj
    projection.register_forward_pre_hook(lambda _, inputs: (inputs[0] * 2,))
    with pytest.raises(PsylmError, match="does not project what its heads read as it is"):
        measured(model, with_regions(KEYS), kinds=["norm"])


def test_without_captum_attributions_are_refused_before_a_model_is_loaded(monkeypatch):
    monkeypatch.setattr(attention_measure, "available", lambda: False)
    asked = MEASURES["attention"]
    options = asked.options(query="verb", target="subject", kinds=["gradient"])
    assert [str(problem) for problem in asked.check(with_regions(KEYS), options)] == [
        'attention.kinds: found no captum; expected it installed: `pip install "psylm[probes]"`'
    ]


def test_norms_work_for_both_streams_and_for_cross_attention(permuted, xlnet, t5, bart):  # noqa: F811
    for model in (permuted, xlnet, t5, bart):
        for at in ("prediction", "word"):
            table, _ = measured(model, with_regions(KEYS), kinds=["norm"], at=at)
            assert table["value"].notna().all()
            assert isinstance(look(model, scenes_of(with_regions(KEYS))[0], at), Look)
