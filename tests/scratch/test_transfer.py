"""Weights to and from `transformers`: the same outputs, the same losses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel, GPT2Config, GPT2LMHeadModel

from psylm.common.errors import PsylmError
from psylm.scratch import GPT, Shape, load_transformers, save_transformers
from psylm.scratch.masking import MaskedBatch
from psylm.scratch.objectives import IGNORED, CausalBatch
from psylm.training.vocabulary import train_tokenizer

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["the dog barks .", "the cats sleep ."], "word", 60)


def bert_config(**changes) -> BertConfig:
    chosen = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    return BertConfig(**chosen, intermediate_size=48, max_position_embeddings=24, **changes)


def test_bert_from_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = BertForPreTraining(bert_config()).eval()
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path).eval()
    ids = torch.randint(5, 60, (3, 10))
    attended = torch.arange(10)[None] < torch.tensor([[10], [6], [3]])
    segments = torch.randint(0, 2, (3, 10))
    selected = attended & (torch.rand(3, 10) < 0.5)
    labels = ids.masked_fill(~selected, IGNORED)
    follows = torch.tensor([1, 0, 1])
    expected = theirs(
        input_ids=ids,
        attention_mask=attended.long(),
        token_type_ids=segments,
        labels=labels,
        next_sentence_label=1 - follows,  # theirs says 0 where it follows
    )
    states = ours.states(ids, attended, segments=segments)
    mask = attended[..., None]
    assert torch.allclose(ours.logits(states) * mask, expected.prediction_logits * mask, atol=TOLERANCE)
    assert torch.allclose(ours.next_logits(states), expected.seq_relationship_logits, atol=TOLERANCE)
    loss = ours.loss(MaskedBatch(ids, selected, ids[selected], attended, segments, follows.bool()))
    together = (loss.total / selected.sum() + loss.extra).detach()
    assert float(together) == pytest.approx(float(expected.loss.detach()), abs=TOLERANCE)


def test_gpt2_from_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=32, n_layer=3, n_head=4, n_positions=24)).eval()
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path).eval()
    ids = torch.randint(0, 60, (3, 10))
    expected = theirs(input_ids=ids, labels=ids)
    assert torch.allclose(ours.logits(ours.states(ids)), expected.logits, atol=TOLERANCE)
    batch = CausalBatch(ids)
    assert float(ours.loss(batch).total.detach()) / batch.count == pytest.approx(
        float(expected.loss.detach()), abs=TOLERANCE
    )


@pytest.mark.parametrize("kind", ["gpt2", "bert", "bert-masked"])
def test_there_and_back(kind: str, tmp_path: Path, tokenizer) -> None:
    torch.manual_seed(0)
    make = {
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=24)),
        "bert": lambda: BertForPreTraining(bert_config()),
        "bert-masked": lambda: BertForMaskedLM(bert_config()),
    }
    first = make[kind]().eval()
    first.save_pretrained(tmp_path / "theirs")
    save_transformers(load_transformers(tmp_path / "theirs"), tmp_path / "ours", tokenizer)
    again, report = type(first).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    ids = torch.randint(0, 60, (2, 8))
    for before, after in zip(first(input_ids=ids)[:2], again.eval()(input_ids=ids)[:2], strict=True):
        if torch.is_tensor(before):
            assert torch.equal(before, after)


def test_an_encoder_without_a_head_can_be_begun_with(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = BertModel(bert_config()).eval()
    theirs.save_pretrained(tmp_path)
    with pytest.raises(PsylmError, match="found no weights for output_bias"):
        load_transformers(tmp_path)
    ours = load_transformers(tmp_path, heads=False, dropout=0.25).eval()
    ids = torch.randint(0, 60, (2, 8))
    assert torch.allclose(ours.states(ids), theirs(input_ids=ids).last_hidden_state, atol=TOLERANCE)
    assert ours.shape.dropout == 0.25


def test_what_transformers_does_not_have_is_not_saved(tmp_path: Path, tokenizer) -> None:
    model = GPT(Shape(60, layers=1, width=16, heads=2, positions="rotary", **GPT.defaults))
    with pytest.raises(PsylmError, match="no such architecture with rotary positions"):
        save_transformers(model, tmp_path / "new", tokenizer)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(PsylmError, match="found a model of type 'llama'; expected bert or gpt2"):
        load_transformers(tmp_path)
