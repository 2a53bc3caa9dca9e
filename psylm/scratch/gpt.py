"""GPT: a causal Transformer (Radford et al. 2018, 2019)."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor, nn

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.layers import Shape, Stack, initialise, places
from psylm.scratch.objectives import CausalBatch, Loss, cross_entropy


@architecture("gpt")
class GPT(Architecture):
    r"""Predicts each token from those before it: :math:`p(w_t \mid w_1 … w_{t-1})`.

    Parameters
    ----------
    shape
        The model's shape; GPT-2's is `Shape(50257, layers=12, width=768, heads=12, context=1024,
        activation="gelu_tanh", normalise="before")`.

    References
    ----------
    Radford et al. (2019), *Language models are unsupervised multitask learners*.

    Examples
    --------
    >>> import torch
    >>> gpt = GPT(Shape(100, layers=2, width=16, heads=2, **GPT.defaults))
    >>> gpt.logits(gpt.states(torch.tensor([[5, 6, 7]]))).shape
    torch.Size([1, 3, 100])
    """

    family = "causal"
    objective = "causal"
    defaults: ClassVar = {"activation": "gelu_tanh", "normalise": "before"}
    starts_from = "gpt2"

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.stack = Stack(shape, causal=True)
        initialise(self)
        for name, weight in self.named_parameters():
            if name.endswith(("W_O.weight", "W_2.weight")):  # what is added to the residual stream, 2 a layer
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * shape.layers))

    def states(self, ids: Tensor, mask: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return the top layer's states [batch, n, width].

        Parameters
        ----------
        ids
            Token identities [batch, n].
        mask
            In place of the causal mask: boolean, [batch, 1, n, n].
        at
            Positions [n] or [batch, n]; 0, 1, … by default.
        """
        at = places(ids) if at is None else at
        x = self.dropout(self.stack.positions(self.embedding(ids), at))  # [batch, n, width]
        states: Tensor = self.stack(x, mask=mask, at=at)
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [..., vocabulary]: the embedding is the output layer too."""
        return states @ self.embedding.weight.T

    def loss(self, batch: CausalBatch) -> Loss:
        """Return the summed cross-entropy of every token after the first of each row."""
        return cross_entropy(self.logits(self.states(batch.ids[:, :-1])), batch.ids[:, 1:])
