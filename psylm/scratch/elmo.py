"""ELMo: two LSTM language models, one in each direction, whose layers are mixed (Peters et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.layers import Shape, initialise
from psylm.scratch.objectives import CausalBatch, Loss, cross_entropy


@architecture("elmo")
class ELMo(Architecture):
    r"""Reads a text from left to right and from right to left, and embeds each word by what both have seen.

    The two directions share the embedding and the output layer, and are trained together:
    :math:`\sum_k \log p(t_k \mid t_1 … t_{k-1}) + \log p(t_k \mid t_{k+1} … t_N)`.

    Parameters
    ----------
    shape
        Vocabulary, layers, width and dropout are used.

    References
    ----------
    Peters et al. (2018), *Deep contextualized word representations*. Theirs reads characters through a convolution;
    this one embeds tokens, whatever the tokenizer makes them (characters are one of its kinds).

    Examples
    --------
    >>> elmo = ELMo(Shape(100, layers=2, width=16))
    >>> elmo(torch.tensor([[5, 6, 7]])).shape  # the mixed layers of both directions
    torch.Size([1, 3, 32])
    """

    family = "recurrent"
    objective = "causal"

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.forwards = self._direction()
        self.backwards = self._direction()
        self.output_bias = nn.Parameter(torch.zeros(shape.vocabulary))
        # a task learns how much it needs of each layer (equation 1): s = softmax(mix), and the scale gamma
        self.mix = nn.Parameter(torch.zeros(shape.layers + 1))
        self.gamma = nn.Parameter(torch.ones(()))
        initialise(self)

    def _direction(self) -> nn.ModuleList:
        width = self.shape.width
        return nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(self.shape.layers))

    def _read(self, x: Tensor, direction: nn.ModuleList) -> list[Tensor]:
        """Return the states of every layer of a direction, a list of [batch, n, width]; x is layer 0."""
        layers = []
        for number, lstm in enumerate(direction):
            read, _ = lstm(self.dropout(x))
            x = read if number == 0 else x + read  # a residual connection between layers
            layers.append(x)
        return layers

    def layers(self, ids: Tensor) -> list[Tensor]:
        r"""Return h_{k,j} for j = 0 … L: the two directions of each layer side by side, [batch, n, 2 · width] each."""
        x = self.embedding(ids)  # [batch, n, width]
        forwards = self._read(x, self.forwards)
        backwards = self._read(x.flip(1), self.backwards)
        pairs = zip(forwards, (layer.flip(1) for layer in backwards), strict=True)
        return [torch.cat([x, x], -1), *(torch.cat(pair, -1) for pair in pairs)]

    def forward(self, ids: Tensor) -> Tensor:
        r"""Return :math:`γ \sum_j s_j h_{k,j}` [batch, n, 2 · width], the embedding of each token in its context."""
        s = self.mix.softmax(0)
        return self.gamma * torch.stack([s_j * h for s_j, h in zip(s, self.layers(ids), strict=True)]).sum(0)

    def states(self, ids: Tensor, mask: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return the forward direction's top states [batch, n, width]: as a participant, ELMo reads left to right."""
        return self._read(self.embedding(ids), self.forwards)[-1]

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [..., vocabulary] of one direction's states."""
        return nn.functional.linear(self.dropout(states), self.embedding.weight, self.output_bias)

    def loss(self, batch: CausalBatch) -> Loss:
        """Return half the summed cross-entropy of both directions: a sum over as many predictions as one makes."""
        ids = batch.ids
        forwards = cross_entropy(self.logits(self.states(ids[:, :-1])), ids[:, 1:])
        turned = self.embedding(ids[:, 1:].flip(1))
        backwards = self._read(turned, self.backwards)[-1]  # reads from the last token to the second
        back = cross_entropy(self.logits(backwards), ids[:, :-1].flip(1))
        return Loss((forwards.total + back.total) / 2)
