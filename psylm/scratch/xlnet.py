"""XLNet: permutation language modelling with two-stream attention (Yang et al. 2019)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.attention import MultiHeadAttention, two_stream_masks
from psylm.scratch.layers import FeedForward, Shape, initialise, places
from psylm.scratch.objectives import Loss, cross_entropy
from psylm.scratch.permutation import PermutedBatch
from psylm.scratch.positions import Positions, make_positions


class TwoStreamLayer(nn.Module):
    r"""A layer whose two streams share all weights and differ in what they may see.

    .. math::
        g_{z_t} &\leftarrow \mathrm{Attention}(Q = g_{z_t}, KV = h_{z_{<t}}) \\
        h_{z_t} &\leftarrow \mathrm{Attention}(Q = h_{z_t}, KV = h_{z_{\le t}})

    Parameters
    ----------
    shape
        The model's shape.

    References
    ----------
    Yang et al. (2019), *XLNet*, section 2.3.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(shape.width, shape.heads, shape.dropout)
        self.attention_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.feed_forward = FeedForward(shape.width, shape.inner, shape.activation)
        self.feed_forward_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self, h: Tensor, g: Tensor, content: Tensor, query: Tensor, positions: Positions, at: Tensor, g_at: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the next layer's content stream [batch, n, width] and query stream [batch, m, width].

        Parameters
        ----------
        h, g
            Content stream [batch, n, width], and query stream of the places that are predicted [batch, m, width].
        content, query
            What each may see of h: boolean [batch, 1, n, n] and [batch, 1, m, n].
        positions, at, g_at
            The position encoding, and the places' positions.
        """
        seen = self.attention(h, h, mask=content, positions=positions, at=at)
        guessed = self.attention(g, h, mask=query, positions=positions, at=g_at, memory_at=at)
        return self._finish(h, seen), self._finish(g, guessed)

    def _finish(self, x: Tensor, read: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(read))
        out: Tensor = self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))
        return out


@architecture("xlnet")
class XLNet(Architecture):
    r"""Predicts tokens in any order: :math:`\sum_t \log p(x_{z_t} \mid x_{z_{<t}})` for an order z.

    The content stream h knows each token; the query stream g, which predicts it, knows only its place.

    Parameters
    ----------
    shape
        The model's shape. Positions are absolute or rotary here, where the paper's are Transformer-XL's relative ones,
        and there is no memory of earlier segments.

    References
    ----------
    Yang et al. (2019), *XLNet: Generalized autoregressive pretraining for language understanding*.

    Examples
    --------
    >>> xlnet = XLNet(Shape(100, layers=2, width=16, heads=2))
    >>> ids, order = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[0, 0, 1, 2]])
    >>> xlnet.logits(xlnet.query_states(ids, order)).shape
    torch.Size([1, 4, 100])
    """

    family = "permuted"
    objective = "permuted"
    defaults: ClassVar = {"epsilon": 1e-12}
    # its second stream knows nothing of its own word but where it is
    position_kinds = ("learned", "sinusoidal", "rotary", "alibi")

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.start = nn.Parameter(torch.randn(shape.width) * 0.02)  # w, what every g begins with
        self.positions = make_positions(shape.positions, shape.width, shape.context)
        self.layers = nn.ModuleList(TwoStreamLayer(shape) for _ in range(shape.layers))
        self.dropout = nn.Dropout(shape.dropout)
        self.output_bias = nn.Parameter(torch.zeros(shape.vocabulary))
        initialise(self)

    def streams(self, ids: Tensor, content: Tensor, query: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return both streams of the top layer, [batch, n, width] and [batch, m, width].

        Parameters
        ----------
        ids
            Token identities [batch, n].
        content
            What each place may see of the content stream: boolean [batch, 1, n, n].
        query
            What each predicted place may see: boolean [batch, 1, m, n].
        targets
            The places that are predicted [batch, m].
        """
        at = places(ids)
        h = self.dropout(self.positions(self.embedding(ids), at))
        g = self.dropout(self.positions(self.start.expand(*targets.shape, -1), targets))
        for layer in self.layers:
            h, g = layer(h, g, content, query, self.positions, at, targets)
        return h, g

    def query_states(self, ids: Tensor, order: Tensor) -> Tensor:
        """Return the query stream's states of every place [batch, n, width].

        Parameters
        ----------
        ids
            Token identities [batch, n].
        order
            Rank of each in the order of prediction [batch, n]; the lowest rank is given.
        """
        content, query = two_stream_masks(order)
        everywhere = places(ids).expand_as(ids)
        return self.streams(ids, content, query, everywhere)[1]

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [..., vocabulary]: the embedding is the output layer too."""
        return nn.functional.linear(states, self.embedding.weight, self.output_bias)

    def loss(self, batch: PermutedBatch) -> Loss:
        """Return the summed cross-entropy of the tokens that are predicted; the query stream is computed there only."""
        content, query = two_stream_masks(batch.order)
        predicted = int((batch.order[0] > 0).sum())  # the same number in each row
        targets = batch.order.topk(predicted, -1).indices  # [batch, m]
        query = query.take_along_dim(targets[:, None, :, None], 2)  # [batch, 1, m, n]
        _, g = self.streams(batch.ids, content, query, targets)
        return cross_entropy(self.logits(g), batch.ids.take_along_dim(targets, 1))
