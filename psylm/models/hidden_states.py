"""Hidden states of any layer, of any model that has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.base import LanguageModel
from psylm.models.query import Row, batches, padded

CACHED_TOKENS = 512
"""Tokens of a batch on a processor: what a layer makes of so many stays in its cache. With MiniLM, 2,048 take a fifth
longer."""


def layers_of(model: LanguageModel) -> int:
    """Return the number of layers above the embeddings, of an encoder-decoder model its encoder's."""
    probe = torch.tensor([[0, 1]], device=model.network.device)
    return len(states_of(model, probe, None, every=True)) - 1


def state_batches(
    model: LanguageModel, sequences: Sequence[tuple[int, ...]], *, every: bool
) -> Iterator[tuple[list[int], list[Tensor]]]:
    """Run a model over token sequences, those of like length together.

    Parameters
    ----------
    model
        A model of a family with hidden states (`psylm.models.families`). An encoder-decoder model's encoder reads.
    sequences
        Tokens, special tokens included.
    every
        Whether the states of every layer are wanted, or those of the last alone.

    Yields
    ------
    numbers, states
        Which sequences these are, and for each layer their states [sequences, places, width], padding included:
        as in `transformers`, the embeddings that the first layer reads, then what each layer writes.
    """
    where: dict[tuple[int, ...], list[int]] = {}
    for number, ids in enumerate(sequences):
        where.setdefault(ids, []).append(number)
    rows = [Row(ids, []) for ids in where]
    model.check_room(rows)
    budget = model.allowance.tokens // 2 if every else model.allowance.tokens
    if model.network.device.type == "cpu":
        budget = min(budget, CACHED_TOKENS)
    for batch in batches(rows, max(budget, 1), model.may_pad):
        ids, there = padded([row.ids for row in batch], model.tokenizer.filler, model.network.device)
        # Without padding, or where a model cannot see it, no mask is needed: attention has a faster kernel then.
        unmasked = model.left_to_right or len(batch[-1]) == ids.shape[1]
        with torch.inference_mode():
            states = states_of(model, ids, None if unmasked else there, every=every)
        numbers = [where[row.ids] for row in batch]
        if any(len(one) > 1 for one in numbers):
            places = torch.tensor([place for place, one in enumerate(numbers) for _ in one], device=ids.device)
            states = [layer[places] for layer in states]
        yield [number for one in numbers for number in one], states


def states_of(model: LanguageModel, ids: Tensor, there: Tensor | None, *, every: bool) -> list[Tensor]:
    """Return the states [rows, places, width] of every layer, or of the last, for tokens and the mask of padding."""
    network = model.network
    encoder_decoder = bool(getattr(network.config, "is_encoder_decoder", False))
    body: Any = network.get_encoder() if encoder_decoder else network.base_model
    options: dict[str, Any] = {} if there is None else {"attention_mask": there.long()}
    if model.left_to_right:
        options["use_cache"] = False
    with torch.inference_mode():
        output = body(input_ids=ids, output_hidden_states=every, **options)
    states = list(output.hidden_states) if every else [output.last_hidden_state]
    if any(layer.dim() != 3 or layer.shape[:2] != ids.shape for layer in states):
        raise PsylmError(
            f"model {model.info.name!r}: the states of its architecture, {model.info.architecture}, are not one a "
            "token and layer; expected another model for measures of embeddings"
        )
    return states
