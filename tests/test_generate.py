"""Texts that a model writes: greedily, those of transformers' own generation, whatever is written beside them."""

from __future__ import annotations

from pathlib import Path

import torch

import psylm
from psylm.scratch.generate import generate_texts

PROMPTS = ["The cook tasted", "A tall woman opened the old window and", "When"]


def test_without_chance_it_is_the_most_probable_text(causal_folder: Path) -> None:
    model = psylm.load_model(f"file:{causal_folder}", device="cpu")
    written = generate_texts(model, PROMPTS, longest=12, least=1.0)
    for prompt, text in zip(PROMPTS, written, strict=True):
        ids = torch.tensor([[model.tokenizer.bos, *model.tokenizer.encode(prompt).ids]])
        out = model.network.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12, pad_token_id=0
        )
        new = out[0, ids.shape[1] :].tolist()
        end = model.tokenizer.fast.eos_token_id
        assert text == model.tokenizer.text(tuple(new[: new.index(end)] if end in new else new)).strip()


def test_a_seed_says_what_is_written(causal_folder: Path) -> None:
    model = psylm.load_model(f"file:{causal_folder}", device="cpu")
    first, again, other = (generate_texts(model, PROMPTS, longest=8, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
