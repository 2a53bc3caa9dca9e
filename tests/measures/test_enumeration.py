"""A model whose words can all be listed: their probabilities add up to 1 with the correction, and not without."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model

LONGEST = 7
"""Letters in a word; longer ones are there, but next to impossible."""


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A GPT-2 that writes words of the letters a and b: `Ġa`, `Ġb` begin a word, `a`, `b` go on with it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(6)
    folder = tmp_path_factory.mktemp("letters")
    vocabulary = {"<|end|>": 0, "a": 1, "b": 2, "Ġ": 3, "Ġa": 4, "Ġb": 5}
    backend = Tokenizer(models.BPE(vocabulary, [("Ġ", "a"), ("Ġ", "b")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|end|>", eos_token="<|end|>")
    fast.save_pretrained(folder)
    config = GPT2Config(vocab_size=6, n_positions=32, n_embd=16, n_layer=1, n_head=2, initializer_range=0.3)
    network = GPT2LMHeadModel(config)
    with torch.no_grad():
        # One feature is always 1 before the output layer, so that its weights are offsets of the logits: words end
        # soon, and neither a bare space nor the end of the text comes.
        network.transformer.ln_f.weight[0], network.transformer.ln_f.bias[0] = 0, 1
        network.transformer.wte.weight[:, 0] = torch.tensor([-30.0, -3, -3, -30, 0, 0])
    network.save_pretrained(folder)
    return load_model(f"file:{folder}", device="cpu")


@pytest.mark.parametrize("context", ["a", "ba", "a b ab"])
def test_the_probabilities_of_all_words_add_up_to_one(letters, context):
    words = ["".join(some) for length in range(1, LONGEST + 1) for some in product("ab", repeat=length)]
    trials = sentence_trials([f"{context} {word}" for word in words]).assign(
        target=words, start=[len(context) + 1] * len(words)
    )
    asked = MEASURES["surprisal"]
    total = {
        correction: float(
            (2.0 ** -asked.function(letters, trials, asked.options(correction=correction))["value"]).sum()
        )
        for correction in (True, False)
    }
    assert total[True] == pytest.approx(1, abs=1e-4)
    assert abs(total[False] - 1) > 0.02
