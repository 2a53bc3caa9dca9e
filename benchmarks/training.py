"""Trains a GPT and a BERT of ten million parameters next to the same models of `transformers`, in one run.

    python benchmarks/training.py --train wikitext-2-valid.txt --validation wikitext-2-test.txt

Both begin with the same weights and see the same batches in the same loop, in turns of a few steps, so that a busy
machine slows both; prints tokens per second and the validation loss of each, and their ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from psylm.scratch import load_transformers
from psylm.scratch.objectives import IGNORED, Loss
from psylm.training.batches import CausalBatches, MaskedBatches
from psylm.training.corpus import read_documents, write_corpus
from psylm.training.loop import Trainer
from psylm.training.recipe import Training
from psylm.training.vocabulary import train_tokenizer

WIDTH, LAYERS, HEADS, CONTEXT, VOCABULARY = 320, 6, 5, 128, 8000
TURN = 5
"""Steps that one model does before it is the other's turn."""


class Theirs(nn.Module):
    """A model of `transformers` in our loop: its own forward pass, its own loss."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def loss(self, batch: Any) -> Loss:
        if hasattr(batch, "selected"):
            labels = torch.full_like(batch.ids, IGNORED)
            labels[batch.selected] = batch.targets
            attended = None if batch.attended is None else batch.attended.long()
            mean = self.network(input_ids=batch.ids, attention_mask=attended, labels=labels).loss
        else:
            mean = self.network(input_ids=batch.ids, labels=batch.ids).loss
        return Loss(mean * batch.count)


def their_model(kind: str, vocabulary: int) -> Any:
    torch.manual_seed(1)
    if kind == "GPT":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=vocabulary, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=CONTEXT + 1)
        )
    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=4 * WIDTH,
            max_position_embeddings=CONTEXT,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer = train_tokenizer(read_documents([arguments.train]), "bpe", VOCABULARY)
        parts = {"train": arguments.train, "validation": arguments.validation}
        corpora = {part: write_corpus(read_documents([file]), tokenizer, folder / part) for part, file in parts.items()}
        recipe = Training.model_validate(
            {
                "name": "benchmark",
                "corpus": {"grammar": 100},
                "models": {"m": {"architecture": "gpt"}},
                "steps": arguments.steps,
                "batch": arguments.batch,
                "context": CONTEXT,
                "precision": arguments.precision,
                "warmup": 20,
                "learning_rate": 1e-3,
            }
        )
        for kind, make in (("GPT", CausalBatches), ("BERT", MaskedBatches)):
            network = their_model(kind, len(tokenizer))
            network.save_pretrained(folder / kind)
            models = {"transformers": Theirs(network), "psylm": load_transformers(folder / kind)}
            trainers = {
                name: Trainer(
                    recipe,
                    model,
                    make(corpora["train"], tokenizer, CONTEXT, seed=1),
                    make(corpora["validation"], tokenizer, CONTEXT, seed=0),
                    folder / f"{kind}-{name}",
                    {},
                    seed=1,
                )
                for name, model in models.items()
            }
            compare(kind, trainers, arguments.steps)


def compare(kind: str, trainers: dict[str, Trainer], steps: int) -> None:
    seconds = dict.fromkeys(trainers, 0.0)
    tokens = dict.fromkeys(trainers, 0)
    for first in range(0, steps, TURN):
        for name, trainer in trainers.items():
            began = time.perf_counter()
            for _ in range(min(TURN, steps - first)):
                tokens[name] += trainer.train_step()[2]
                trainer.step += 1
            if first:  # the first turn warms up
                seconds[name] += time.perf_counter() - began
            else:
                tokens[name] = 0
    parameters = sum(parameter.numel() for parameter in trainers["psylm"].model.parameters())
    speed = {name: tokens[name] / seconds[name] for name in trainers}
    loss = {name: trainer.validate() for name, trainer in trainers.items()}
    print(f"{kind}, {parameters / 1e6:.1f} M parameters, {steps} steps")
    for name in trainers:
        print(f"  {name:13} {speed[name]:8,.0f} tokens/s   validation loss {loss[name]:.4f}")
    faster, apart = speed["psylm"] / speed["transformers"], loss["psylm"] / loss["transformers"] - 1
    print(f"  psylm / transformers: {faster:.2f} x the speed, loss {apart:+.2%}", flush=True)


if __name__ == "__main__":
    main()
