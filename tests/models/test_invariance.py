"""A score depends on nothing but its text: not on batch, order, padding or memory, and little on precision."""

from __future__ import annotations

import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.int8 import Int8Linear
from psylm.models.memory import Allowance

WORDS = [
    "the",
    "cook",
    "tasted",
    "soup",
    "and",
    "added",
    "salt",
    "children",
    "don't",
    "like",
    "well-known",
    "songs",
    "under",
    "table",
]
sentences = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=4, unique=True
)
calm = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scores(model, texts):
    """Values of every word by sentence, with nothing remembered from before."""
    model.remembered.clear()
    asked = MEASURES["surprisal"]
    table = asked.function(model, sentence_trials(texts), asked.options(words="all"))
    return {text: table[table["trial"] == trial]["value"].tolist() for trial, text in enumerate(texts)}


@pytest.mark.parametrize("family", ["causal", "masked"])
@calm
@given(texts=sentences, tokens=st.integers(1, 300), rows=st.integers(1, 60), seed=st.randoms(use_true_random=False))
def test_batch_order_and_padding_change_no_score(family, request, texts, tokens, rows, seed):
    model = request.getfixturevalue(family)
    alone = {text: scores(model, [text])[text] for text in texts}
    shuffled = list(texts)
    seed.shuffle(shuffled)
    before, model.allowance = model.allowance, Allowance(tokens, rows)
    try:
        together = scores(model, shuffled)
    finally:
        model.allowance = before
    for text in texts:
        assert together[text] == pytest.approx(alone[text], abs=1e-4)


@pytest.fixture(scope="module")
def precisions(causal_folder, tmp_path_factory):
    """A GPT-2 whose weights are spread as in a real one, where rounding is not blown up from layer to layer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("calm") / "model"
    shutil.copytree(causal_folder, folder)
    size = load_model(f"file:{causal_folder}", device="cpu").info.vocabulary
    config = GPT2Config(
        vocab_size=size, n_positions=128, n_embd=64, n_layer=2, n_head=2, initializer_range=0.1, bos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return {dtype: load_model(f"file:{folder}", device="cpu", dtype=dtype) for dtype in ("float32", "bfloat16", "int8")}


@calm
@given(texts=sentences)
def test_lower_precisions_change_scores_by_little(precisions, texts):
    exact = scores(precisions["float32"], texts)
    for dtype in ("bfloat16", "int8"):
        for text, values in scores(precisions[dtype], texts).items():
            assert values == pytest.approx(exact[text], abs=0.1)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_batches_change_scores_in_int8_no_more_than_in_float32(precisions, dtype):
    """int8 rounds weights only, so that a score is the same in any company; bfloat16 may differ by rounding."""
    model = precisions[dtype]
    texts = ["the cook tasted soup", "children don't like songs", "the table"]
    together = scores(model, texts)
    for text in texts:
        assert together[text] == pytest.approx(scores(model, [text])[text], abs=1e-4 if dtype == "int8" else 0.5)


def test_an_8_bit_layer_is_the_layer_with_rounded_weights():
    torch.manual_seed(0)
    layer = torch.nn.Linear(16, 5)
    small = Int8Linear(layer.weight.data, layer.bias.data)
    scale = layer.weight.abs().amax(1, keepdim=True) / 127
    rounded = (layer.weight / scale).round() * scale
    states = torch.randn(3, 16)
    assert small.weight.dtype == torch.int8
    assert torch.allclose(small(states), states @ rounded.T + layer.bias, atol=1e-5)
    assert (rounded - layer.weight).abs().max() <= scale.max() / 2 + 1e-7
