"""From-scratch models against torch's own modules, closed forms and hand-computed cases."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from psylm.scratch import BERT, GPT, LSTM, ELMo, MultiHeadAttention, Shape, Transformer, XLNet
from psylm.scratch.attention import (
    SHORT,
    attention_weights,
    causal_mask,
    padding_mask,
    scaled_dot_product,
    two_stream_masks,
)
from psylm.scratch.layers import Layer
from psylm.scratch.lstm import LSTMCell
from psylm.scratch.objectives import IGNORED, CausalBatch, cross_entropy
from psylm.scratch.permutation import PermutedBatch
from psylm.scratch.positions import ALiBi, Positions, Rotary, sinusoidal
from psylm.training.schedule import rate

SMALL = {"vocabulary": 40, "layers": 2, "width": 16, "heads": 2, "context": 12, "dropout": 0.0}
KINDS = ("learned", "sinusoidal", "rotary", "alibi", "none")


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-5) -> bool:
    return torch.allclose(a, b, atol=tolerance, rtol=tolerance)


# --- attention


def test_attention_by_hand() -> None:
    Q = torch.tensor([[1.0, 0.0]])
    K = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    V = torch.tensor([[10.0], [20.0]])
    out, A = scaled_dot_product(Q, K, V)
    first = math.exp(2 / math.sqrt(2)) / (math.exp(2 / math.sqrt(2)) + 1)
    assert A[0, 0].item() == pytest.approx(first, abs=1e-6)
    assert out.item() == pytest.approx(10 * first + 20 * (1 - first), abs=1e-4)
    flatter = math.exp(2 / (3 * math.sqrt(2))) / (math.exp(2 / (3 * math.sqrt(2))) + 1)
    assert scaled_dot_product(Q, K, V, temperature=3.0)[1][0, 0].item() == pytest.approx(flatter, abs=1e-6)


def test_attention_gradients() -> None:
    torch.manual_seed(0)
    Q, K, V = (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = causal_mask(3)
    assert torch.autograd.gradcheck(lambda *args: scaled_dot_product(*args, mask, temperature=0.7)[0], (Q, K, V))


def test_a_query_that_sees_nothing_reads_nothing() -> None:
    x = torch.randn(1, 3, 8)
    attention = MultiHeadAttention(8, 2)
    mask = torch.tensor([[False] * 3, [True] * 3, [True, False, True]])
    fused = attention(x, mask=mask)
    attention.fused = False
    assert close(fused, attention(x, mask=mask))
    assert close(fused[0, 0], attention.W_O.bias)


@pytest.mark.parametrize("positions", [None, Rotary(), ALiBi()])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_fused_attention_is_the_same(
    positions: Positions | None, causal: bool, padded: bool, temperature: float
) -> None:
    torch.manual_seed(1)
    attention = MultiHeadAttention(16, 4)
    attention.temperature = temperature
    x = torch.randn(3, 7, 16)
    mask = padding_mask(torch.arange(7)[None] < torch.tensor([[7], [4], [1]])) if padded else None
    fused = attention(x, mask=mask, causal=causal, positions=positions)
    with attention_weights(attention) as weights:
        written_out = attention(x, mask=mask, causal=causal, positions=positions)
    assert close(fused, written_out)
    assert weights[0].shape == (3, 4, 7, 7)
    assert close(weights[0].sum(-1), torch.ones(3, 4, 7))


@pytest.mark.parametrize("length", [7, SHORT + 1])
@pytest.mark.parametrize("causal", [False, True])
def test_training_in_bfloat16_is_the_same_with_and_without_the_fused_kernel(length: int, causal: bool) -> None:
    """Short rows are trained without torch's kernel, longer ones with it; gradients agree with those of float32."""
    torch.manual_seed(1)
    attention = MultiHeadAttention(16, 4)
    x = torch.randn(2, length, 16)
    gradients = []
    for lower in (False, True):
        attention.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            attention(x, causal=causal).float().square().sum().backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in attention.parameters()]))
    full, lower_ = gradients
    assert float((full - lower_).norm() / full.norm()) < 0.02


def test_multi_head_attention_is_torchs() -> None:
    torch.manual_seed(2)
    ours, theirs = MultiHeadAttention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    joint = torch.cat([ours.W_Q.weight, ours.W_K.weight, ours.W_V.weight])
    bias = torch.cat([ours.W_Q.bias, ours.W_K.bias, ours.W_V.bias])
    theirs.load_state_dict(
        {
            "in_proj_weight": joint,
            "in_proj_bias": bias,
            "out_proj.weight": ours.W_O.weight,
            "out_proj.bias": ours.W_O.bias,
        }
    )
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 6, 16)
    with attention_weights(ours) as weights:
        mine = ours(x, memory)
    expected, expected_weights = theirs(x, memory, memory, average_attn_weights=False)
    assert close(mine, expected)
    assert close(weights[0], expected_weights)


def test_a_closed_gate_is_a_head_without_output() -> None:
    torch.manual_seed(3)
    attention = MultiHeadAttention(16, 4)
    x = torch.randn(2, 5, 16)
    attention.gate[2] = 0
    closed = attention(x)
    attention.gate[2] = 1
    with torch.no_grad():
        attention.W_O.weight[:, 8:12] = 0
    assert close(closed, attention(x))


# --- positions


def test_sinusoidal_is_the_papers_formula() -> None:
    table = sinusoidal(50, 12)
    for pos in (0, 7, 49):
        for i in range(6):
            angle = pos / 10000 ** (2 * i / 12)
            assert table[pos, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[pos, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_rotary_is_that_of_transformers() -> None:
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    torch.manual_seed(0)
    q, k = torch.randn(1, 2, 9, 8), torch.randn(1, 2, 9, 8)
    at = torch.arange(9)
    config = LlamaConfig(hidden_size=16, num_attention_heads=2, head_dim=8)
    cos, sin = LlamaRotaryEmbedding(config)(q, at[None])
    halves = torch.cat([torch.arange(0, 8, 2), torch.arange(1, 8, 2)])  # theirs turns halves, ours pairs
    theirs_q, theirs_k = apply_rotary_pos_emb(q[..., halves], k[..., halves], cos, sin)
    assert close(Rotary().turn(q, at)[..., halves], theirs_q)
    assert close(Rotary().turn(k, at)[..., halves], theirs_k)


def test_alibi_slopes_are_the_published_ones() -> None:
    bias = ALiBi().bias(torch.tensor([1]), torch.tensor([0]), heads=8)
    assert bias is not None
    assert bias[:, 0, 0].tolist() == [-(2.0**-n) for n in range(1, 9)]


def test_without_positions_an_encoder_sees_a_bag_of_words() -> None:
    torch.manual_seed(0)
    ids = torch.randint(0, 40, (1, 8))
    order = torch.randperm(8)
    for kind in KINDS:
        model = BERT(Shape(**SMALL, positions=kind)).eval()
        same = close(model.states(ids)[:, order], model.states(ids[:, order]))
        assert same == (kind == "none")


# --- layers


@pytest.mark.parametrize("normalise", ["before", "after"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_layer_is_torchs(normalise: str, activation: str) -> None:
    torch.manual_seed(0)
    shape = Shape(40, width=16, heads=4, inner=24, normalise=normalise, activation=activation)
    ours = Layer(shape, cross=True).eval()
    theirs = nn.TransformerDecoderLayer(
        16, 4, 24, activation=activation, batch_first=True, norm_first=normalise == "before"
    ).eval()
    _copy(ours, theirs)
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 6, 16)
    expected = theirs(x, memory, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5))
    assert close(ours(x, causal=True, memory=memory), expected)
    encoder = nn.TransformerEncoderLayer(
        16, 4, 24, activation=activation, batch_first=True, norm_first=normalise == "before"
    ).eval()
    _copy(Layer(shape), encoder, ours)
    assert close(ours(x), encoder(x))


def _copy(layer: Layer, theirs: nn.Module, source: Layer | None = None) -> None:
    ours = source or layer
    state = {}
    pairs = [(ours.attention, "self_attn")] + ([(ours.cross, "multihead_attn")] if hasattr(layer, "cross") else [])
    for mine, name in pairs:
        state[f"{name}.in_proj_weight"] = torch.cat([mine.W_Q.weight, mine.W_K.weight, mine.W_V.weight])
        state[f"{name}.in_proj_bias"] = torch.cat([mine.W_Q.bias, mine.W_K.bias, mine.W_V.bias])
        state[f"{name}.out_proj.weight"], state[f"{name}.out_proj.bias"] = mine.W_O.weight, mine.W_O.bias
    norms = [ours.attention_norm, *([ours.cross_norm] if hasattr(layer, "cross") else []), ours.feed_forward_norm]
    parts = [("linear1", ours.feed_forward.W_1), ("linear2", ours.feed_forward.W_2)]
    parts += [(f"norm{number}", norm) for number, norm in enumerate(norms, start=1)]
    for name, part in parts:
        state[f"{name}.weight"], state[f"{name}.bias"] = part.weight, part.bias
    theirs.load_state_dict(state)


def test_label_smoothing_by_its_definition() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(3, 5), torch.tensor([1, IGNORED, 4])
    wanted = torch.full((3, 5), 0.1 / 5)
    wanted[0, 1] += 0.9
    wanted[2, 4] += 0.9
    expected = -(wanted * logits.log_softmax(-1))[[0, 2]].sum()
    assert close(cross_entropy(logits, target, smoothing=0.1).total, expected)


@given(st.integers(1, 20_000), st.integers(1, 8_000))
def test_the_warm_up_is_the_papers(step: int, warmup: int) -> None:
    paper = 512**-0.5 * min(step**-0.5, step * warmup**-1.5)
    highest = 512**-0.5 * warmup**-0.5
    assert rate(step, "inverse_sqrt", warmup, 20_000) * highest == pytest.approx(paper, rel=1e-9)


# --- no model sees what it must predict


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalise", ["before", "after"])
def test_a_gpt_never_sees_a_later_token(kind: str, normalise: str) -> None:
    torch.manual_seed(0)
    model = GPT(Shape(**SMALL, positions=kind, normalise=normalise)).eval()
    _no_later_token(model)


@pytest.mark.parametrize("make", [LSTM, ELMo])
def test_a_recurrent_model_never_sees_a_later_token(make: type[LSTM] | type[ELMo]) -> None:
    torch.manual_seed(0)
    _no_later_token(make(Shape(**SMALL)).eval())


def _no_later_token(model: nn.Module) -> None:
    ids = torch.randint(0, 40, (2, 9))
    changed = ids.clone()
    changed[:, 5] = (ids[:, 5] + 1) % 40
    before, after = model.states(ids), model.states(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not close(before[:, 5:], after[:, 5:])


def test_elmos_directions() -> None:
    """The left half of a layer depends on the left, the right half on the right; each on its own token."""
    torch.manual_seed(0)
    model = ELMo(Shape(**SMALL)).eval()
    ids = torch.randint(0, 40, (1, 7))
    changed = ids.clone()
    changed[0, 3] = (ids[0, 3] + 1) % 40
    for before, after in zip(model.layers(ids)[1:], model.layers(changed)[1:], strict=True):
        differs = (before - after).abs().amax(0) > 1e-7  # [places, 2 · width]
        assert differs[:, :16].any(-1).tolist() == [False] * 3 + [True] * 4
        assert differs[:, 16:].any(-1).tolist() == [True] * 4 + [False] * 3


def test_elmo_mixes_its_layers() -> None:
    torch.manual_seed(0)
    model = ELMo(Shape(**SMALL)).eval()
    ids = torch.randint(0, 40, (1, 5))
    with torch.no_grad():
        model.mix.copy_(torch.tensor([0.0, 1.0, 2.0]))
        model.gamma.copy_(torch.tensor(3.0))
    e = [math.exp(j) for j in range(3)]
    layers = model.layers(ids)
    assert close(model(ids), 3 * sum(w / sum(e) * h for w, h in zip(e, layers, strict=True)))


def test_elmos_loss_is_that_of_both_directions() -> None:
    torch.manual_seed(0)
    model = ELMo(Shape(**SMALL)).eval()
    ids = torch.randint(0, 40, (2, 6))
    layers = model.layers(ids)[-1]
    left, right = layers[..., :16], layers[..., 16:]
    forwards = model.logits(left[:, :-1]).log_softmax(-1).gather(-1, ids[:, 1:, None]).sum()
    backwards = model.logits(right[:, 1:]).log_softmax(-1).gather(-1, ids[:, :-1, None]).sum()
    assert close(model.loss(CausalBatch(ids)).total, -(forwards + backwards) / 2)


def test_an_lstm_written_out_is_torchs() -> None:
    torch.manual_seed(0)
    network = nn.LSTM(6, 6, batch_first=True)
    cell = LSTMCell(network)
    x = torch.randn(2, 5, 6)
    h = c = torch.zeros(2, 6)
    steps = []
    for t in range(5):
        h, c = cell(x[:, t], h, c)
        steps.append(h)
    assert close(torch.stack(steps, 1), network(x)[0])
    double = nn.LSTM(3, 3, batch_first=True).double()
    args = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(lambda *given: LSTMCell(double)(*given), args)


# --- XLNet's two streams


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_query_stream_never_sees_its_token_or_later_ones(order: list[int], changed: int) -> None:
    torch.manual_seed(0)
    model = XLNet(Shape(**SMALL)).eval()
    ids = torch.randint(0, 40, (1, 6))
    ranks = torch.tensor([order])
    other = ids.clone()
    other[0, changed] = (ids[0, changed] + 1) % 40
    before, after = model.query_states(ids, ranks), model.query_states(other, ranks)
    differs = ((before - after).abs().amax(-1) > 1e-6)[0].tolist()
    first = order.index(0)  # given: what is given sees itself, and is not predicted
    expected = [rank > order[changed] or (place == changed == first) for place, rank in enumerate(order)]
    assert differs == expected


def test_two_stream_attention_by_hand() -> None:
    """One layer, one head, written as loops over places with the paper's update rules."""
    torch.manual_seed(0)
    model = XLNet(Shape(20, layers=1, width=4, heads=1, context=4, dropout=0.0)).eval()
    ids, order = torch.tensor([[3, 5, 7, 9]]), torch.tensor([[2, 0, 1, 3]])
    layer = model.layers[0]
    position = model.positions.table.weight
    h = [model.embedding.weight[ids[0, t]] + position[t] for t in range(4)]
    for t in range(4):
        g = model.start + position[t]
        seen = [s for s in range(4) if order[0, s] < order[0, t]]
        if not seen:
            continue
        q = layer.attention.W_Q(g)
        scores = torch.stack([q @ layer.attention.W_K(h[s]) / math.sqrt(4) for s in seen]).softmax(0)
        read = sum(a * layer.attention.W_V(h[s]) for a, s in zip(scores, seen, strict=True))
        g = layer.attention_norm(g + layer.attention.W_O(read))
        g = layer.feed_forward_norm(g + layer.feed_forward(g))
        assert close(g, model.query_states(ids, order)[0, t])


def test_permuted_loss_is_that_of_the_predicted_places() -> None:
    torch.manual_seed(0)
    model = XLNet(Shape(**SMALL)).eval()
    ids = torch.randint(0, 40, (2, 6))
    order = torch.tensor([[0, 2, 0, 1, 0, 0], [1, 0, 0, 0, 0, 2]])
    logits = model.logits(model.query_states(ids, order)).log_softmax(-1)
    expected = -sum(logits[row, place, ids[row, place]] for row, place in ((0, 1), (0, 3), (1, 0), (1, 5)))
    batch = PermutedBatch(ids, order)
    assert close(model.loss(batch).total, expected)
    assert batch.count == 4


def test_two_stream_masks_differ_in_the_token_itself() -> None:
    content, query = two_stream_masks(torch.tensor([[3, 1, 2, 0]]))
    assert torch.equal(content & ~query, torch.eye(4, dtype=torch.bool)[None, None] & ~query)
    assert query[0, 0].sum(-1).tolist() == [3, 1, 2, 1]


# --- the encoder-decoder


def test_the_transformer_ignores_padding_and_later_targets() -> None:
    torch.manual_seed(0)
    model = Transformer(Shape(**SMALL, positions="sinusoidal")).eval()
    source, target = torch.randint(3, 40, (1, 5)), torch.randint(3, 40, (1, 6))
    padded = torch.cat([source, torch.zeros(1, 3, dtype=torch.long)], 1)
    alone = model(source, target)
    assert close(alone, model(padded, target, padded != 0))
    later = target.clone()
    later[:, 4:] = 3
    assert close(alone[:, :4], model(source, later)[:, :4])
