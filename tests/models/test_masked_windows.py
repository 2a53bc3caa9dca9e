"""Masked models whose positions begin after that of padding: the longest text that is allowed is read."""

from __future__ import annotations

import shutil

import pytest
import torch

from psylm.common.errors import PsylmError
from psylm.models import load_model
from psylm.models.query import Query

pytestmark = pytest.mark.slow


BERT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
OFFSETS = {
    "bert": 0,
    "roberta": 2,
    "camembert": 2,
    "xlm-roberta": 2,
    "xlm-roberta-xl": 2,
    "roberta-prelayernorm": 2,
    "data2vec-text": 2,
    "mpnet": 2,
}


@pytest.mark.parametrize("name", OFFSETS)
def test_the_longest_text_is_the_positions_less_those_of_padding(name, masked_folder, tmp_path):
    from transformers import CONFIG_MAPPING, AutoModelForMaskedLM

    folder = tmp_path / "model"
    shutil.copytree(masked_folder, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    torch.manual_seed(0)
    config = CONFIG_MAPPING[name](vocab_size=160, pad_token_id=1, **BERT)
    AutoModelForMaskedLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    model = load_model(f"file:{folder}", device="cpu")
    assert model.info.window == 64 - OFFSETS[name]
    ids = tuple(torch.randint(5, 160, (model.info.window,), generator=torch.Generator().manual_seed(1)).tolist())
    (found,) = model.predict([Query(ids, (9,), (7,))], lambda made, places, asked: made.log_probability(places, asked))
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([ids])).logits[0, 9].double()
    assert found == pytest.approx(logits.log_softmax(-1)[7].item(), abs=1e-4)
    with pytest.raises(PsylmError, match="expected at most"):
        model.check_length((*ids, 5), "a text")
