"""The Transformer: an encoder that reads, a decoder that writes (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from psylm.scratch.attention import padding_mask
from psylm.scratch.layers import Shape, Stack, places
from psylm.scratch.objectives import IGNORED, Loss, cross_entropy

SMOOTHING = 0.1
"""ε of label smoothing (section 5.4)."""


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs of texts.

    Parameters
    ----------
    source
        What is read [batch, n].
    target
        What is to be written [batch, m], from the token that begins a text to the one that ends it.
    padding
        The token that stands where a text is over, on both sides.
    """

    source: Tensor
    target: Tensor
    padding: int

    @property
    def count(self) -> int:
        """Predictions."""
        return int((self.target[:, 1:] != self.padding).sum())

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return int((self.source != self.padding).sum()) + self.count


class Transformer(nn.Module):
    """Reads a text with an encoder, and writes another with a decoder, token by token.

    Source, target and output layer share one embedding, which is multiplied by √d_model (section 3.4).

    Parameters
    ----------
    shape
        The model's shape; the base model is `Shape(37000, layers=6, width=512, heads=8, inner=2048,
        positions="sinusoidal", activation="relu")`. Encoder and decoder have `layers` each.
    smoothing
        ε of label smoothing.

    References
    ----------
    Vaswani et al. (2017), *Attention is all you need*.

    Examples
    --------
    >>> model = Transformer(Shape(20, layers=1, width=16, heads=2, positions="sinusoidal", activation="relu"))
    >>> model(torch.tensor([[5, 6, 7]]), torch.tensor([[2, 7]])).shape
    torch.Size([1, 2, 20])
    """

    def __init__(self, shape: Shape, smoothing: float = SMOOTHING) -> None:
        super().__init__()
        self.shape = shape
        self.smoothing = smoothing
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.encoder = Stack(shape)
        self.decoder = Stack(shape, causal=True, cross=True)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
        nn.init.normal_(self.embedding.weight, std=shape.width**-0.5)

    def _embed(self, ids: Tensor, stack: Stack) -> Tensor:
        x = self.embedding(ids) * math.sqrt(self.shape.width)
        out: Tensor = self.dropout(stack.positions(x, places(ids)))
        return out

    def encode(self, source: Tensor, attended: Tensor | None = None) -> Tensor:
        """Return the encoder's states [batch, n, width] of a source [batch, n]; `attended` is False at padding."""
        mask = None if attended is None else padding_mask(attended)
        states: Tensor = self.encoder(self._embed(source, self.encoder), mask=mask)
        return states

    def decode(self, target: Tensor, memory: Tensor, attended: Tensor | None = None) -> Tensor:
        """Return logits [batch, m, vocabulary] of the token after each of the target's [batch, m].

        Parameters
        ----------
        target
            What is written so far.
        memory, attended
            The encoder's states [batch, n, width], and what of the source is not padding [batch, n].
        """
        mask = None if attended is None else padding_mask(attended)
        x = self.decoder(self._embed(target, self.decoder), memory=memory, memory_mask=mask)
        return x @ self.embedding.weight.T

    def forward(self, source: Tensor, target: Tensor, attended: Tensor | None = None) -> Tensor:
        """Return logits [batch, m, vocabulary] of the token after each of the target's."""
        return self.decode(target, self.encode(source, attended), attended)

    def loss(self, batch: PairBatch) -> Loss:
        """Return the summed, smoothed cross-entropy of every token of the target after the first."""
        logits = self(batch.source, batch.target[:, :-1], batch.source != batch.padding)
        wanted = batch.target[:, 1:].masked_fill(batch.target[:, 1:] == batch.padding, IGNORED)
        return cross_entropy(logits, wanted, smoothing=self.smoothing if self.training else 0.0)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def write(self, source: Tensor, begin: int, end: int, longest: int, attended: Tensor | None = None) -> Tensor:
        """Write, taking the most probable token each time.

        Parameters
        ----------
        source, attended
            What is read [batch, n], and what of it is not padding.
        begin, end
            The tokens that begin and end a text.
        longest
            Tokens at most.

        Returns
        -------
        Tensor [batch, m]
            What was written, after `begin`; `end` repeats where a text is over.
        """
        memory = self.encode(source, attended)
        out = torch.full((len(source), 1), begin, device=source.device)
        for _ in range(longest):
            following = self.decode(out, memory, attended)[:, -1].argmax(-1)
            over = (out[:, 1:] == end).any(-1)
            out = torch.cat([out, following.masked_fill(over, end)[:, None]], -1)
            if bool((over | (following == end)).all()):
                break
        return out[:, 1:]
