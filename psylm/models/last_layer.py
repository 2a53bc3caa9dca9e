"""The last layer of a bidirectional encoder, at the positions that are asked for only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from psylm.models.padding import trial_tokens
from psylm.models.query import padded


class LastLayer:
    """Runs a BERT-like encoder, its last layer at chosen positions.

    All positions are needed as keys and values of the last attention, but queries, output projection and
    feed-forward only where something is predicted: of a text with one mask, one position.

    Parameters
    ----------
    body
        A `transformers` encoder whose layers have BERT's parts; see `applies`.
    """

    def __init__(self, body: Any) -> None:
        self.body = body
        self.layer = body.encoder.layer[-1]

    @classmethod
    def of(cls, body: Any, length: int) -> LastLayer | None:
        """Return the last layer of an encoder that is built like BERT's, None of another.

        Whether it computes what the encoder itself does is tried on texts of so many tokens: BigBird's attention, for
        example, is BERT's for short texts only.
        """
        layers = getattr(getattr(body, "encoder", None), "layer", None)
        if not isinstance(layers, nn.ModuleList) or len(layers) < 2:
            return None
        try:
            last = cls(body)
            with torch.inference_mode():
                ids, attended = padded([trial_tokens(length, 0), trial_tokens(length - 1, 1)], 0, body.device)
                places = torch.tensor([[0, length // 2, length - 2]] * 2, device=body.device)
                whole = body(input_ids=ids, attention_mask=attended.long()).last_hidden_state
                whole, mine = whole.take_along_dim(places[..., None], 1), last(ids, attended.long(), places)
        except (AttributeError, RuntimeError, TypeError):
            return None  # other parts than BERT's: the whole layer is run
        tolerance = 1e-4 if body.dtype == torch.float32 else 0.1
        return last if torch.allclose(whole.float(), mine.float(), atol=tolerance, rtol=tolerance) else None

    def __call__(self, ids: Tensor, attended: Tensor, places: Tensor) -> Tensor:
        """Return the hidden states [rows, places, width] of `ids` [rows, length] at `places` [rows, places]."""
        with self._one_layer_less():
            below = self.body(input_ids=ids, attention_mask=attended).last_hidden_state
        chosen = below.take_along_dim(places[..., None], 1)
        attention = self.layer.attention.self

        def heads(states: Tensor) -> Tensor:
            return states.unflatten(-1, (-1, attention.attention_head_size)).transpose(1, 2)

        mixed = scaled_dot_product_attention(
            heads(attention.query(chosen)),
            heads(attention.key(below)),
            heads(attention.value(below)),
            attn_mask=attended.bool()[:, None, None, :],
            scale=attention.attention_head_size**-0.5,
        )
        after = self.layer.attention.output(mixed.transpose(1, 2).flatten(2), chosen)
        states: Tensor = self.layer.output(self.layer.intermediate(after), after)
        return states

    @contextmanager
    def _one_layer_less(self) -> Iterator[None]:
        encoder = self.body.encoder
        layers = encoder.layer
        encoder.layer = layers[:-1]
        try:
            yield
        finally:
            encoder.layer = layers
