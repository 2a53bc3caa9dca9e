"""What a trained model loses when its positions are shuffled or removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.checkpoints import checkpoints, load_checkpoint
from psylm.models.families import FAMILIES
from psylm.scratch.layers import places
from psylm.scratch.objectives import cross_entropy
from psylm.training.batches import Batches, CausalBatches, MaskedBatches
from psylm.training.corpus import Corpus
from psylm.training.vocabulary import load_fast_tokenizer

STATES = ("intact", "shuffled", "removed")


def position_losses(folder: Path, rows: int = 400) -> pd.DataFrame:
    """Measure the validation loss of trained models with positions as they are, shuffled, and all the same.

    Words stay where they are (a causal model still sees the same ones); only the positions that the model reads change.

    Parameters
    ----------
    folder
        A training's folder, whose models are named ARCHITECTURE-ENCODING.
    rows
        Rows of the validation text.

    Returns
    -------
    DataFrame
        Columns `architecture`, `encoding`, `positions` and `loss`, in nats a prediction.
    """
    found = []
    corpus = Corpus.load(folder / "corpus" / "validation")
    for run in sorted(path.parent for path in folder.glob("*/checkpoints")):
        model, _ = load_checkpoint(checkpoints(run)[-1])
        architecture, _, encoding = run.name.partition("-")
        tokenizer = load_fast_tokenizer(run / "tokenizer")
        traits = FAMILIES.named(model.family, f"{run}, its family")
        if traits.two_streams or not traits.attends:
            raise PsylmError(f"{run}: found {traits.described}; expected a Transformer that takes positions as input")
        kind = CausalBatches if model.objective == "causal" else MaskedBatches
        batches = kind(corpus, tokenizer, model.shape.context, seed=0)
        for state in STATES:
            loss = _loss(model.eval(), batches, state, min(rows, batches.rows))
            found.append({"architecture": architecture, "encoding": encoding, "positions": state, "loss": loss})
    return pd.DataFrame(found)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _loss(model: Any, batches: Batches, state: str, rows: int) -> float:
    generator = torch.Generator().manual_seed(0)
    total = count = 0.0
    for start in range(0, rows, 32):
        batch: Any = batches.make(range(start, min(start + 32, rows)), 0)
        ids = batch.ids[:, :-1] if model.objective == "causal" else batch.ids
        at = _positions(ids, state, generator)
        if model.objective == "causal":
            loss = cross_entropy(model.logits(model.states(ids, at=at)), batch.ids[:, 1:])
        else:
            states = model.states(ids, batch.attended, at=at)
            loss = cross_entropy(model.logits(states[batch.selected]), batch.targets)
        total += float(loss.total)
        count += batch.count
    return total / count


def _positions(ids: Tensor, state: str, generator: torch.Generator) -> Tensor:
    """Return positions [batch, n]: in order, in an order drawn for each row, or all 0."""
    at = places(ids).expand_as(ids)
    if state == "shuffled":
        order = torch.rand(ids.shape, generator=generator).argsort(-1)
        return at.take_along_dim(order, 1)
    return torch.zeros_like(at) if state == "removed" else at
